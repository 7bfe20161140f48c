"""A history is written a run at a time and read a series at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from harness.core.series import Accepted
from harness.errors import HistoryError
from harness.history import texts
from harness.history.reading import Wanted
from harness.history.store import History, open_history
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

    found = {(one.key.model, one.key.quantity): one for one in history.series()}

    speed = found["ssd", "min_speedup"]
    assert [point.value for point in speed.points] == [1.3, 2.3, 3.3]
    assert [point.at for point in speed.points] == [FIRST + dt.timedelta(days=d) for d in range(3)]
    assert speed.points[0].commit == night(0).commit
    assert speed.points[0].versions == night(0).versions
    assert speed.points[0].segment == "s2"
    assert ("digits", "min_agreement") not in found


def test_nothing_is_compared_across_machines(history: History) -> None:
    """Another machine, ISA class or stack is another series of the same model and quantity."""
    history.record(night(0))
    history.record(night(1, machine="c3d4"))
    history.record(night(2, isa="vnni"))
    history.record(night(3, stack="omz"))

    keys = [one.key for one in history.series(Wanted(quantity="min_speedup"))]

    assert {(key.isa, key.machine, key.stack) for key in keys} == {
        ("amx", "a1b2", "default"),
        ("amx", "c3d4", "default"),
        ("vnni", "a1b2", "default"),
        ("amx", "a1b2", "omz"),
    }


def test_only_what_is_wanted_is_read(history: History) -> None:
    """Model, quantity, machine and time narrow what is read."""
    for day in range(3):
        history.record(night(day))

    since = FIRST + dt.timedelta(days=1)
    (found,) = history.series(Wanted(model="ssd", quantity="min_speedup", since=since))

    assert [point.run for point in found.points] == ["night-1", "night-2"]
    assert not list(history.series(Wanted(model="sdd")))


def test_columns_say_what_series_say(history: History) -> None:
    """Columns carry the limit of each night beside what the points carry."""
    for day in range(2):
        history.record(night(day))

    runs, columns = history.columns(Wanted(quantity="min_speedup"))
    (one,) = columns

    assert [runs[index].id for index in one.runs] == ["night-0", "night-1"]
    assert one.threshold.tolist() == [1.2, 1.2]
    assert [one.series(runs)] == list(history.series(Wanted(quantity="min_speedup")))


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
    monkeypatch.setattr(texts, "_AT_ONCE", 2)

    (found,) = history.series(Wanted(quantity="min_speedup"))

    assert [point.segment for point in found.points] == [f"min_speedup-{d}" for d in range(5)]
