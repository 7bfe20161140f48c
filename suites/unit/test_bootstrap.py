"""Intervals over images."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from quantgate.core.bootstrap import (
    RESAMPLES,
    SEED,
    bootstrap_mean,
    bootstrap_ratio,
    draw,
    resampled,
    resampled_roles,
    summarize,
)
from quantgate.errors import MeasurementError


def test_a_resample_has_as_many_images_as_the_set() -> None:
    """Drawn with replacement, n of n."""
    weights = draw(37, 50)

    assert weights.shape == (50, 37)
    assert set(weights.sum(axis=1).tolist()) == {37}


def test_the_same_seed_gives_the_same_interval() -> None:
    """An interval is a deterministic number; another seed gives another."""
    values = np.random.default_rng(0).random(80)

    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_the_spread_is_the_standard_error() -> None:
    """The bootstrap of a mean agrees with the textbook formula."""
    values = np.random.default_rng(1).normal(0, 1, 400)

    found = bootstrap_mean(values)

    assert found.spread == pytest.approx(values.std() / 20, rel=0.05)
    assert found.low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.01)
    assert found.resamples == RESAMPLES


def test_about_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    """The interval covers what it promises to cover."""
    rng = np.random.default_rng(5)
    held = 0
    for seed in range(100):
        found = bootstrap_mean((rng.random(100) < 0.3).astype(np.float64), seed=seed)
        held += found.low <= 0.3 <= found.high

    assert 88 <= held <= 99


def test_a_ratio_is_that_of_the_sums() -> None:
    """Images with many objects count more than images with few."""
    found = bootstrap_ratio(np.array([1, 9]), np.array([2, 10]))

    assert found.value == 10 / 12


def test_a_ratio_leaves_out_resamples_without_any_object() -> None:
    """Where a resample draws background images only, its rate is not defined."""
    found = bootstrap_ratio(np.array([1.0, 0, 0]), np.array([2.0, 0, 0]))

    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.resamples < RESAMPLES


@pytest.mark.parametrize("values", [[], [math.nan, 1.0], [math.inf, 1.0]])
def test_nothing_and_not_a_number_are_refused(values: list[float]) -> None:
    """There is no default for "nothing there"."""
    with pytest.raises(MeasurementError):
        bootstrap_mean(np.array(values))


def test_a_ratio_to_nothing_is_refused() -> None:
    """No object on any image has no rate."""
    with pytest.raises(MeasurementError, match="not defined"):
        bootstrap_ratio(np.zeros(5), np.zeros(5))


def test_the_interval_holds_the_value() -> None:
    """Resamples that are all off to one side widen the interval instead of excluding the value."""
    found = summarize(0.5, np.full(300, 0.7), 10)

    assert (found.low, found.high) == (0.5, 0.7)


def test_one_percent_cannot_be_seen_on_fifty_images() -> None:
    """Even where both roles agree on all of them, three in fifty could be hidden."""
    assert bootstrap_mean(np.zeros(50)).smallest_drop == pytest.approx(0.06)


def test_a_larger_set_sees_smaller_drops() -> None:
    """Four times the images halve what can be seen."""
    rng = np.random.default_rng(2)
    values = rng.choice([-1.0, 0.0, 1.0], 4_000, p=[0.1, 0.8, 0.1])
    small, large = bootstrap_mean(values[:1_000]), bootstrap_mean(values)

    assert small.smallest_drop / large.smallest_drop == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("n", [1, 37, 700, 5000])
def test_a_few_resamples_at_a_time_are_those_of_all_at_once(n: int) -> None:
    """Neither which images are drawn nor a number that follows depends on how many rows are in memory."""
    weights = draw(n, 300)
    whole = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), 300)
    column = np.arange(n) % 3 / 1.0

    np.testing.assert_array_equal(weights, whole)
    np.testing.assert_array_equal(resampled(n, lambda drawn: drawn @ column, 300), weights @ column)
    both = resampled_roles(n, lambda role, drawn: drawn @ column * (role == "parent"), 300)
    np.testing.assert_array_equal(both.parent, weights @ column)
    assert not both.optimized.any()


def test_memory_does_not_grow_with_the_images() -> None:
    """Ten times as many images need no more than a few rows of resamples and what is given."""
    peaks = []
    for n in (2_000, 20_000):
        column = np.arange(n) % 2 / 1.0
        tracemalloc.start()
        bootstrap_mean(column)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + 64 * 20_000
