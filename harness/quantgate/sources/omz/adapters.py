"""How a model's outputs are decoded, from accuracy-check.yml's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.sources.omz import heads, objects, points, quads, text, vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.objects import Decoding


#: What evaluators of their own, named instead of an adapter, do to the outputs.
_EVALUATORS: Mapping[str, str] = {
    "custom_evaluators.sequential_background_matting_evaluator.SequentialBackgroundMatting": "video_matting",
}


def adapter_of(accuracy: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """Return the adapter's name and its options."""
    adapter = accuracy.get("adapter")
    if isinstance(adapter, dict):
        return adapter.get("type"), adapter
    return adapter or _EVALUATORS.get(str(accuracy.get("module"))), {}


def _classification(model: OmzModel, _: Mapping[str, Any]) -> Decoding:
    background = model.accuracy.get("conversion", {}).get("has_background", False)
    return "classification", {
        "kind": "class-scores",
        **({"background": True} if background else {}),
    }


def _matting(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    return "image_to_image", {"kind": "image"}


def _video_matting(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    return "semantic_segmentation", {"kind": "class-map", "outputs": ("pha",)}


def _inpainting(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    return "image_to_image", {"kind": "image", "scale": 1.0}


def _segmentation(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    return "semantic_segmentation", {"kind": "class-map"}


def _saliency(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    # One channel of logits: the object's share of each pixel, cut at a half.
    return "semantic_segmentation", {"kind": "class-map", "activation": "sigmoid"}


def _style(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    # The adapter takes the output as it is: 0..255, in the order that the network was trained in.
    return "image_to_image", {"kind": "image", "colour": "rgb", "scale": 1.0}


def _depth(model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    # Where the original aligns a prediction with its annotation, that is known up to factor and shift.
    steps = {step["type"] for step in model.accuracy.get("postprocessing", ())}
    aligned = {"align": "scale-shift"} if "align_prediction_depth_map" in steps else {}
    return "dense", {"kind": "dense-map", **aligned}


def _image(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    if any(
        step["type"] == "colorization_recovery" for step in model.accuracy.get("postprocessing", ())
    ):
        # a and b, which the original puts to the picture's own lightness before it compares pictures.
        return "dense", {"kind": "dense-map"}
    # Truths are read by Pillow, so RGB, unless stated; the adapter swaps outputs where they differ.
    loader = model.accuracy.get("conversion", {}).get("annotation_loader", "pillow")
    orders = ("bgr", "rgb") if loader == "opencv" else ("rgb", "bgr")
    colour = orders[bool(options.get("reverse_channels", False))]
    scale = float(options.get("std", 255.0))
    return "image_to_image", {"kind": "image", "colour": colour, "scale": scale}


#: accuracy_check's adapters that this project can decode.
ADAPTERS: Mapping[str, Callable[[OmzModel, Mapping[str, Any]], Decoding | None]] = {
    "action_detection": objects.persons,
    "age_gender": heads.age_gender,
    "background_matting": _matting,
    "beam_search_decoder": text.ctc_blank_last,
    "class_agnostic_detection": objects.boxes_labels,
    "classification": _classification,
    "ctc_greedy_search_decoder": text.ctc,
    "ctdet": objects.centernet,
    "ctpn_text_detection": quads.ctpn,
    "detr": objects.detr,
    "faceboxes": objects.faceboxes,
    "facial_landmarks_detection": points.face,
    "faster_rcnn_onnx": objects.boxes_labels,
    "head_pose": heads.head_pose,
    "human_pose_estimation": points.openpose,
    "human_pose_estimation_ae": points.tagged,
    "human_pose_estimation_hrnet": points.tagged_in_the_middle,
    "image_processing": _image,
    "inpainting": _inpainting,
    "landmarks_regression": points.landmarks,
    "lpr": text.plates,
    "mask_rcnn": objects.mask_rcnn,
    "mono_depth": _depth,
    "nanodet": objects.nanodet,
    "person_attributes": heads.person,
    "pixel_link_text_detection": quads.pixel_link,
    "reid": vectors.vector,
    "retinaface_pytorch": objects.retinaface,
    "salient_object_detection": _saliency,
    "segmentation": _segmentation,
    "simple_decoder": text.sequence,
    "single_human_pose_estimation": points.one_person,
    "ssd": objects.ssd,
    "ssd_onnx": objects.ssd_onnx,
    "style_transfer": _style,
    "super_resolution": _image,
    "ultra_lightweight_face_detection": objects.faces,
    "vehicle_attributes": heads.vehicle,
    "video_matting": _video_matting,
    "yolo_v2": objects.yolo_v2,
    "yolact": objects.yolact,
    "yolo_v3": objects.yolo_v3,
    "yolo_v3_onnx": objects.nms_indices,
    "yolof": objects.yolof,
    "yolox": objects.yolox,
}

#: What is left out of an adapter's predictions, or asked of the dataset.
NOTES: Mapping[str, str] = {
    "inpainting": "a square of 128 px in the middle of each image is painted white, and to be restored: targets are the "
    "images themselves, in the size of the input",
    "mono_depth": "depth is annotated as the original evaluation has it: in m for FCRN, as disparity for MiDaS",
    "action_detection": "persons alone are judged, suppressed by NMS where the original does it softly",
    "background_matting": "mattes have to have the size of the model's output",
    "video_matting": "each image is the first frame of a clip: what the network remembers of frames before is zero",
    "beam_search_decoder": "text is read greedily, where the original searches for the likeliest",
}
