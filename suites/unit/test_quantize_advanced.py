"""NNCF's advanced parameters: each one acts, none is lost, and what a version lacks is named."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nncf
import numpy as np
import openvino as ov
import pytest
from nncf.quantization.range_estimator import AggregatorType

from quantgate.engine.advanced import advanced_parameters
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.calibration import Calibration
from quantgate.engine.quantize import quantize
from quantgate.engine.quantizers import layers
from quantgate.entries import (
    Advanced,
    BiasCorrection,
    IgnoredScope,
    Preprocess,
    QuantizerParams,
    RangeEnd,
    RangeEstimator,
    Recipe,
    SmoothQuantAlphas,
    Subgraph,
)
from quantgate.errors import QuantizationError
from quantgate.sources.local import LocalSource
from quantgate.store import Store
from suites.e2e.tiny import operations
from suites.unit.test_quantize import picture, samples

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.engine.artifact import Artifact

QUANTILE = RangeEnd(statistics_type="quantile", quantile_outlier_prob=0.2)
#: Each with settings beside it without which it has nothing to act on.
ACTING: dict[str, tuple[Advanced, dict[str, Any]]] = {
    "overflow fix": (Advanced(overflow_fix="enable"), {}),
    "outputs": (Advanced(quantize_outputs=True), {}),
    "no bias correction": (Advanced(disable_bias_correction=True), {}),
    "asymmetric activations": (
        Advanced(activations_quantization_params=QuantizerParams(mode="asymmetric")),
        {},
    ),
    "one range for weights": (
        Advanced(weights_quantization_params=QuantizerParams(per_channel=False)),
        {},
    ),
    "range of activations": (
        Advanced(activations_range_estimator_params=RangeEstimator(QUANTILE, QUANTILE)),
        {},
    ),
    "aggregation": (
        Advanced(
            activations_range_estimator_params=RangeEstimator(
                max=RangeEnd(statistics_type="max", aggregator_type="median")
            )
        ),
        {},
    ),
    "clipping": (
        Advanced(
            activations_range_estimator_params=RangeEstimator(
                max=RangeEnd("max", "max", clipping_value=0.1)
            )
        ),
        {},
    ),
    "range of weights": (
        Advanced(weights_range_estimator_params=RangeEstimator(max=QUANTILE)),
        {},
    ),
    "threshold of bias correction": (
        Advanced(bias_correction_params=BiasCorrection(threshold=1e-9)),
        {},
    ),
    "SmoothQuant": (
        Advanced(smooth_quant_alphas=SmoothQuantAlphas(convolution=0.9)),
        {"model_type": "transformer"},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a store that the tests of this file share."""
    return tmp_path_factory.mktemp("advanced")


@pytest.fixture(scope="module")
def parent(folder: Path) -> Artifact:
    """Make a small network of three convolutions with biases, whose channels differ in size."""
    ops, rng = operations(), np.random.default_rng(0)
    image = node = ops.parameter([1, 3, 16, 16], np.float32, name="image")
    image.output(0).set_names({"image"})
    spread = np.geomspace(0.02, 2, 8)[:, None, None, None] / 5
    for name, channels in (("first", 3), ("second", 8), ("third", 8)):
        kernel = (rng.normal(size=(8, channels, 3, 3)) * spread).astype(np.float32)
        weights = ops.constant(kernel)
        node = ops.convolution(node, weights, *([1, 1],) * 4, name=f"{name}_conv")
        bias = ops.constant(rng.normal(size=(1, 8, 1, 1)).astype(np.float32))
        node = ops.add(node, bias, name=f"{name}_bias")
        # Between the second and the third nothing takes the sign away.
        node = node if name == "second" else ops.relu(node, name=f"{name}_relu")
    node = ops.reduce_mean(node, ops.constant([2, 3]), name="scores")
    node.output(0).set_names({"scores"})
    ov.save_model(ov.Model([node], [image]), folder / "net.xml", compress_to_fp16=False)
    source = LocalSource(folder / "net.xml")
    return parent_artifact(source, Preprocess(scale=255.0), folder, Store(folder / "store"))


def made(parent: Artifact, folder: Path, **keys: Any) -> Artifact:
    """Quantize on a few pictures."""
    recipe = Recipe("pictures", subset=6, **keys)
    return quantize(
        parent, recipe, Calibration(samples(6), picture), Store(folder / "store")
    ).artifact


@pytest.mark.parametrize("case", ACTING)
def test_each_parameter_acts(case: str, parent: Artifact, folder: Path) -> None:
    """Whatever is set makes another model than the same recipe without it."""
    advanced, beside = ACTING[case]
    plain = made(parent, folder, **beside)
    changed = made(parent, folder, advanced=advanced, **beside)
    assert changed.path != plain.path
    assert changed.digest != plain.digest


