"""Racing candidates with few images first, and leaving out of a set what it does not need."""

from __future__ import annotations

from bisect import insort
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

    One that is among the better half of those so far goes on at once, while it is at hand.

    Parameters
    ----------
    rungs
        Numbers of images, rising.
    rank
        Smaller is better; asked at most once a candidate and rung.
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
    known: dict[tuple[int, int], Any] = {}

    def asked(place: int, images: int) -> Any:
        """Rank once; None where the time is spent."""
        if (place, images) not in known:
            if over():
                return None
            known[place, images] = rank(candidates[place], images)
        return known[place, images]

    _at_once(len(candidates), rungs, asked, least)
    left = list(range(len(candidates)))
    for number, images in enumerate(rungs):
        found: list[tuple[Any, int]] = []
        for place in left:
            ranked = asked(place, images)
            if ranked is None:
                break
            found.append((ranked, place))
        if not found and number:
            break
        last = number == len(rungs) - 1
        keep = len(found) if last else _better_half(len(found), least)
        left = [place for _, place in sorted(found)[:keep]]
    return [candidates[place] for place in (left[:least] if len(rungs) > 1 else left)]


def _at_once(
    count: int, rungs: Sequence[int], asked: Callable[[int, int], Any], least: int
) -> None:
    """Ask of each candidate all rungs that it comes to among those so far."""
    reached: dict[int, list[Any]] = {images: [] for images in rungs}
    for place in range(count):
        for images in rungs:
            found = asked(place, images)
            if found is None:
                return
            insort(reached[images], found)
            if reached[images].index(found) >= _better_half(len(reached[images]), least):
                break


def _better_half(count: int, least: int) -> int:
    return max(least, (count + 1) // 2)


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
