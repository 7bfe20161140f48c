"""The kinds of values that entries of models.toml are made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from annotated_types import Ge, Gt, Interval, Len, MinLen
from typing_extensions import Doc

from quantgate.plugins import names_of

#: Names of the catalogs' rows, which entries may use without importing what stands behind them.
_TASKS = (
    "classification",
    "detection",
    "instance_segmentation",
    "semantic_segmentation",
    "keypoints",
    "image_to_image",
    "generic",
)
_DATASETS = (
    *("coco", "voc", "imagenet", "yolo-txt", "wider", "open-images", "masks", "pairs"),
    *("folder", "digits"),
)
_METRICS = (
    *("top1", "top5", "ap", "ap50", "ap75", "voc", "voc11", "pck", "nme_box", "nme_eyes"),
    *("miou", "pixels", "foreground_iou", "foreground_f1", "ssim", "psnr"),
)
if TYPE_CHECKING:
    TaskName: TypeAlias = str
    DatasetKindName: TypeAlias = str
    MetricName: TypeAlias = str
else:
    TaskName = Literal[(*_TASKS, *names_of("tasks"))]
    MetricName = Literal[(*_METRICS, *names_of("metrics"))]
    DatasetKindName = Literal[(*_DATASETS, *names_of("datasets"))]
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