def test_what_a_device_cannot_do_is_one_sentence(parent: Artifact, folder: Path) -> None:
    """Four bits are no INT8: NNCF's refusal names the place, in one line of single blanks."""
    advanced = Advanced(activations_quantization_params=QuantizerParams(num_bits=4))
    with pytest.raises(QuantizationError, match="incompatible with HW capabilities") as caught:
        made(parent, folder, advanced=advanced)
    assert "  " not in str(caught.value)


def test_an_output_is_quantized(parent: Artifact, folder: Path) -> None:
    """``quantize_outputs`` leaves a quantizer just before the result."""
    model = ov.Core().read_model(
        made(parent, folder, advanced=Advanced(quantize_outputs=True)).path
    )
    assert "FakeQuantize" in str(model.output(0).get_node().input_value(0).get_node())


def test_every_parameter_reaches_nncf() -> None:
    """What models.toml can say is what NNCF is asked, by its own names and in its own types."""
    everything = Advanced(
        overflow_fix="first_layer_only",
        quantize_outputs=True,
        inplace_statistics=False,
        disable_channel_alignment=False,
        disable_bias_correction=True,
        batchwise_statistics=True,
        quantizer_propagation_rule="do_not_merge_branches",
        activations_quantization_params=QuantizerParams(8, "asymmetric", True, False, True),
        weights_quantization_params=QuantizerParams(per_channel=True),
        activations_range_estimator_params=RangeEstimator(QUANTILE, RangeEnd("max", "median", 3.0)),
        weights_range_estimator_params=RangeEstimator(min=RangeEnd("min", "min")),
        bias_correction_params=BiasCorrection(apply_for_all_nodes=True, threshold=2.5),
        smooth_quant_alphas=SmoothQuantAlphas(0.5, 0.25),
        backend_params={"use_layerwise_statistics": True},
    )
    asked = advanced_parameters(nncf, everything)
    plain = nncf.AdvancedQuantizationParameters()
    for item in fields(Advanced):
        assert getattr(asked, item.name) != getattr(plain, item.name), item.name
    assert asked.overflow_fix.value == "first_layer_only"
    assert asked.activations_range_estimator_params.max.clipping_value == 3.0
    assert asked.activations_range_estimator_params.min.quantile_outlier_prob == 0.2
    assert asked.smooth_quant_alphas.matmul == 0.25
    assert advanced_parameters(nncf, Advanced()) == plain


def test_no_parameter_of_nncf_is_left_out() -> None:
    """Whatever the installed NNCF offers can be said, but for the old spelling of the alphas."""
    ours = {item.name for item in fields(Advanced)}
    theirs = {item.name for item in fields(nncf.AdvancedQuantizationParameters)}
    assert theirs - ours == {"smooth_quant_alpha"}


@dataclass
class _Old:
    """Parameters of a version that knows few."""

    overflow_fix: nncf.OverflowFix | None = None


def test_what_a_version_lacks_is_named() -> None:
    """A parameter, or a value of one, that the installed NNCF does not have is named with its place."""
    old: Any = SimpleNamespace(AdvancedQuantizationParameters=_Old)
    with pytest.raises(
        QuantizationError, match=r"calibrate\.advanced\.quantize_outputs: NNCF .* no su"
    ):
        advanced_parameters(old, Advanced(quantize_outputs=True))
    histogram = RangeEstimator(max=RangeEnd("raw", "histogram"))
    asked = Advanced(activations_range_estimator_params=histogram)
    if "histogram" in {one.value for one in AggregatorType}:
        assert advanced_parameters(nncf, asked).activations_range_estimator_params.max
    else:
        with pytest.raises(
            QuantizationError, match=r"params\.max\.statistics_type: NNCF .* no 'raw'"
        ):
            advanced_parameters(nncf, asked)


def test_a_subgraph_stays_in_floating_point(parent: Artifact, folder: Path) -> None:
    """All that lies between two layers is left out, and nothing else."""
    scope = IgnoredScope(subgraphs=(Subgraph(("second_conv",), ("third_conv",)),))
    model = ov.Core().read_model(made(parent, folder, ignored=scope).path)
    assert "first_conv" in {layer.name for layer in layers(model)}
    assert not {"second_conv", "third_conv"} & {layer.name for layer in layers(model)}


def test_a_subgraph_of_unknown_layers_is_named(parent: Artifact, folder: Path) -> None:
    """The layer that was meant is offered, with the place of the mistake."""
    scope = IgnoredScope(subgraphs=(Subgraph(("second_conv",), ("third_konv",)),))
    said = "calibrate.ignored.subgraphs[0].outputs: the model has no 'third_konv'; did you mean 'third_c"
    with pytest.raises(QuantizationError, match=re.escape(said)):
        made(parent, folder, ignored=scope)
