"""A real face detector on images without annotations: judged by its parent's answers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suites.real.work import RealRun


def test_without_truth_the_parent_is_the_measure(gated: RealRun) -> None:
    """Faces match one to one; no limit that needs annotations is judged."""
    outcomes = gated.outcomes("ultraface")

    assert outcomes == {
        "min_match_rate": "passed",
        "min_int8_share": "passed",
        "max_size_ratio": "failed",
    }, gated.lines("ultraface")
    assert gated.value("ultraface", "min_match_rate") > 0.95
