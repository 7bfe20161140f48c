"""``calibrate.advanced``: NNCF's own advanced parameters, under NNCF's names.

Whatever is not set is left to NNCF. A version that lacks a parameter, or one of its values, refuses it by
name: ``quantgate.engine.advanced``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Interval, MinLen
from typing_extensions import Doc

from quantgate.entries.kinds import Positive, PositiveInt

#: -1 switches SmoothQuant off for a kind of layer.
Alpha = Annotated[float, Interval(ge=-1, le=1)]


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Everything on the ways from some layers to others."""

    inputs: Annotated[
        Annotated[tuple[str, ...], MinLen(1)], Doc("names of the layers it begins with")
    ]
    outputs: Annotated[
        Annotated[tuple[str, ...], MinLen(1)], Doc("names of the layers it ends with")
    ]


@dataclass(frozen=True, slots=True)
class RangeEnd:
    """How one end of a quantizer's range is found."""

    statistics_type: Annotated[
        Literal["min", "max", "abs_max", "quantile", "abs_quantile", "mean", "raw"] | None,
        Doc("what is taken of each image; raw: NNCF 3"),
    ] = None
    aggregator_type: Annotated[
        Literal[
            "mean", "max", "min", "median", "mean_no_outliers", "median_no_outliers", "histogram"
        ]
        | None,
        Doc("how the images' values become one; histogram: NNCF 3"),
    ] = None
    clipping_value: Annotated[float | None, Doc("values beyond it are cut off")] = None
    quantile_outlier_prob: Annotated[
        Annotated[float, Interval(ge=0, le=0.5)] | None,
        Doc(
            "quantile, abs_quantile and …_no_outliers: share of values left out; NNCF's default 0.0001"
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class RangeEstimator:
    """How the range of quantizers is found from the calibration images, or from weights."""

    min: Annotated[RangeEnd, Doc("the lower end")] = RangeEnd()
    max: Annotated[RangeEnd, Doc("the upper end")] = RangeEnd()


@dataclass(frozen=True, slots=True)
class QuantizerParams:
    """What quantizers are like, against what the preset and the device say."""

    num_bits: Annotated[PositiveInt | None, Doc("of a quantized value")] = None
    mode: Annotated[Literal["symmetric", "asymmetric"] | None, Doc("of the range")] = None
    signedness_to_force: Annotated[
        bool | None, Doc("true: signed values, false: unsigned ones; default: as the data are")
    ] = None
    per_channel: Annotated[bool | None, Doc("a range for every channel, or one for all")] = None
    narrow_range: Annotated[bool | None, Doc("use one level less, so that 0 is in the middle")] = (
        None
    )


@dataclass(frozen=True, slots=True)
class BiasCorrection:
    """How biases are moved to make up for what quantizing shifted."""

    apply_for_all_nodes: Annotated[bool | None, Doc("correct layers without a bias as well")] = None
    threshold: Annotated[Positive | None, Doc("larger corrections are left out")] = None


@dataclass(frozen=True, slots=True)
class SmoothQuantAlphas:
    """How much of activations' outliers is moved into weights; for ``model_type = "transformer"``."""

    convolution: Annotated[Alpha | None, Doc("of convolutions; -1: off, NNCF's default")] = None
    matmul: Annotated[Alpha | None, Doc("of matrix products; -1: off, NNCF's default 0.95")] = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """NNCF's advanced parameters by their own names; what is left out is NNCF's default."""

    overflow_fix: Annotated[
        Literal["enable", "first_layer_only", "disable"] | None,
        Doc("leave weights half of their range, so that processors without VNNI do not saturate"),
    ] = None
    quantize_outputs: Annotated[bool | None, Doc("quantize what the model gives, too")] = None
    inplace_statistics: Annotated[
        bool | None, Doc("compute statistics inside the model: faster, and needs less memory")
    ] = None
    disable_channel_alignment: Annotated[
        bool | None, Doc("false: even out the channels of neighbouring convolutions first")
    ] = None
    disable_bias_correction: Annotated[bool | None, Doc("leave biases as they are")] = None
    batchwise_statistics: Annotated[
        bool | None, Doc("take statistics over the items of a batch one by one")
    ] = None
    quantizer_propagation_rule: Annotated[
        Literal[
            "do_not_merge_branches",
            "merge_if_all_branches_same",
            "merge_with_potential_requantization",
            "merge_all_in_one",
        ]
        | None,
        Doc("how quantizers of branches are joined"),
    ] = None
    activations_quantization_params: Annotated[
        QuantizerParams, Doc("quantizers of activations")
    ] = QuantizerParams()
    weights_quantization_params: Annotated[QuantizerParams, Doc("quantizers of weights")] = (
        QuantizerParams()
    )
    activations_range_estimator_params: Annotated[RangeEstimator, Doc("ranges of activations")] = (
        RangeEstimator()
    )
    weights_range_estimator_params: Annotated[RangeEstimator, Doc("ranges of weights")] = (
        RangeEstimator()
    )
    bias_correction_params: Annotated[
        BiasCorrection, Doc("of `fast_bias_correction`, whichever way it is done")
    ] = BiasCorrection()
    smooth_quant_alphas: Annotated[
        SmoothQuantAlphas, Doc('strength of SmoothQuant; needs `model_type = "transformer"`')
    ] = SmoothQuantAlphas()
    backend_params: Annotated[
        Mapping[str, bool | int | float | str], Doc("what NNCF hands on to its backend, by name")
    ] = field(default_factory=dict)
