"""A history is written a run at a time and read a series at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.series import Accepted
from quantgate.errors import HistoryError
from quantgate.history import interned
from quantgate.history.record import Number
from quantgate.history.store import History, open_history
from suites.nights import FIRST, night


@pytest.fixture
def history(store_url: str) -> History:
    """Provide an empty history."""
    return open_history(store_url, create=True)


def test_what_was_recorded_is_read_back(history: History) -> None:
    """Every field of a run comes back as it was, holes and the order of facts included."""
    assert history.record(night(3)).new

    assert list(history.records()) == [night(3)]


def test_series_stand_in_the_order_of_time(history: History) -> None:
    """Nights recorded in any order make one series, oldest first; a hole has no point."""
    for day in (2, 0, 1):
        history.record(night(day, value=1.3 + day))

    runs, columns = history.columns()
    found = {(one.key.model, one.key.quantity): one for one in columns}

    speed = found["ssd", "min_speedup"]
    nights = [runs[place] for place in speed.runs]
    assert speed.value.tolist() == [1.3, 2.3, 3.3]
    assert [run.at for run in nights] == [FIRST + dt.timedelta(days=d) for d in range(3)]
    assert nights[0].commit == night(0).commit
    assert nights[0].versions == night(0).versions
    assert [speed.segments[one] for one in speed.segment] == ["s2"] * 3
    assert ("digits", "min_agreement") not in found


def test_columns_carry_every_number_as_it_was(history: History) -> None:
    """To the last bit, a limit that is missing as NaN, whichever way the database hands them over."""
    third = Estimate(1 / 3, -1e-300, 1.7e308, 20, of="rounds")
    numbers = tuple(
        Number("ssd", quantity, third, "passed", limit, f"s{limit}")
        for quantity, limit in (("min_speedup", 0.1), ("max_latency_ratio", None))
    )
    history.record(night(0, numbers=numbers))

    for one in history.columns()[1]:
        limit = {"min_speedup": 0.1}.get(one.key.quantity)
        row = [one.value[0], one.low[0], one.high[0]]
        assert row == [third.value, third.low, third.high]
        assert np.isnan(one.threshold[0]) if limit is None else one.threshold[0] == limit
        assert one.segments == {int(one.segment[0]): f"s{limit}"}
        assert {each.dtype for each in (one.runs, one.segment)} == {np.dtype("int64")}
        assert {each.dtype for each in (one.value, one.threshold)} == {np.dtype("float64")}


def test_a_run_that_is_recorded_meanwhile_is_not_seen(history: History) -> None:
    """Series are read after the runs: what comes in between belongs to the next look."""
    history.record(night(0))
    runs, columns = history.columns()
    history.record(night(1))

    assert len(runs) == 1
    assert {len(one) for one in columns} == {1}


def test_nothing_is_compared_across_machines(history: History) -> None:
    """Another machine, ISA class or stack is another series of the same model and quantity."""
    history.record(night(0))
    history.record(night(1, machine="c3d4"))
    history.record(night(2, isa="vnni"))
    history.record(night(3, stack="omz"))

    keys = [one.key for one in history.columns()[1]]

    assert {(key.isa, key.machine, key.stack) for key in keys} == {
        ("amx", "a1b2", "default"),
        ("amx", "c3d4", "default"),
        ("vnni", "a1b2", "default"),
        ("amx", "a1b2", "omz"),
    }


def test_the_same_run_twice_is_one(history: History) -> None:
    """Recording a run again, its report lying elsewhere, changes nothing."""
    history.record(night(0))

    again = history.record(night(0, place="https://ci.example/2"))

    assert not again.new
    assert len(list(history.records())) == 1


def test_two_results_cannot_claim_one_run(history: History) -> None:
    """A run that is there with other results is refused in one sentence, and nothing is lost."""
    history.record(night(0))

    with pytest.raises(HistoryError, match="holds a run night-0 with other results") as refused:
        history.record(night(0, value=9.0))

    assert str(refused.value).count("\n") == 0
    assert list(history.records()) == [night(0)]


def test_a_clock_that_went_backwards_is_said(history: History) -> None:
    """A run that ended before the latest one began is kept in its own place, with a note."""
    history.record(night(5))

    late = history.record(night(2))
    overlapping = history.record(night(4, run="long", duration_s=2 * 86400.0))

    assert late.notes
    assert "a clock went backwards" in late.notes[0]
    assert not overlapping.notes
    assert [run.id for run in history.runs()] == ["night-2", "long", "night-5"]


def test_accepted_steps_are_kept(history: History) -> None:
    """An accepted step comes back as it was; the same one twice is one."""
    step = Accepted("ssd", "min_speedup", "faster head", "A <a@b.example>", FIRST)
    dated = replace(step, at=FIRST + dt.timedelta(days=1), until=dt.date(2027, 1, 1))

    assert [history.accept(one) for one in (dated, step, step)] == [True, True, False]
    assert history.accepted() == (step, dated)


def test_segments_without_number_are_read_in_parts(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases bound the values of a statement; a series may have had more segments than that."""
    for day in range(5):
        numbers = tuple(replace(one, segment=f"{one.quantity}-{day}") for one in night().numbers)
        history.record(night(day, numbers=numbers))
    monkeypatch.setattr(interned, "_AT_ONCE", 2)

    found = {one.key.quantity: one for one in history.columns()[1]}["min_speedup"]

    assert [found.segments[one] for one in found.segment] == [f"min_speedup-{d}" for d in range(5)]
