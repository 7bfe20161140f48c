from __future__ import annotations

import math

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Limit, Outcome, judge

DROP = Limit("max_accuracy_drop", 0.01, "models.m.limits.max_accuracy_drop")
MATCH = Limit("min_match_rate", 0.95, "models.m.limits.min_match_rate")


@pytest.mark.parametrize(
    ("value", "expected"), [(0.02, Outcome.FAILED), (0.01, Outcome.PASSED), (-0.3, Outcome.PASSED)]
)
def test_max_limit_fails_only_above_it(value: float, expected: Outcome) -> None:
    """A drop above the limit fails, the limit itself and every improvement pass."""
    verdict = judge(Estimate.exact(value), DROP, model="m", quantity="accuracy drop")

    assert expected is verdict.outcome


@pytest.mark.parametrize(
    ("value", "expected"), [(0.94, Outcome.FAILED), (0.95, Outcome.PASSED), (1.0, Outcome.PASSED)]
)
def test_min_limit_fails_only_below_it(value: float, expected: Outcome) -> None:
    """A match rate below the limit fails, the limit itself and everything above pass."""
    verdict = judge(Estimate.exact(value), MATCH, model="m", quantity="match rate")

    assert expected is verdict.outcome


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.90, 0.94, Outcome.FAILED),
        (0.93, 0.97, Outcome.UNDECIDED),
        (0.95, 0.99, Outcome.PASSED),
    ],
)
def test_interval_mode_needs_the_whole_interval(low: float, high: float, expected: Outcome) -> None:
    """In interval mode an interval across the limit is undecided, and says so."""
    estimate = Estimate((low + high) / 2, low, high, 50)
    verdict = judge(estimate, MATCH, model="m", quantity="match rate", mode="interval")

    assert expected is verdict.outcome
    assert (expected is Outcome.UNDECIDED) == ("contains the limit" in verdict.reason)


def test_interval_mode_mirrors_for_max_limits() -> None:
    """For a max limit the upper end of the interval has to clear it."""
    sure = Estimate(0.0, -0.01, 0.005, 50)
    unsure = Estimate(0.0, -0.01, 0.02, 50)

    assert Outcome.PASSED is judge(sure, DROP, model="m", quantity="d", mode="interval").outcome
    assert (
        Outcome.UNDECIDED is judge(unsure, DROP, model="m", quantity="d", mode="interval").outcome
    )


def test_unmeasured_is_never_green() -> None:
    """A limit that was declared and not measured is undecided with the reason."""
    verdict = judge(None, DROP, model="m", quantity="accuracy drop")

    assert Outcome.UNDECIDED is verdict.outcome
    assert "nothing was measured" in verdict.reason


def test_limit_must_be_finite() -> None:
    """A NaN limit would pass or fail at random, so it raises."""
    with pytest.raises(ValueError, match="finite"):
        judge(
            Estimate.exact(0.0), Limit("max_accuracy_drop", math.nan, "p"), model="m", quantity="d"
        )


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_estimate_refuses_what_is_no_number(broken: float) -> None:
    """An estimate of NaN or infinity cannot be made."""
    with pytest.raises(ValueError, match="finite"):
        Estimate.exact(broken)


def test_estimate_refuses_nothing() -> None:
    """An estimate over no unit cannot be made: there is no default for nothing there."""
    with pytest.raises(ValueError, match="n = 0"):
        Estimate(0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("of", "expected"),
    [("rounds", True), ("compiled copies", True), ("images", False), ("layers", False)],
)
def test_what_a_clock_made_is_known(of: str, *, expected: bool) -> None:
    """Numbers over rounds or copies flicker and are judged by interval, all others never do."""
    assert Estimate.exact(1.0, of=of).timed is expected
