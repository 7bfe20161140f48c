"""Racing candidates with few images first, and leaving out of a set what it does not need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def race(
    candidates: Sequence[T],
    rungs: Sequence[int],
    rank: Callable[[T, int], Any],
    *,
    least: int = 4,
    over: Callable[[], bool] = lambda: False,
) -> list[T]:
    """Successive halving: rank all on few images, the better half on more, and so on.

    Parameters
    ----------
    rungs
        Numbers of images, rising.
    rank
        Smaller is better; asked once a candidate and rung.
    least
        Candidates that always go on.
    over
        Asked before each question: whether the time is spent. The rung begun is then ranked as far as it came.

    Returns
    -------
    list
        Those left, best first.

    Examples
    --------
    >>> race([5, 1, 4, 2, 3], [8, 16], lambda one, images: one, least=2)
    [1, 2]
    """
    left = list(candidates)
    for number, images in enumerate(rungs):
        found = []
        for place, candidate in enumerate(left):
            if over():
                break
            found.append((rank(candidate, images), place, candidate))
        if not found and number:
            return left
        found.sort(key=lambda one: one[:2])
        last = number == len(rungs) - 1
        keep = len(found) if last else max(least, (len(found) + 1) // 2)
        left = [candidate for *_, candidate in found[:keep]]
    return left[:least] if len(rungs) > 1 else left


def grown(
    sets: Sequence[frozenset[str]], holds: Callable[[frozenset[str]], float], target: float
) -> list[frozenset[str]]:
    """Unite sets, best first, as long as each union lacks less than the one before, until the target.

    ``holds`` gives what a set still lacks; the unions come in the order they were kept.
    """
    kept: list[frozenset[str]] = []
    whole, lacks = frozenset[str](), float("inf")
    for one in sets:
        union = whole | one
        if union == whole:
            continue
        found = holds(union)
        if found < lacks:
            whole, lacks = union, found
            kept.append(union)
        if lacks <= target:
            break
    return kept


def pruned(
    parts: Sequence[T], holds: Callable[[Sequence[T]], bool], *, most: int = 24, least: int = 1
) -> tuple[T, ...]:
    """Leave out what is not needed, all of the parts first, then half, quarters, down to single ones.

    Parameters
    ----------
    holds
        Whether what is left is still good enough; asked at most ``most`` times.
    least
        How many parts stay in any case.

    Examples
    --------
    >>> pruned("abcdefgh", lambda left: {"c", "f"} <= set(left))
    ('c', 'f')
    """
    left, size, asked = list(parts), len(parts) if least < 1 else len(parts) // 2, 0
    while size:
        at = 0
        while at < len(left) and asked < most:
            trial = left[:at] + left[at + size :]
            enough = len(trial) >= least
            asked += enough
            if enough and holds(trial):
                left = trial
            else:
                at += size
        size //= 2
    return tuple(left)
