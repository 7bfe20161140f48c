"""Changes of a series: found soon, told truly, and nothing told that did not happen."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from quantgate.core.changes.change import ChangePoint, accept
from quantgate.core.changes.detect import find_changes
from quantgate.core.changes.levels import WARM_UP, Levels
from quantgate.core.changes.scan import scan
from quantgate.core.series import Accepted, Columns
from suites.simulated import FIRST, attainable, columns, key, nightly, runs, speeds

TODAY = dt.date(2026, 4, 1)


def found(one: Columns, nights: int = 400) -> list[ChangePoint]:
    """Find the changes of one series."""
    return list(find_changes([one], runs(nights)))


def stepped(step: float, *, noise: float = 0.01, at: int = 40, nights: int = 60) -> Columns:
    """Draw a ratio near 1.3 that moves by a factor on one night."""
    values, sds = nightly(np.random.default_rng(3), (1, nights), noise, "normal")
    values[0, at:] += np.log(step)
    ratios = 1.3 * np.exp(values[0])
    return columns(ratios, 1.96 * sds[0] * ratios)


def share_found(
    step: float, noise: float, within: int, *, base: int = 60, kind: str = "normal"
) -> float:
    """Share of 400 series whose step is told within some nights."""
    values, sds = nightly(np.random.default_rng(11), (400, base + within), noise, kind)
    values[:, base:] += np.log1p(-step)
    alarms = scan(speeds(values, sds))
    early = {alarm.series for alarm in alarms if alarm.found < base}
    told = {alarm.series for alarm in alarms if alarm.found >= base} - early
    return len(told) / (400 - len(early))


@pytest.mark.parametrize("kind", ["normal", "outliers", "heavy tails", "narrow intervals"])
def test_at_most_one_report_in_a_thousand_series_nights_is_false(kind: str) -> None:
    """Counted over a history that is looked at every night, whatever the noise is like."""
    values, sds = nightly(np.random.default_rng(5), (400, 300), 0.02, kind)

    assert len(scan(speeds(values, sds))) <= values.size / 1000


@pytest.mark.parametrize(
    ("step", "noise", "within", "kind"),
    [(0.03, 0.01, 5, "normal"), (0.03, 0.01, 5, "outliers"), (0.10, 0.02, 2, "normal")],
)
def test_a_step_is_found_within_the_nights_promised(
    step: float, noise: float, within: int, kind: str
) -> None:
    """Three per cent at noise of 1 % within five nights, ten at 2 % within two, in 95 of 100."""
    assert share_found(step, noise, within, kind=kind) >= 0.95


@pytest.mark.parametrize(("step", "noise", "within"), [(0.03, 0.02, 5), (0.10, 0.05, 5)])
def test_where_arithmetic_forbids_more_most_of_it_is_found(
    step: float, noise: float, within: int
) -> None:
    """No detector finds more than the bound; this one is not far below."""
    bound = attainable(np.log1p(step), noise, within)

    assert bound * 0.75 <= share_found(step, noise, within) <= bound


def test_what_was_told_stays_told() -> None:
    """The reports of a night are those of every later night up to then: none come, none go."""
    values, sds = nightly(np.random.default_rng(7), (60, 150), 0.02, "outliers")
    values[:30, 70:] += 0.05
    told = scan(speeds(values, sds))

    for night in (71, 80, 113, 149):
        until = scan(speeds(values[:, : night + 1], sds[:, : night + 1]))
        assert until == [alarm for alarm in told if alarm.found <= night]


def test_a_change_says_when_and_how_much() -> None:
    """The runs around it, the size with an interval that holds the truth, and the commits between."""
    (change,) = found(stepped(0.93))

    assert (change.kind, change.worse, change.standing, change.open) == ("step", True, True, True)
    assert (change.last_good.id, change.moved.id, change.first_changed.id) == (
        "night-39",
        "night-40",
        "night-40",
    )
    assert change.low <= 0.93 <= change.high
    assert change.high - change.low < 0.03
    assert change.after / change.before == pytest.approx(change.size)
    assert change.commits == (f"{39:040x}", f"{40:040x}")
    assert change.versions == {}


def test_an_improvement_is_told_and_fails_nothing() -> None:
    """Faster is a change too; only what is worse is open."""
    (change,) = found(stepped(1.08))

    assert (change.worse, change.open) == (False, False)


def test_directions_follow_the_limit() -> None:
    """Higher is worse where the limit is a maximum, and the control has no direction."""
    values = [0.010] * 6 + [0.030] * 4

    sides = [
        found(columns(values, of=key("ssd", quantity)))[0].worse
        for quantity in ("max_accuracy_drop", "min_agreement")
    ]

    assert sides == [True, False]
    assert found(columns(values, of=key("", "control")))[0].worse is None


def test_intervals_hold_the_true_size() -> None:
    """The 95 % intervals of 200 steps hold the truth about as often as they say."""
    values, sds = nightly(np.random.default_rng(17), (200, 90), 0.02, "normal")
    values[:, 50:] += np.log(0.9)
    drawn = zip(np.exp(values), 1.96 * sds * np.exp(values), strict=True)
    changes = find_changes([columns(ratios, half) for ratios, half in drawn], runs(90))
    held = [c.low <= 0.9 <= c.high for c in changes if abs(c.first - 50) <= 1]

    assert len(held) > 190
    assert 0.88 <= np.mean(held) <= 0.99


def test_an_exact_number_changes_when_it_changes() -> None:
    """Without noise the second night tells it, to the last digit."""
    (change,) = found(columns([0.25] * 4 + [0.26, 0.26], of=key("ssd", "max_size_ratio")))

    assert (change.first, change.found) == (4, 5)
    assert change.low == change.size == change.high == pytest.approx(0.26 / 0.25)


def test_a_byte_more_in_a_file_is_no_change() -> None:
    """Steps of ratios below a thousandth are of no interest."""
    assert not found(columns([0.25] * 6 + [0.2501] * 6, of=key("ssd", "max_size_ratio")))


def test_a_number_that_repeats_itself_is_exact_whatever_its_interval() -> None:
    """Accuracy on the same images varies between images, not between nights."""
    drop = columns([0.010] * 8 + [0.013] * 2, 0.006, of=key("ssd", "max_accuracy_drop"))
    (change,) = found(drop)

    assert (change.first, change.found, change.ratio) == (8, 9, False)
    assert change.size == pytest.approx(0.003)


def test_a_number_that_was_exact_and_begins_to_scatter_is_watched_all_the_same() -> None:
    """Nights without an interval tell no noise: it is learnt anew, nothing told, a later step found."""
    rng = np.random.default_rng(2)
    values = np.concatenate([np.zeros(10), rng.normal(0, 0.002, 50)])
    half = np.repeat([0.0, 0.004], [10, 50])
    of = key("ssd", "max_accuracy_drop")

    assert found(columns(values, half, of=of)) == []
    values[45:] += 0.03
    (change,) = found(columns(values, half, of=of))
    assert (change.moved.id, change.open) == ("night-45", True)


def test_one_series_relearns_what_a_thousand_learn_together() -> None:
    """The formula for arrays and the one for single numbers give the same levels, to the last bit."""
    values, sds = nightly(np.random.default_rng(4), (50, 5), 0.02, "outliers")
    sds[:, 3] = 0.0
    sds[20, 4], sds[:6, 4] = 1e100, 1e-100
    together, alone = Levels(values, sds), Levels(values, sds)
    rows = np.arange(5)
    together.begin(rows, WARM_UP - 1)
    for night in range(WARM_UP, 50):
        together.learn(rows, night, np.full(5, night))
    for row in range(5):
        alone.relearn(row, 0, 49)

    for name in ("weight", "total", "variance", "typical"):
        assert np.array_equal(getattr(together, name)[1:], getattr(alone, name)[1:]), name


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_bad_night_is_no_change(noise: float) -> None:
    """However bad it is."""
    values, sds = nightly(np.random.default_rng(23), (1, 60), noise, "normal")
    values[0, 30] -= 0.5
    ratios = np.exp(values[0])

    assert not found(columns(ratios, 1.96 * sds[0] * ratios))


def test_the_last_night_alone_is_no_change() -> None:
    """At least two nights after it are needed."""
    assert not found(stepped(0.7, nights=41))
    assert found(stepped(0.7, nights=42))


def test_segments_are_not_compared() -> None:
    """Changed data or another manifest entry begin anew, and nothing is told."""
    values = [1.3] * 20 + [0.9] * 20

    assert not found(columns(values, segment=[0] * 20 + [1] * 20))
    assert found(columns(values))


def test_a_step_in_a_later_segment_is_fitted_in_it_alone() -> None:
    """Its level before does not know the segment before."""
    values = [3.0] * 20 + [1.3] * 20 + [1.0] * 20
    (change,) = found(columns(values, segment=[0] * 20 + [1] * 40))

    assert [change.before, change.after] == pytest.approx([1.3, 1.0])


def test_a_step_that_went_back_stands_no_longer() -> None:
    """A gate does not fail for what was repaired, and neither for what cannot be compared any more."""
    back = found(columns([1.3] * 10 + [1.0] * 10 + [1.3] * 10))
    anew = found(columns([1.3] * 10 + [1.0] * 20, segment=[0] * 20 + [1] * 10))

    assert [(c.worse, c.standing) for c in back] == [(True, False), (False, True)]
    assert [(c.worse, c.standing) for c in anew] == [(True, False)]


def test_a_slow_slope_is_a_drift_told_once() -> None:
    """A loss that grows night by night is no step, and no chain of steps."""
    values, sds = nightly(np.random.default_rng(2), (1, 160), 0.01, "normal")
    values[0, 40:] -= 0.0012 * np.arange(120)
    ratios = np.exp(values[0])
    changes = found(columns(ratios, 1.96 * sds[0] * ratios))

    assert [(c.kind, c.worse) for c in changes] == [("drift", True)]
    assert changes[0].size == pytest.approx(np.exp(-0.0012 * 119), abs=0.03)


def test_a_night_with_a_wide_interval_counts_less() -> None:
    """The same two low nights are a change where they are sure, and none where they are not."""
    values, sds = nightly(np.random.default_rng(29), (1, 42), 0.02, "normal")
    values[0, 40:] = -0.13
    ratios = np.exp(values[0])
    sure = np.where(np.arange(42) >= 40, 1.0, 1.0) * 1.96 * sds[0] * ratios
    unsure = np.where(np.arange(42) >= 40, 8.0, 1.0) * 1.96 * sds[0] * ratios

    assert found(columns(ratios, sure))
    assert not found(columns(ratios, unsure))


def accepted(days: int, until: dt.date | None = None, quantity: str = "min_speedup") -> Accepted:
    """Accept what happened to ssd's speed, some days after the first night."""
    at = FIRST + dt.timedelta(days=days)
    return Accepted("ssd", quantity, "a safer preprocessing", "A <a@b.c>", at, until)


