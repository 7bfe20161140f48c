"""What a count alone can show, in verdicts and their sentences."""

from __future__ import annotations

import pytest

from quantgate.core.binomial import fewest_units, highest_share, lowest_share
from quantgate.core.bootstrap import Counted, Resampled
from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Limit, Outcome, judge
from quantgate.report.model import Judged
from quantgate.report.words.verdicts import verdict_sentence

LIMIT = Limit("min_match_rate", 0.95, "models.a.limits.min_match_rate")


def rate(objects: int, misses: int) -> Estimate:
    """A share of objects as the matching gives it."""
    value = 1 - misses / objects
    found = Resampled(value, value, value, 0.0, 3, 2000, Counted(objects, misses, "objects"))
    return found.estimate


@pytest.mark.parametrize(("n", "share"), [(5, 0.549), (58, 0.9497), (59, 0.9505)])
def test_no_miss_leaves_what_the_rule_of_three_says(n: int, share: float) -> None:
    """The bound is the exact one: 0.95 needs 59 objects without a miss."""
    assert lowest_share(n) == pytest.approx(share, abs=5e-4)
    assert fewest_units(0.95) == 59


def test_the_upper_bound_holds_as_many_misses_as_the_binomial_allows() -> None:
    """With it, so few hits or fewer come in five of a hundred sets."""
    from scipy.stats import binom

    assert binom.cdf(7, 10, highest_share(10, 3)) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("mode", ["value", "interval"])
@pytest.mark.parametrize(
    ("objects", "misses", "outcome"),
    [
        (5, 0, Outcome.UNDECIDED),
        (5, 1, Outcome.UNDECIDED),
        (5, 4, Outcome.FAILED),
        (59, 0, Outcome.PASSED),
        (59, 30, Outcome.FAILED),
    ],
)
def test_few_objects_decide_only_what_they_can(
    objects: int, misses: int, outcome: Outcome, mode: str
) -> None:
    """Five objects say nothing about 0.95 under either judge, unless nearly all are lost."""
    verdict = judge(rate(objects, misses), LIMIT, model="a", quantity="match rate", mode=mode)  # type: ignore[arg-type]
    assert verdict.outcome is outcome


def test_the_sentence_counts_objects_and_says_how_many_it_takes() -> None:
    """The interval without a miss follows from the count, and so does what is needed."""
    verdict = judge(rate(5, 0), LIMIT, model="a", quantity="match rate")
    said = verdict_sentence(Judged(verdict))
    assert "match rate 1.000 [0.549, 1.000] over 5 objects" in said
    assert "at least 59 are needed" in said


def test_an_interval_across_the_limit_is_said_where_the_value_decides() -> None:
    """PASSED by its value alone reads so."""
    estimate = Estimate(0.96, 0.93, 0.98, 400, of="objects", misses=16)
    said = verdict_sentence(Judged(judge(estimate, LIMIT, model="a", quantity="match rate")))
    assert "The value decides, and the interval holds the limit" in said
    assert 'judge = "interval"' in said
