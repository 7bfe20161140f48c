from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from quantgate.core.noise import median
from quantgate.core.ranks import hodges_lehmann, signed_rank_cdf, signed_rank_interval
from quantgate.core.sequential import decide
from quantgate.core.verdict import Outcome

columns = hnp.arrays(
    np.float64, st.integers(10, 40), elements=st.floats(-2, 2, width=32), unique=True
)


@given(values=columns)
@settings(deadline=None)
def test_null_distribution_is_scipys(values: np.ndarray) -> None:
    """The exact p-value of the signed-rank test equals scipy's for untied values."""
    values = values[values != 0]
    magnitudes = np.unique(np.abs(values))
    if len(magnitudes) < len(values) or len(values) < 1:
        return
    positive = stats.rankdata(np.abs(values))[values > 0].sum()
    expected = stats.wilcoxon(values, alternative="less", method="exact").pvalue

    assert np.isclose(expected, signed_rank_cdf(len(values))[int(positive)], rtol=1e-9)


@given(values=hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e300, 1e300)))
def test_the_median_is_numpys(values: np.ndarray) -> None:
    """To the last bit, of even and odd counts, with ties."""
    assert median(values) == np.median(values)


@given(values=columns, alpha=st.sampled_from([0.002, 0.01, 0.05]))
@settings(deadline=None)
def test_interval_is_the_inverted_test(values: np.ndarray, alpha: float) -> None:
    """Scipy's test rejects just outside the interval and does not reject just inside."""
    interval = signed_rank_interval(values, alpha)
    if interval is None:
        return
    low, centre, high = interval
    step = 1e-7

    def p(at: float) -> float:
        shifted = values - at
        return float(stats.wilcoxon(shifted, alternative="greater", method="exact").pvalue)

    gaps = np.diff(np.unique(((values[:, None] + values) / 2).ravel()))
    assert low <= centre <= high
    if len(gaps) and gaps.min() > 10 * step:
        assert p(low - step) <= alpha
        assert p(low + step) > alpha


@given(values=columns, shift=st.floats(-1, 1))
def test_estimate_moves_with_the_data(values: np.ndarray, shift: float) -> None:
    """Hodges-Lehmann is equivariant: shifting or mirroring the data shifts or mirrors it."""
    centre = hodges_lehmann(values)

    assert np.isclose(hodges_lehmann(values + shift), centre + shift, atol=1e-9)
    assert np.isclose(hodges_lehmann(-values), -centre, atol=1e-9)


@given(values=columns, limit=st.floats(0.2, 4), factor=st.floats(1.0, 2.0))
def test_a_higher_limit_is_never_easier(values: np.ndarray, limit: float, factor: float) -> None:
    """What fails a limit fails or stays open at every higher one; it never passes there."""
    instances = np.arange(len(values)) // 3
    at_limit = decide(values, instances, limit)
    higher = decide(values, instances, limit * factor)

    if at_limit.outcome is Outcome.FAILED:
        assert higher.outcome is not Outcome.PASSED
    if higher.outcome is Outcome.PASSED:
        assert at_limit.outcome is not Outcome.FAILED


@given(values=columns, limit=st.floats(0.2, 4))
def test_a_verdict_never_contradicts_its_interval(values: np.ndarray, limit: float) -> None:
    """Passed lies above the guarded limit, failed below the limit."""
    said = decide(values, np.arange(len(values)) // 3, limit)

    if said.outcome is Outcome.PASSED:
        assert said.estimate.low >= limit * (1 - said.delta) * (1 - 1e-12)
    if said.outcome is Outcome.FAILED:
        assert said.estimate.high < limit * (1 + 1e-12)
