"""What models.toml says, as frozen values; :mod:`harness.manifest` reads and validates them.

The ``Doc`` of a field is its description in the JSON Schema that editors use.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Len, MinLen
from typing_extensions import Doc

from harness.decoders.catalog import AnyDecoder
from harness.sources.specs import DarknetSource, HfSource, OmzSource, UrlSource

TaskName = Literal[
    "classification",
    "detection",
    "instance_segmentation",
    "semantic_segmentation",
    "image_to_image",
    "generic",
]
IsaClass = Literal["amx", "vnni", "avx2", "sve", "neon", "other"]
Fraction = Annotated[float, Interval(ge=0, le=1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
PositiveInt = Annotated[int, Gt(0)]
Size = Annotated[tuple[PositiveInt, PositiveInt], Doc("[width, height] in pixels")]
PerChannel = float | Annotated[tuple[float, ...], Len(1, 4)]
PerInput = float | Annotated[tuple[float, ...], MinLen(1)]

#: Metadata of a field that no key of models.toml sets.
DERIVED: Mapping[str, bool] = MappingProxyType({"derived": True})


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file that OpenVINO reads: IR .xml, .onnx, .pb, saved-model folder, .tflite, .pdmodel."""

    path: Annotated[Path, Doc("relative to models.toml")]


@dataclass(frozen=True, slots=True)
class ZooSource:
    """A model built into quantgate."""

    zoo: Annotated[str, Doc("name of a built-in model; `quantgate check --zoo` lists them")]


