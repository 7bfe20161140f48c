"""What is judged: ``limits``, their known misses, and the figures beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Interval, MinLen
from typing_extensions import Doc

from quantgate.core.limits import PLUGGED
from quantgate.entries.kinds import Fraction, IsaClass, NonNegative, Positive

SpeedLimit = Positive | Annotated[Mapping[IsaClass, Positive], MinLen(1)]
ShareLimit = Fraction | Annotated[Mapping[IsaClass, Fraction], MinLen(1)]


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """``limits.outputs."NAME"``: what one raw output is held to, in place of the limit of all."""

    max_tensor_distance: Annotated[
        NonNegative | None, Doc("relative mean squared error, mean over images")
    ] = None
    min_sqnr_db: Annotated[float | None, Doc("signal to quantization noise, mean over images")] = (
        None
    )
    min_centred_sqnr_db: Annotated[
        float | None, Doc("the same around the output's mean over all images")
    ] = None


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """``limits.devices."NAME"``: what a further device of ``benchmark`` is held to, in place of the model's own limits."""

    min_speedup: Annotated[SpeedLimit | None, Doc("against the parent in f32, on the device")] = (
        None
    )
    min_native_speedup: Annotated[
        SpeedLimit | None, Doc("against the parent as the device runs it by default")
    ] = None
    max_latency_ratio: Annotated[
        Positive | None, Doc("optimized p90 / parent p90 latency, on the device")
    ] = None
    min_int8_share: Annotated[
        ShareLimit | None, Doc("share of multiply-accumulates that the device executes in INT8")
    ] = None
    max_reorder_share: Annotated[
        Fraction | None, Doc("share of time that the device spends in reorders and conversions")
    ] = None