def test_an_accepted_step_is_not_open_and_a_later_one_is() -> None:
    """Accepting speaks of what had happened by then."""
    both = found(columns([1.3] * 10 + [1.2] * 10 + [1.0] * 10))
    first, second = accept(both, [accepted(15)], TODAY)

    assert (first.accepted, first.expired, first.open) == (accepted(15), False, False)
    assert (second.accepted, second.open) == (None, True)


def test_another_quantity_was_not_accepted() -> None:
    """Accepting is of one quantity of one model."""
    (change,) = accept(found(stepped(0.9)), [accepted(90, quantity="max_size_ratio")], TODAY)

    assert (change.accepted, change.open) == (None, True)


def test_an_acceptance_that_has_run_out_is_told() -> None:
    """It holds until the day that it names."""
    changes = found(stepped(0.9))
    until = accepted(90, TODAY)
    (held,) = accept(changes, [until], TODAY - dt.timedelta(days=1))
    (over,) = accept(changes, [until], TODAY)
    (renewed,) = accept(changes, [until, accepted(95)], TODAY)

    assert (held.expired, held.open) == (False, False)
    assert (over.expired, over.open) == (True, True)
    assert (renewed.expired, renewed.open) == (False, False)


def test_versions_between_are_named() -> None:
    """What was upgraded that night stands with the change."""
    nights = runs(60)
    for place in range(40, 60):
        nights[place] = replace(nights[place], versions={"openvino": "2026.2.0"})
    (change,) = find_changes([stepped(0.9)], nights)

    assert change.versions == {"openvino": ("2026.1.0", "2026.2.0")}


def test_nothing_is_found_in_nothing() -> None:
    """Empty histories, single nights and few nights hold no change."""
    assert not list(find_changes([], []))
    assert not found(columns([1.3]))
    assert not found(columns([1.3, 0.9, 0.9], 0.01))
