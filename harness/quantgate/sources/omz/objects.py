"""How boxes and masks of objects are decoded, from the adapters of accuracy-check.yml that give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from quantgate.decoders.fields import CLASS_ID_LISTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel

#: A task, and the keys of its ``decoder``.
Decoding: TypeAlias = "tuple[str, dict[str, Any]]"

#: accuracy_check's named anchors (Redmon & Farhadi's own).
_ANCHORS: Mapping[str, tuple[float, ...]] = {
    "yolo_v2": (
        1.3221,
        1.73145,
        3.19275,
        4.00944,
        5.05587,
        8.09892,
        9.47112,
        4.84053,
        11.2364,
        10.0071,
    ),
    "tiny_yolo_v2": (1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52),
    "yolo_v3": (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326),
    "tiny_yolo_v3": (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319),
}

#: What accuracy_check's two face detectors with priors have in common.
_ENCODED_FACES: Mapping[str, Any] = {"box_format": "xywh", "max_detections": 750}

#: accuracy_check keeps the best class of a YOLO box.
_BEST_CLASS: Mapping[str, Any] = {"multi_label": False}


def first_label(model: OmzModel) -> int:
    """Return the class number of the first object: 1 where the dataset counts a background."""
    conversion = model.accuracy.get("conversion", {})
    offset = 0
    for step in model.accuracy.get("postprocessing", ()):
        if step["type"] == "shift_labels":
            offset = int(step.get("offset", 0))
    if conversion.get("converter") == "wider":
        return int(conversion.get("label_start", 1))
    if not conversion:
        return 1
    # The full COCO list counts from 1 whether or not there is a background.
    counted = conversion.get("has_background", False) or conversion.get("use_full_label_map", False)
    return int(bool(counted)) - offset


def _classes(model: OmzModel) -> dict[str, Any]:
    full = model.accuracy.get("conversion", {}).get("use_full_label_map", False)
    return (
        {"class_ids": "coco90"} if full and "person" not in str(model.accuracy["dataset"]) else {}
    )


def _overlap(model: OmzModel) -> dict[str, Any]:
    """Return the suppression that the postprocessing states."""
    keys: dict[str, Any] = {}
    for step in model.accuracy.get("postprocessing", ()):
        if step["type"] in {"nms", "diou_nms", "class_aware_nms"}:
            keys["iou_threshold"] = float(step["overlap"])
            # Two of accuracy_check's three suppressions do not look at classes.
            keys["agnostic"] = step["type"] != "class_aware_nms"
            if step["type"] == "diou_nms":
                keys["nms"] = "diou"
        if step["type"] == "filter" and step.get("apply_to") == "prediction":
            keys |= (
                {"score_threshold": float(step["min_confidence"])}
                if "min_confidence" in step
                else {}
            )
    return keys


def ssd(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    """Rows of DetectionOutput."""
    offset = {"label_offset": first_label(model)}
    kept = {key: value for key, value in _overlap(model).items() if key == "score_threshold"}
    return "detection", {"kind": "ssd", **offset, **kept, **_classes(model)}


def _anchors(options: Mapping[str, Any], default: str) -> tuple[float, ...]:
    text = options.get("anchors", default)
    return _ANCHORS.get(text) or tuple(float(part) for part in str(text).split(","))


def yolo_v2(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """One head, its classes by softmax."""
    keys = {
        "kind": "yolo",
        "anchors": _anchors(options, "yolo_v2"),
        "anchor_units": "cells",
        "classes": "softmax",
        "activated": not options.get("raw_output", False),
    }
    return "detection", {**keys, **_BEST_CLASS, **_overlap(model), **_classes(model)}


def yolo_v3(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Heads of three anchors, with objectness."""
    anchors = _anchors(options, "yolo_v3")
    keys: dict[str, Any] = {"kind": "yolo", "anchors": anchors}
    masks = options.get("anchor_masks")
    if masks:
        # Grids come finest first here, so the masks with the smallest anchors do.
        keys["masks"] = tuple(sorted(tuple(mask) for mask in masks))
    keys["activated"] = not options.get("raw_output", False)
    return "detection", {**keys, **_BEST_CLASS, **_overlap(model), **_classes(model)}


