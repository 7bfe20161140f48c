"""Expected failures: strict, bounded, dated."""

from __future__ import annotations

import datetime as dt

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Limit, Outcome, Verdict
from quantgate.entries import ExpectedFailure
from quantgate.pipeline.evidence import Standing, expectation

TODAY = dt.date(2026, 6, 1)
KNOWN = ExpectedFailure("head is not quantizable", 0.80, dt.date(2026, 7, 1))


def verdict(value: float, outcome: Outcome) -> Verdict:
    """Make a verdict against min_match_rate 0.95."""
    limit = Limit("min_match_rate", 0.95, "models.ssd.limits.min_match_rate")
    return Verdict("ssd", "match rate", limit, Estimate.exact(value), outcome)


@pytest.mark.parametrize(
    ("value", "outcome", "today", "standing"),
    [
        (0.90, Outcome.FAILED, TODAY, Standing.KNOWN),
        (0.80, Outcome.FAILED, TODAY, Standing.KNOWN),
        (0.79, Outcome.FAILED, TODAY, Standing.WORSE),
        (0.96, Outcome.PASSED, TODAY, Standing.FIXED),
        (0.90, Outcome.FAILED, KNOWN.expires, Standing.EXPIRED),
        (0.94, Outcome.UNDECIDED, TODAY, Standing.PLAIN),
    ],
)
def test_a_known_miss_is_strict_bounded_and_dated(
    value: float, outcome: Outcome, today: dt.date, standing: Standing
) -> None:
    """Within the floor and before the date it is known; met, worse or expired it is a failure."""
    assert expectation(verdict(value, outcome), KNOWN, today).standing is standing


def test_without_an_entry_nothing_is_expected() -> None:
    """A failure that nobody expects is just that."""
    found = expectation(verdict(0.1, Outcome.FAILED), None, TODAY)

    assert found.standing is Standing.PLAIN
    assert not found.sentence


def test_a_maximum_is_worse_above_its_floor() -> None:
    """For a limit that must not be exceeded, the floor lies above it."""
    limit = Limit("max_accuracy_drop", 0.01, "models.ssd.limits.max_accuracy_drop")
    known = ExpectedFailure("known", 0.05, dt.date(2999, 1, 1))
    worse = Verdict("ssd", "drop", limit, Estimate.exact(0.06), Outcome.FAILED)
    fair = Verdict("ssd", "drop", limit, Estimate.exact(0.04), Outcome.FAILED)

    assert expectation(worse, known, TODAY).standing is Standing.WORSE
    assert expectation(fair, known, TODAY).standing is Standing.KNOWN
