"""A change of a recorded number: when, by how much, between which runs, and whether it was accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from quantgate.core.changes.fit import Kind
    from quantgate.core.series import Accepted, RunFacts, SeriesKey

ChangeCause = Literal["model", "machine", "versions", "unclear"]
#: Who said that it was not the model alone: the machine's control, or most of its other models.
Witness = Literal["", "control", "models"]


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A number that moved.

    Parameters
    ----------
    kind
        ``step``, or ``drift``: a slow slope from `first_changed` to `found`.
    start, first, found
        Places in the series: where the regime before begins, the likeliest first night after the
        change, the night on which it could first be told.
    last_good, moved, first_changed
        The last run that is surely before the change, the likeliest first one after it, and the
        first that is surely after it.
    told
        The run on whose night it could first be told.
    before, after
        Levels, in the quantity's unit.
    ratio
        Whether `size` is ``after / before``, else it is ``after - before``.
    size, low, high
        With its 95 % interval; a number that repeats exactly has ``low == size == high``.
    worse
        None where the quantity has no direction.
    standing
        Whether the latest level of the same segment has not come back.
    cause
        ``machine`` where the control or most other models' timings changed the same night, ``versions``
        where they moved the night a library changed, ``unclear`` where more nights have to tell.
    witness
        Which of them moved, where `cause` is ``machine`` or ``versions``.
    accepted, expired
        Who accepted it, and whether the acceptance has expired.
    unit
        Of the series' numbers.
    """

    key: SeriesKey
    kind: Kind
    start: int
    first: int
    found: int
    last_good: RunFacts
    moved: RunFacts
    first_changed: RunFacts
    told: RunFacts
    before: float
    after: float
    ratio: bool
    size: float
    low: float
    high: float
    worse: bool | None
    standing: bool
    cause: ChangeCause = "model"
    witness: Witness = ""
    accepted: Accepted | None = None
    expired: bool = False
    unit: str = ""

    @property
    def commits(self) -> tuple[str, str] | None:
        """Commits of the last good and the first changed run, where both are known and differ."""
        pair = (self.last_good.commit, self.first_changed.commit)
        return pair if all(pair) and pair[0] != pair[1] else None

    @property
    def versions(self) -> dict[str, tuple[str, str]]:
        """Libraries whose version changed between the last good and the first changed run."""
        old, new = self.last_good.versions, self.first_changed.versions
        names = sorted({*old, *new})
        pairs = {name: (old.get(name, ""), new.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def open(self) -> bool:
        """Whether it fails a gate: worse, still standing, not the machine's, and not accepted."""
        excused = self.accepted is not None and not self.expired
        known = self.cause in {"model", "versions"}
        return bool(self.worse) and self.standing and known and not excused


def accept(
    changes: Iterable[ChangePoint], accepted: Sequence[Accepted], today: dt.date
) -> list[ChangePoint]:
    """Mark changes that were accepted after they happened; an expired acceptance says so."""
    return [_accepted(change, accepted, today) for change in changes]


def _accepted(change: ChangePoint, accepted: Sequence[Accepted], today: dt.date) -> ChangePoint:
    moved = change.told if change.kind == "drift" else change.moved
    fitting = [
        one
        for one in accepted
        if (one.model, one.quantity) == (change.key.model, change.key.quantity)
        and moved.at <= one.at
    ]
    if not fitting:
        return change
    # For ever lasts longest.
    longest = max(fitting, key=lambda one: (one.until is None, one.until or today, one.at))
    expired = longest.until is not None and today >= longest.until
    return replace(change, accepted=longest, expired=expired)
