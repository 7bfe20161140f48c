"""What `quantgate trend` found: all series of a history, and what moved in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.changes.change import ChangePoint
    from quantgate.core.series import Columns, RunFacts


@dataclass(frozen=True, slots=True)
class Trend:
    """A history looked at.

    Parameters
    ----------
    name
        Of the history: its path, or its URL without the password.
    runs
        All runs in the order of time; the series' columns point into them.
    series
        What is shown of models.
    controls
        The control of each machine shown: a model against itself, what the machine does to timings.
    control_changes
        What moved in those.
    changes
        Of these series, the latest first.
    """

    name: str
    runs: Sequence[RunFacts]
    series: Sequence[Columns]
    changes: Sequence[ChangePoint]
    controls: Sequence[Columns] = ()
    control_changes: Sequence[ChangePoint] = ()

    @property
    def told(self) -> list[ChangePoint]:
        """Changes that are reported: not accepted, and not caused by the machine."""
        return [c for c in self.changes if c.cause != "machine" and not excused(c)]

    @property
    def open(self) -> list[ChangePoint]:
        """Changes that fail ``--fail-on-change``."""
        return [change for change in self.changes if change.open]


def excused(change: ChangePoint) -> bool:
    """Whether a change was accepted and the acceptance has not expired."""
    return change.accepted is not None and not change.expired
