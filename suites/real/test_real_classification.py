"""Two real classifiers: INT8 keeps both, and one is asked for speed as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from suites.real.work import FullSet, RealRun

KEPT = {
    "max_accuracy_drop": "passed",
    "min_agreement": "passed",
    "min_int8_share": "passed",
    "max_size_ratio": "passed",
}


@pytest.mark.parametrize("model", ["squeezenet", "mobilenet-v2"])
def test_a_classifier_survives_quantization(gated: RealRun, model: str) -> None:
    """Both meet what a user would demand of them, on images that calibration never saw."""
    outcomes = gated.outcomes(model)
    outcomes.pop("min_speedup", None)

    assert outcomes == KEPT, gated.lines(model)
    assert gated.verdicts[model, "max_accuracy_drop"]["n"] == 400


def test_a_fast_model_is_never_called_slow(gated: RealRun) -> None:
    """INT8 convolutions are faster; on a machine under load the verdict may stay open, never wrong."""
    assert gated.outcomes("squeezenet")["min_speedup"] in {"passed", "undecided"}


@pytest.mark.parametrize(("model", "top1"), [("squeezenet", 0.600), ("mobilenet-v2", 0.880)])
def test_the_parent_is_as_accurate_as_known(full_set: FullSet, model: str, top1: float) -> None:
    """Fed and decoded as the manifest says, the parent has its known accuracy on all 500 images."""
    assert full_set(model)["top1"] == pytest.approx(top1, abs=0.005)