AnySource = LocalSource | ZooSource | OmzSource | DarknetSource | UrlSource | HfSource


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """``[datasets.NAME]``: where images and their truth are."""

    kind: Annotated[
        Literal[
            "coco",
            "voc",
            "imagenet",
            "yolo-txt",
            "wider",
            "open-images",
            "masks",
            "pairs",
            "folder",
            "digits",
        ],
        Doc(
            "coco: one json; voc: Annotations/JPEGImages; imagenet: a list file or a folder per "
            "class; yolo-txt: a text file of boxes beside each image; wider: WIDER FACE's text file; "
            "open-images: the csv of boxes; "
            "masks: a folder of class maps (PNG) beside the images; pairs: a folder of target "
            "pictures; folder: images without annotations; digits: the built-in rendered scenes"
        ),
    ]
    path: Annotated[Path | None, Doc("folder of the images")] = None
    annotations: Annotated[
        Path | None,
        Doc(
            "coco json, imagenet list, WIDER FACE text, csv; folder of voc xml, yolo text, class maps or targets"
        ),
    ] = None
    labels: Annotated[
        Path | Annotated[tuple[str, ...], MinLen(1)] | None,
        Doc("class names: a text file with one a line, or a list; index = class id"),
    ] = None
    split: Annotated[
        str | None, Doc("voc: image set (val); digits: train, calibrate or evaluate")
    ] = None
    size: Annotated[Size | None, Doc("digits: size of the rendered images")] = None
    count: Annotated[PositiveInt | None, Doc("digits: how many images")] = None
    seed: Annotated[int, Ge(0), Doc("digits: seed of the renderer")] = 0
    subject: Annotated[
        Literal["scenes", "single", "class-maps", "clean"],
        Doc(
            "digits: scenes with objects, one digit an image, scenes with the class of every pixel, "
            "or scenes with the picture before blur and noise"
        ),
    ] = "scenes"
    ending: Annotated[
        str | None,
        Doc(
            "masks, pairs: of the files under `annotations` only those whose names end so, before "
            "the suffix: _gtFine_labelIds"
        ),
    ] = None
    class_ids: Annotated[
        Literal["cityscapes"] | Annotated[tuple[Annotated[int, Ge(-1)], ...], MinLen(1)] | None,
        Doc(
            "masks: label index of each id in the class maps, -1: ignored, as are ids behind the "
            "list; cityscapes: the 19 train ids of the 34 ids of _labelIds"
        ),
    ] = None
    difficult: Annotated[bool, Doc("voc: count objects marked difficult")] = False
    annotated: Annotated[
        bool,
        Doc("false: leave annotations and class names aside, so that the images serve any task"),
    ] = True


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How an image becomes the model's input.

    Resize is done by OpenCV outside the model; colour, mean, scale and layout are embedded in the
    graph before quantization, as deployment would do it.
    """

    size: Annotated[Size | None, Doc("[width, height] of the input; default: the model's own")] = (
        None
    )
    resize: Annotated[
        Literal["stretch", "letterbox", "fit", "crop"],
        Doc(
            "stretch: plain resize; letterbox: keep the ratio, centred, padded; fit: keep the "
            "ratio, top-left, padded; crop: short side to `short_side`, centre crop"
        ),
    ] = "stretch"
    short_side: Annotated[PositiveInt | None, Doc("crop only; default: size / 0.875")] = None
    pad: Annotated[
        Annotated[int, Interval(ge=0, le=255)],
        Doc("padding value of letterbox and fit, 0..255"),
    ] = 114
    interpolation: Literal["linear", "cubic", "area", "nearest"] = "linear"
    colour: Annotated[Literal["bgr", "rgb", "gray"], Doc("order the model expects")] = "bgr"
    mean: Annotated[PerChannel, Doc("subtracted, in the model's channel order")] = 0.0
    scale: Annotated[PerChannel, Doc("divided by, after the mean; never 0")] = 1.0
    layout: Annotated[Literal["nchw", "nhwc"] | None, Doc("default: found from the shape")] = None
    input: Annotated[str | None, Doc("name of the image input where a model has several")] = None
    constants: Annotated[
        Mapping[str, PerInput],
        Doc(
            "values of the other inputs, by name: a number for all elements, or all of them row by "
            "row; im_info = [480, 640, 1]"
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IgnoredScope:
    """Layers that stay in floating point; a name or pattern that fits nothing is an error."""

    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """``calibrate``: how the optimized model is made."""

    dataset: Annotated[str, Doc("name of a [datasets.NAME]")]
    subset: Annotated[PositiveInt, Doc("images, drawn by seed, stratified by class")] = 300
    seed: Annotated[int, Ge(0)] = 0
    preset: Literal["performance", "mixed"] = "performance"
    method: Literal["default", "accuracy-aware"] = "default"
    model_type: Annotated[Literal["transformer"] | None, Doc("NNCF's model type")] = None
    ignored: Annotated[IgnoredScope, Doc("layers kept in floating point")] = IgnoredScope()
    max_drop: Annotated[
        Positive | None,
        Doc("accuracy-aware: the drop to aim at; default: limits.max_accuracy_drop"),
    ] = None
    max_iterations: Annotated[PositiveInt, Doc("accuracy-aware: layers put back at most")] = 20
    fast_bias_correction: bool = True
    target_device: Literal["ANY", "CPU", "CPU_SPR", "GPU", "NPU"] = "ANY"


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """``evaluate``: the images both roles are judged on."""

    dataset: Annotated[str, Doc("name of a [datasets.NAME]")]
    subset: Annotated[PositiveInt | None, Doc("first n of a seeded shuffle; default: all")] = None
    seed: Annotated[int, Ge(0)] = 0
    metric: Annotated[
        Literal["top1", "top5", "ap", "ap50", "ap75", "voc", "voc11", "miou", "ssim", "psnr"]
        | None,
        Doc(
            "default: top1 for classification, ap (AP@[.5:.95], of masks where they are asked for) "
            "for objects, miou for semantic segmentation, ssim for image to image; psnr: in dB"
        ),
    ] = None
    score_threshold: Annotated[
        Fraction, Doc("both roles are cut here before they are compared")
    ] = 0.5
    iou_threshold: Annotated[Fraction, Doc("least IoU of a match")] = 0.5
    hysteresis: Annotated[
        Fraction, Doc("an object may fall below score_threshold by this much and still match")
    ] = 0.05
    precision: Annotated[
        Literal["f32", "default"],
        Doc("inference precision of what is not quantized, both roles"),
    ] = "f32"
    hold_out: Annotated[bool, Doc("leave the calibration images out of the evaluation set")] = False
    allow_overlap: Annotated[
        bool, Doc("images in both sets become a warning instead of an error")
    ] = False


@dataclass(frozen=True, slots=True)
class Benchmark:
    """``benchmark``: the conditions under which speed is judged."""

    device: str = "CPU"
    hint: Literal["latency", "throughput"] = "latency"
    streams: PositiveInt | None = None
    threads: PositiveInt | None = None
    requests: PositiveInt | None = None
    batch: PositiveInt = 1
    seconds: Annotated[Positive, Doc("most time that the rounds of this model may take")] = 60.0


SpeedLimit = Positive | Annotated[Mapping[IsaClass, Positive], MinLen(1)]


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
        NonNegative | None, Doc("worst class with at least 10 objects or images")
    ] = None
    min_agreement: Annotated[
        Fraction | None,
        Doc("share of images (of pixels in segmentation) with the same class in both roles"),
    ] = None
    min_match_rate: Annotated[Fraction | None, Doc("2·matches / (parent + optimized objects)")] = (
        None
    )
    min_class_precision: Annotated[
        Fraction | None, Doc("matches / optimized objects, worst class")
    ] = None
    max_tensor_distance: Annotated[
        NonNegative | None, Doc("relative mean squared error of raw outputs, mean over images")
    ] = None
    min_sqnr_db: Annotated[float | None, Doc("signal to quantization noise of raw outputs")] = None
    min_psnr_db: Annotated[
        NonNegative | None, Doc("likeness of the optimized model's pictures to the parent's")
    ] = None
    min_speedup: Annotated[
        SpeedLimit | None, Doc("against the parent in f32; a number or a table by ISA class")
    ] = None
    min_native_speedup: Annotated[
        SpeedLimit | None, Doc("against the parent as the device runs it by default")
    ] = None
    max_latency_ratio: Annotated[Positive | None, Doc("optimized p90 / parent p90 latency")] = None
    max_size_ratio: Annotated[Positive | None, Doc("bytes of the optimized IR / parent IR")] = None
    max_memory_ratio: Annotated[Positive | None, Doc("peak memory of a run, child process")] = None
    min_int8_share: Annotated[
        Fraction | None, Doc("share of multiply-accumulates executed in INT8")
    ] = None
    max_reorder_share: Annotated[
        Fraction | None, Doc("share of time spent in reorders and conversions")
    ] = None


@dataclass(frozen=True, slots=True)
class ExpectedFailure:
    """A known miss of one limit: strict, bounded and dated."""

    reason: Annotated[str, MinLen(1)]
    floor: Annotated[float, Doc("known bad, but not worse than this")]
    expires: Annotated[dt.date, Doc("from this day on the miss is a failure again")]


@dataclass(frozen=True, slots=True)
class Published:
    """A metric of the source model as somebody measured it, outside of quantgate."""

    value: Annotated[float, Doc("in the metric's own unit (fractions, dB)")]
    origin: Annotated[str, MinLen(1), Doc("who says so, and on which images")]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """``[models.NAME]``: one model, its data and its limits."""

    id: Annotated[str, Doc("NAME")] = field(metadata=DERIVED)
    task: Annotated[TaskName, Doc("a built-in, Open Model Zoo or Darknet model knows it")]
    source: Annotated[AnySource, Doc("where the parent comes from; a string is a path")]
    decoder: Annotated[
        AnyDecoder,
        Doc(
            "how outputs are read; a string is its kind; a built-in, Open Model Zoo or Darknet model "
            "knows it, and the tasks image_to_image and generic have one only"
        ),
    ]
    evaluate: Annotated[
        EvaluationPlan, Doc("what both roles are judged on; a string is the name of a dataset")
    ]
    calibrate: Annotated[
        Recipe | None,
        Doc("how the optimized model is made; a string is the name of a dataset"),
    ] = None
    optimized: Annotated[
        LocalSource | None,
        Doc("a model quantized elsewhere, instead of `calibrate`; a string is a path"),
    ] = None
    preprocess: Annotated[Preprocess, Doc("how an image becomes the input")] = Preprocess()
    benchmark: Annotated[Benchmark, Doc("how speed is measured")] = Benchmark()
    limits: Annotated[Limits, Doc("what is judged, one test each")] = Limits()
    judge: Annotated[
        Literal["value", "interval"],
        Doc("accuracy and agreement: judge the value (default), or demand the whole interval"),
    ] = "value"
    undecided: Annotated[
        Literal["fail", "warn"], Doc("whether UNDECIDED fails the run (default) or only warns")
    ] = "fail"
    tags: Annotated[tuple[str, ...], Doc("pytest marks of this model's tests: `-m nightly`")] = ()
    expected_failure: Annotated[
        Mapping[str, ExpectedFailure], Doc("known misses, by the key of the limit")
    ] = field(default_factory=dict)
    published: Annotated[
        Mapping[str, Published],
        Doc(
            "what the source model is said to reach, by metric: shown beside the parent's own; a "
            "built-in or Open Model Zoo model knows it"
        ),
    ] = field(default_factory=dict)
    limit_places: Annotated[Mapping[str, str], Doc("dotted path at which a limit was set")] = field(
        default_factory=dict, metadata=DERIVED
    )


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """``[report]``: how much evidence is drawn."""

    images: Annotated[int, Ge(0), Doc("worst images drawn a model")] = 12
    budget_mb: Annotated[Positive, Doc("most megabytes of pictures a run")] = 50.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole models.toml; ``root`` is its folder, against which relative paths are resolved.

    ``history`` is where its runs are recorded: an absolute path or a URL.
    """

    path: Path
    models: Mapping[str, ModelEntry]
    datasets: Mapping[str, DatasetEntry]
    report: ReportPlan = ReportPlan()
    history: str | None = None

    @property
    def root(self) -> Path:
        """Folder of the manifest."""
        return self.path.parent