def yolox(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    """Cells without anchors, undecoded."""
    keys = {"kind": "yolox", "multi_label": True, "score_threshold": 0.001}
    return "detection", {**keys, **_overlap(model), **_classes(model)}


def detr(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Queries, whose classes count from 1."""
    # The network's classes are COCO's category ids, from 0, which is none.
    ids = (-1, *CLASS_ID_LISTS["coco90"])
    names = (options["boxes_out"], options["scores_out"])
    return "detection", {"kind": "detr", "outputs": names, "class_ids": ids}


def nanodet(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Distances as distributions."""
    keys: dict[str, Any] = {"kind": "nanodet"}
    keys["strides"] = tuple(options.get("strides", (8, 16, 32)))
    keys["centre"] = "cell" if options.get("is_legacy") else "corner"
    return "detection", keys


def faces(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Decoded boxes and scores with a background."""
    names = (options["boxes_out"], options["scores_out"])
    keys = {"kind": "boxes-scores", "background": True, "score_threshold": 0.7, "outputs": names}
    return "detection", {**keys, **_overlap(model)}


def boxes_labels(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Rows of boxes and scores, with labels or of one class."""
    names = [options[key] for key in ("boxes_out", "labels_out") if key in options]
    outputs = {"outputs": tuple(names)} if names else {}
    kept = _overlap(model)
    return "detection", {"kind": "boxes-labels", **outputs, **kept, **_classes(model)}


def ssd_onnx(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    """Boxes, labels and scores apart."""
    # The outputs' names are stated as patterns; their shapes tell them apart too.
    offset = {"units": "relative", "label_offset": first_label(model)}
    return "detection", {"kind": "boxes-labels", **offset, **_classes(model)}


def _named(options: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return the decoder's outputs, in its order, from the options that name them."""
    return {"outputs": tuple(options[key] for key in keys)}


def nms_indices(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """What ONNX's NonMaxSuppression selected."""
    names = _named(options, "boxes_out", "scores_out", "indices_out")
    return "detection", {"kind": "nms-indices", **names, **_classes(model)}


def yolof(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """One grid of anchors without objectness."""
    keys: dict[str, Any] = {"kind": "yolof", "anchors": _anchors(options, "yolo_v3")}
    keys["score_threshold"] = float(options.get("threshold", 0.001))
    keys["multi_label"] = bool(options.get("multiple_labels", False))
    return "detection", {**keys, **_overlap(model), **_classes(model)}


def faceboxes(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Offsets from FaceBoxes' priors; thresholds are the adapter's own."""
    names = _named(options, "boxes_out", "scores_out")
    keys = {"priors": "faceboxes", "score_threshold": 0.05, "iou_threshold": 0.3}
    return "detection", {"kind": "ssd-raw", **_ENCODED_FACES, **keys, **names}


def retinaface(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Offsets from RetinaFace's priors; what it is judged by, WIDER FACE, has no key points."""
    keys = {
        "score_threshold": float(options.get("confidence_threshold", 0.02)),
        "iou_threshold": float(options.get("nms_threshold", 0.4)),
    }
    if "landmarks_output" in options:
        names = _named(options, "bboxes_output", "scores_output", "landmarks_output")
        return "detection", {"kind": "retinaface", **keys, **names}
    names = _named(options, "bboxes_output", "scores_output")
    faces = {**_ENCODED_FACES, "priors": "retinaface"}
    return "detection", {"kind": "ssd-raw", **faces, **keys, **names}


def centernet(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Peaks of heat maps."""
    names = _named(options, "center_heatmap_out", "width_height_out", "regression_out")
    return "detection", {"kind": "centernet", **names, **_overlap(model), **_classes(model)}


def persons(model: OmzModel, options: Mapping[str, Any]) -> Decoding | None:
    """Persons as SSD's heads give them, their actions aside; None where the priors are made elsewhere."""
    if options.get("multihead_net", False):
        return None  # priors are of its own making
    names = _named(options, "loc_out", "main_conf_out", "priorbox_out")
    keys = {"kind": "ssd-heads", "score_threshold": float(options.get("detection_threshold", 0))}
    return "detection", {**keys, **_overlap(model), **names}


def yolact(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Boxes and weighed prototypes."""
    names = _named(options, "boxes_out", "conf_out", "mask_out", "proto_out")
    return "instance_segmentation", {"kind": "yolact", **names, **_classes(model)}


def mask_rcnn(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Boxes and a mask for each, or boxes alone."""
    if "raw_masks_out" not in options:
        return boxes_labels(model, options)
    keys = ("boxes_out", "classes_out", "raw_masks_out", "detection_out")
    names = tuple(options[key] for key in keys if key in options)
    return "instance_segmentation", {"kind": "mask-rcnn", "outputs": names, **_classes(model)}
