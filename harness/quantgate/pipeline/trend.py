"""From a history to what moved in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.changes.change import accept
from quantgate.core.changes.detect import find_changes
from quantgate.core.changes.machine import explain
from quantgate.core.changes.panel import Timed, run_days
from quantgate.core.series import is_control
from quantgate.errors import HistoryError
from quantgate.report.trend.model import Trend

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from quantgate.core.series import Columns, SeriesKey
    from quantgate.history.store import History

_OF_MACHINES = ("machine", "stack")
FILTERS = ("model", "quantity", *_OF_MACHINES)


@dataclass(frozen=True, slots=True)
class Shown:
    """Which series are shown; None is any. All are looked at: a machine's others are witnesses."""

    model: str | None = None
    quantity: str | None = None
    machine: str | None = None
    stack: str | None = None

    def fits(self, key: SeriesKey) -> bool:
        """Whether a series is shown."""
        names = _OF_MACHINES if is_control(key) else FILTERS
        wanted = ((name, getattr(self, name)) for name in names)
        return all(value is None or getattr(key, name) == value for name, value in wanted)


ALL = Shown()


def look(history: History, today: dt.date, shown: Shown = ALL) -> Trend:
    """Look at a whole history.

    Raises
    ------
    HistoryError
        Where it cannot be read, or a filter names what no series has.
    """
    runs, columns = history.columns()
    series = list(columns)
    for name in FILTERS:
        _demand_known(series, name, getattr(shown, name))
    days = run_days(runs)
    timed = [kept for one in series if (kept := Timed.of(one, days))]
    # The controls' own changes are witnesses: nights are compared with the level that a control has now.
    found = explain(find_changes(series, runs), timed, runs)
    of_models = [change for change in found if not is_control(change.key)]
    changes = accept(of_models, history.accepted(), today)
    fitting = [one for one in series if shown.fits(one.key)]
    return Trend(
        history.name,
        runs,
        [one for one in fitting if not is_control(one.key)],
        sorted(
            (change for change in changes if shown.fits(change.key)),
            key=lambda change: (change.moved.at, change.key),
            reverse=True,
        ),
        [one for one in fitting if is_control(one.key)],
        [change for change in found if is_control(change.key) and shown.fits(change.key)],
    )


def _demand_known(series: Sequence[Columns], name: str, value: str | None) -> None:
    if value is None or not series:
        return
    known = sorted({str(getattr(one.key, name)) for one in series if not is_control(one.key)})
    if value not in known:
        from quantgate.manifest.problems import unknown_name

        raise HistoryError(f"--{name}: {unknown_name(name, value, known)}")
