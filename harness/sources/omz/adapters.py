"""How a model's outputs are decoded, from accuracy-check.yml's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from harness.decoders.fields import CLASS_ID_LISTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.sources.omz.index import OmzModel

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

#: accuracy_check keeps the best class of a YOLO box.
_BEST_CLASS: Mapping[str, Any] = {"multi_label": False}


def adapter_of(model: OmzModel) -> tuple[str | None, Mapping[str, Any]]:
    """Return the adapter's name and its options."""
    adapter = model.accuracy.get("adapter")
    if isinstance(adapter, dict):
        return adapter.get("type"), adapter
    return adapter, {}


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


def _classification(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    background = model.accuracy.get("conversion", {}).get("has_background", False)
    return "classification", {
        "kind": "class-scores",
        **({"background": True} if background else {}),
    }


def _ssd(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    offset = {"label_offset": first_label(model)}
    kept = {key: value for key, value in _overlap(model).items() if key == "score_threshold"}
    return "detection", {"kind": "ssd", **offset, **kept, **_classes(model)}


def _anchors(options: Mapping[str, Any], default: str) -> tuple[float, ...]:
    text = options.get("anchors", default)
    return _ANCHORS.get(text) or tuple(float(part) for part in str(text).split(","))


def _yolo_v2(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    keys = {
        "kind": "yolo",
        "anchors": _anchors(options, "yolo_v2"),
        "anchor_units": "cells",
        "classes": "softmax",
        "activated": not options.get("raw_output", False),
    }
    return "detection", {**keys, **_BEST_CLASS, **_overlap(model), **_classes(model)}


def _yolo_v3(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    anchors = _anchors(options, "yolo_v3")
    keys: dict[str, Any] = {"kind": "yolo", "anchors": anchors}
    masks = options.get("anchor_masks")
    if masks:
        # Grids come finest first here, so the masks with the smallest anchors do.
        keys["masks"] = tuple(sorted(tuple(mask) for mask in masks))
    keys["activated"] = not options.get("raw_output", False)
    return "detection", {**keys, **_BEST_CLASS, **_overlap(model), **_classes(model)}


def _yolox(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    keys = {"kind": "yolox", "multi_label": True, "score_threshold": 0.001}
    return "detection", {**keys, **_overlap(model), **_classes(model)}


def _detr(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    # The network's classes are COCO's category ids, from 0, which is none.
    ids = (-1, *CLASS_ID_LISTS["coco90"])
    names = (options["boxes_out"], options["scores_out"])
    return "detection", {"kind": "detr", "outputs": names, "class_ids": ids}


def _nanodet(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    keys: dict[str, Any] = {"kind": "nanodet"}
    keys["strides"] = tuple(options.get("strides", (8, 16, 32)))
    keys["centre"] = "cell" if options.get("is_legacy") else "corner"
    return "detection", keys


def _faces(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    names = (options["boxes_out"], options["scores_out"])
    keys = {"kind": "boxes-scores", "background": True, "score_threshold": 0.7, "outputs": names}
    return "detection", {**keys, **_overlap(model)}


def _boxes_labels(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    names = [options[key] for key in ("boxes_out", "labels_out") if key in options]
    outputs = {"outputs": tuple(names)} if names else {}
    kept = _overlap(model)
    return "detection", {"kind": "boxes-labels", **outputs, **kept, **_classes(model)}


def _ssd_onnx(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    # The outputs' names are stated as patterns; their shapes tell them apart too.
    offset = {"units": "relative", "label_offset": first_label(model)}
    return "detection", {"kind": "boxes-labels", **offset, **_classes(model)}


def _mask_rcnn(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    if "raw_masks_out" not in options:
        return _boxes_labels(model, options)
    keys = ("boxes_out", "classes_out", "raw_masks_out", "detection_out")
    names = tuple(options[key] for key in keys if key in options)
    return "instance_segmentation", {"kind": "mask-rcnn", "outputs": names, **_classes(model)}


def _segmentation(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    return "semantic_segmentation", {"kind": "class-map"}


def _style(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    # The adapter takes the output as it is: 0..255, in the order that the network was trained in.
    return "image_to_image", {"kind": "image", "colour": "rgb", "scale": 1.0}


def _image(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    # Truths are read by Pillow, so RGB, unless stated; the adapter swaps outputs where they differ.
    loader = model.accuracy.get("conversion", {}).get("annotation_loader", "pillow")
    orders = ("bgr", "rgb") if loader == "opencv" else ("rgb", "bgr")
    colour = orders[bool(options.get("reverse_channels", False))]
    scale = float(options.get("std", 255.0))
    return "image_to_image", {"kind": "image", "colour": colour, "scale": scale}


#: accuracy_check's adapters that this project can decode.
ADAPTERS: Mapping[str, Callable[[OmzModel, Mapping[str, Any]], Decoding]] = {
    "class_agnostic_detection": _boxes_labels,
    "classification": _classification,
    "detr": _detr,
    "faster_rcnn_onnx": _boxes_labels,
    "image_processing": _image,
    "mask_rcnn": _mask_rcnn,
    "nanodet": _nanodet,
    "segmentation": _segmentation,
    "ssd": _ssd,
    "ssd_onnx": _ssd_onnx,
    "style_transfer": _style,
    "super_resolution": _image,
    "ultra_lightweight_face_detection": _faces,
    "yolo_v2": _yolo_v2,
    "yolo_v3": _yolo_v3,
    "yolox": _yolox,
}
