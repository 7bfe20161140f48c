"""The published accuracy of a model, in this project's metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.sources.omz.adapters import adapter_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.sources.omz.index import OmzModel

_ACCURACY_KEYS = {1: "top1", 5: "top5"}
_WHOLE_RANGE = frozenset({None, "0.5:0.05:0.95", ".50:.05:.95"})
_SIMPLE = {
    "coco_orig_precision": "ap",
    "coco_orig_segm_precision": "ap",
    "coco_orig_keypoints_precision": "ap",
    "normed_error": "nme_eyes",
    "pairwise_accuracy_subsets": "verification_accuracy",
    "reid_map": "map",
    "mean_iou": "miou",
    "psnr": "psnr",
    "rmse": "rmse",
    "log10_error": "log10",
    "mape": "abs_rel",
    "ssim": "ssim",
    "incidental_text_hmean": "hmean",
}
#: Adapters of models whose figures are of one head each.
_SEVERAL_HEADS = frozenset({"age_gender", "head_pose", "person_attributes", "vehicle_attributes"})
#: Where several are published, the one that a gate judges by default comes first.
_ORDER = ("top1", "abs_rel", "ap", "miou", "ssim", "psnr", "ap50", "voc", "voc11", "nme_eyes",
          "top5", "word_accuracy_folded", "verification_accuracy", "rank1", "map", "hmean")  # fmt: skip


@dataclass(frozen=True, slots=True)
class OmzReference:
    """One published figure.

    Parameters
    ----------
    metric
        As in ``evaluate.metric`` (``box_ap`` of the boxes of instance segmentation); None where this
        project has no such metric.
    value
        In the metric's own unit (fractions, dB), or None where nothing is published.
    kind
        accuracy_check's metric.
    dataset
        The dataset it was measured on.
    """

    metric: str | None
    value: float | None
    kind: str
    dataset: str


def references_of(model: OmzModel) -> tuple[OmzReference, ...]:
    """Return the published figures, the one that a gate judges first."""
    dataset = str(model.accuracy.get("dataset", ""))
    found = [
        OmzReference(_metric(entry), _value(entry.get("reference")), entry["type"], dataset)
        for entry in model.accuracy.get("metrics", ())
    ]
    if adapter_of(model.accuracy)[0] in _SEVERAL_HEADS:
        found = [replace(one, metric=_of_heads(one.kind, found)) for one in found]
    if model.task == "instance_segmentation":
        # Both figures are called AP; the task's own is that of the masks.
        found = [_of_boxes(reference) for reference in found]
    return tuple(sorted(found, key=_rank))


def _of_heads(kind: str, every: Sequence[OmzReference]) -> str | None:
    """The error of the only value there is; what is published of a single head is no mean over heads."""
    return "mae" if kind == "mae" and sum(one.kind == "mae" for one in every) == 1 else None


def _of_boxes(reference: OmzReference) -> OmzReference:
    if reference.metric not in {"ap", "ap50"} or "segm" in reference.kind:
        return reference
    return replace(reference, metric=f"box_{reference.metric}")


def _rank(reference: OmzReference) -> tuple[int, bool]:
    """By metric; of two APs that of pycocotools, as accuracy_check's own reads higher."""
    place = _ORDER.index(reference.metric) if reference.metric in _ORDER else len(_ORDER)
    return place, reference.kind == "coco_precision"


def _metric(entry: Mapping[str, Any]) -> str | None:
    kind, threshold = entry["type"], entry.get("threshold")
    if kind == "accuracy":
        return _ACCURACY_KEYS.get(int(entry.get("top_k", 1)))
    if kind == "cmc":
        return "rank1" if int(entry.get("top_k", 1)) == 1 else None
    if kind == "coco_precision":
        return "ap" if threshold in _WHOLE_RANGE else "ap50" if threshold == 0.5 else None  # noqa: PLR2004
    if kind == "map":
        return "voc11" if entry.get("integral") == "11point" else "voc"
    return _SIMPLE.get(kind)


def _value(reference: Any) -> float | None:
    if isinstance(reference, dict):
        reference = reference.get("mean")
    return float(reference) if isinstance(reference, int | float) else None