@dataclass(frozen=True, slots=True)
class Limits:
    """``limits``: one test each. A limit that nothing could breach is refused."""

    max_accuracy_drop: Annotated[
        NonNegative | None, Doc("parent − optimized, in the metric's own unit (fractions, dB)")
    ] = None
    max_error_increase: Annotated[
        NonNegative | None, Doc("relative growth of the error rate, 0.1 = ten per cent more errors")
    ] = None
    max_class_drop: Annotated[
        NonNegative | None,
        Doc(
            "worst class with at least 10 objects or images; text: worst character; attributes: worst head"
        ),
    ] = None
    max_segment_drop: Annotated[
        NonNegative | None,
        Doc(
            "worst segment with at least 10 images and objects: of `datasets.NAME.segments`, and of "
            "small, medium and large objects"
        ),
    ] = None
    min_agreement: Annotated[
        Fraction | None,
        Doc(
            "share of images with the same class in both roles; of pixels in semantic segmentation; of "
            "images without a lost, gained or relabelled object in detection, instance segmentation, keypoints and "
            "quads; of images that read the same in text; of images with the same nearest neighbour in embedding; of all "
            "answers about classes and labels in attributes"
        ),
    ] = None
    min_role_iou: Annotated[
        Fraction | None,
        Doc(
            "semantic segmentation: IoU of both roles' class maps, mean over the classes that occur"
        ),
    ] = None
    min_class_iou: Annotated[
        Fraction | None, Doc("semantic segmentation: the same in the class in which it is lowest")
    ] = None
    max_role_mae: Annotated[
        Fraction | None,
        Doc(
            "mean absolute difference of both roles' soft maps of one object (saliency, mattes), mean over "
            "images"
        ),
    ] = None
    max_mae_increase: Annotated[
        NonNegative | None,
        Doc(
            "attributes: growth of the mean absolute error of a value against annotations, in its unit, worst "
            "head with at least 10 images"
        ),
    ] = None
    min_head_agreement: Annotated[
        Fraction | None,
        Doc(
            "attributes: share of images on which both roles say the same, in the head in which it is lowest"
        ),
    ] = None
    max_head_mae: Annotated[
        NonNegative | None,
        Doc(
            "attributes: mean absolute difference of both roles' values, in their unit, worst head"
        ),
    ] = None
    min_match_rate: Annotated[
        Fraction | None,
        Doc("2·matches / (parent + optimized objects); text: share of images that read the same"),
    ] = None
    min_class_precision: Annotated[
        Fraction | None, Doc("matches / optimized objects, worst class")
    ] = None
    min_role_oks: Annotated[
        Fraction | None, Doc("OKS of the objects that both roles have, mean over them")
    ] = None
    max_role_mpjpe: Annotated[
        NonNegative | None,
        Doc(
            "mean distance in space of the key points that both roles have, each object about its root, in the "
            "unit that the model gives"
        ),
    ] = None
    min_keypoint_pck: Annotated[
        Fraction | None,
        Doc(
            "share of the objects that both roles have in which a key point stays within 5 % of the longer "
            "side of the parent's box, worst key point of those seen in at least 10"
        ),
    ] = None
    max_role_cer: Annotated[
        NonNegative | None,
        Doc("text: edits between the roles' strings, a letter of the parent's"),
    ] = None
    min_role_cosine: Annotated[
        Annotated[float, Interval(ge=-1, le=1)] | None,
        Doc("embedding: cosine between both roles' vectors of an image, mean over images"),
    ] = None
    min_worst_cosine: Annotated[
        Annotated[float, Interval(ge=-1, le=1)] | None,
        Doc("embedding: the same of the image in which it is lowest"),
    ] = None
    max_changed_decisions: Annotated[
        Fraction | None,
        Doc(
            "embedding: of the pairs that either role takes for the same at the parent's threshold, the share that one "
            "role alone does"
        ),
    ] = None
    max_role_abs_rel: Annotated[
        NonNegative | None,
        Doc("dense values: mean of |optimized − parent| / parent, where the parent's is above 0"),
    ] = None
    max_role_rmse: Annotated[
        NonNegative | None,
        Doc("dense values: root mean square difference of the roles, in the map's own unit"),
    ] = None
    max_role_epe: Annotated[
        NonNegative | None,
        Doc("dense values: mean length of the difference of the roles, in the map's own unit"),
    ] = None
    min_role_delta1: Annotated[
        Fraction | None,
        Doc("dense values: share of pixels at which the roles are within 25 % of each other"),
    ] = None
    max_tensor_distance: Annotated[
        NonNegative | None,
        Doc(
            "relative mean squared error of raw outputs, of each image the worst output, mean over images"
        ),
    ] = None
    min_sqnr_db: Annotated[
        float | None,
        Doc(
            "signal to quantization noise of raw outputs, of each image the worst output, mean over images"
        ),
    ] = None
    min_centred_sqnr_db: Annotated[
        float | None,
        Doc(
            "the same, where the signal is how much an output varies over its elements and images: a "
            "large constant is no signal"
        ),
    ] = None
    min_psnr_db: Annotated[
        NonNegative | None, Doc("likeness of the optimized model's pictures to the parent's")
    ] = None
    max_execution_error: Annotated[
        NonNegative | None,
        Doc(
            "loss of the executed model against its own quantized graph computed in plain floating point, "
            "in the metric; without annotations 1 − agreement"
        ),
    ] = None
    min_speedup: Annotated[
        SpeedLimit | None, Doc("against the parent in f32; a number or a table by ISA class")
    ] = None
    min_native_speedup: Annotated[
        SpeedLimit | None, Doc("against the parent as the device runs it by default")
    ] = None
    max_latency_ratio: Annotated[Positive | None, Doc("optimized p90 / parent p90 latency")] = None
    max_size_ratio: Annotated[Positive | None, Doc("bytes of the optimized IR / parent IR")] = None
    max_memory_ratio: Annotated[
        Positive | None,
        Doc("peak memory of the optimized model / of the parent, each in a process of its own"),
    ] = None
    min_int8_share: Annotated[
        ShareLimit | None,
        Doc("share of multiply-accumulates executed in INT8; a number or a table by ISA class"),
    ] = None
    max_reorder_share: Annotated[
        Fraction | None, Doc("share of time spent in reorders and conversions")
    ] = None
    max_accuracy_drop_to_baseline: Annotated[
        NonNegative | None, Doc("baseline − optimized, in the metric's own unit; needs `baseline`")
    ] = None
    min_agreement_to_baseline: Annotated[
        Fraction | None, Doc("min_agreement with the baseline in the parent's place")
    ] = None
    min_match_rate_to_baseline: Annotated[
        Fraction | None, Doc("min_match_rate with the baseline in the parent's place")
    ] = None
    min_psnr_db_to_baseline: Annotated[
        NonNegative | None, Doc("likeness of the optimized model's pictures to the baseline's")
    ] = None
    min_speedup_to_baseline: Annotated[
        SpeedLimit | None,
        Doc("against the baseline, in the same rounds; a number or a table by ISA class"),
    ] = None
    min_agreement_between_devices: Annotated[
        Fraction | None,
        Doc(
            "min_agreement of the optimized model on each of `evaluate.device` with itself on every one before"
        ),
    ] = None
    min_match_rate_between_devices: Annotated[
        Fraction | None, Doc("min_match_rate between devices, likewise")
    ] = None
    outputs: Annotated[
        Mapping[str, OutputLimits],
        Doc('limits of single raw outputs, by name: outputs."boxes" = { min_sqnr_db = 20 }'),
    ] = field(default_factory=dict)
    devices: Annotated[
        Mapping[str, DeviceLimits],
        Doc(
            'limits of further devices of `benchmark`, by name: devices."CPU@avx2" = { min_speedup = 1.1 }'
        ),
    ] = field(default_factory=dict)


if not TYPE_CHECKING and PLUGGED:
    # Limits of other packages are fields like ours, so that whoever reads one needs no second way.
    Limits = make_dataclass(
        "Limits",
        [
            (key, Annotated[kind.hint, Doc(kind.title)], field(default=None))
            for key, kind in PLUGGED.items()
        ],
        bases=(Limits,),
        frozen=True,
        slots=True,
        namespace={"__doc__": Limits.__doc__, "__module__": __name__},
    )


@dataclass(frozen=True, slots=True)
class ExpectedFailure:
    """A known miss of one limit: strict, bounded and dated."""

    reason: Annotated[str, MinLen(1), Doc("why it is known; said with the verdict")]
    floor: Annotated[float, Doc("known bad, but not worse than this")]
    expires: Annotated[dt.date, Doc("from this day on the miss is a failure again")]


@dataclass(frozen=True, slots=True)
class Published:
    """A metric of the source model that was measured outside of quantgate."""

    value: Annotated[float, Doc("in the metric's own unit (fractions, dB)")]
    origin: Annotated[str, MinLen(1), Doc("who says so, and on which images")]
