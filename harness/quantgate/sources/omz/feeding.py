"""How a model's images are prepared, from accuracy-check.yml's reader and preprocessing steps.

The steps are those for the converted model: means and scales that the conversion embeds are not
among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.sources.omz.index import OmzModel

_RGB_READERS = frozenset({"pillow_imread", "skimage_imread"})
IMAGE_READERS = frozenset({*_RGB_READERS, "opencv_imread", "lmdb_reader"})
_INTERPOLATION = {"NEAREST": "nearest", "CUBIC": "cubic", "BICUBIC": "cubic", "AREA": "area"}
#: accuracy_check's named means and deviations, BGR.
_NAMED = {"imagenet": (104.00698793, 116.66876762, 122.67891434)}
#: What is left to the dataset: its images have to be made that way.
_OF_THE_DATASET = {
    "crop_rect": "images have to be cropped to the annotated object first: datasets.NAME.region",
    "extend_around_rect": "images have to be cropped with a margin around the object",
    "transformed_crop_with_auto_scale": "images have to be cropped to the annotated person first, 1.25 times its "
    "box: datasets.NAME.region",
    "point_alignment": "images have to be faces, aligned by five points: datasets.NAME.region",
    "jpeg_compression": "images have to be compressed as the original evaluation does",
}
_ONE_SIZE = "the input grows with the image's ratio originally, and has one size here"
#: Ways to keep an image's ratio from the upper left corner, and what is approximated then.
_FITTED = {
    "fit_to_window": (),
    "frcnn_keep_aspect_ratio": (),
    "ctpn_keep_aspect_ratio": (_ONE_SIZE,),
}
_CHANNELS = frozenset({1, 3})
_IMAGE_RANK = 4


class FeedingUnknownError(Exception):
    """The model is not fed with images, or in a way that cannot be stated as ``preprocess``."""


@dataclass(slots=True)
class _Feeding:
    """What the steps so far amount to, as keys of ``preprocess``."""

    size: tuple[int, int]
    colour: str
    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fraction: float | None = None
    grows: bool = False


def image_input(model: OmzModel) -> tuple[str, tuple[int, int], int]:
    """Name, ``(width, height)`` and channels of the input that takes the image.

    Raises
    ------
    FeedingUnknownError
        Where no input has the shape of an image, or several have and none is the first.
    """
    for entry in model.inputs:
        if len(entry.shape) == _IMAGE_RANK and entry.layout in {"NCHW", "NHWC"}:
            _, *rest = entry.shape
            channels, height, width = rest if entry.layout == "NCHW" else (rest[2], *rest[:2])
            if channels in _CHANNELS and min(height, width) > 1:
                return entry.name, (width, height), channels
    raise FeedingUnknownError(f"input {_shapes(model)}")


def _shapes(model: OmzModel) -> str:
    shapes = [f"{entry.name}{list(entry.shape)}" for entry in model.inputs]
    return ", ".join(shapes[:3]) if shapes else "unknown"


def reader_of(model: OmzModel) -> str:
    """Return accuracy_check's name of what reads the images."""
    reader = model.accuracy.get("reader", "opencv_imread")
    return str(reader if isinstance(reader, str) else reader.get("type", "unknown"))


def preprocess_of(model: OmzModel) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the keys of ``preprocess``, defaults left out, and notes on what is approximated.

    Raises
    ------
    FeedingUnknownError
        Naming the reader, input or step that has no equivalent.
    """
    name, size, _ = image_input(model)
    kind = reader_of(model)
    if kind not in IMAGE_READERS:
        raise FeedingUnknownError(f"reader {kind}")
    feeding = _Feeding(size, "rgb" if kind in _RGB_READERS else "bgr")
    steps = model.accuracy.get("preprocessing", ())
    feeding.grows = any(step["type"] == "padding" and "stride" in step for step in steps)
    for step in steps:
        kind = step["type"]
        if kind in _OF_THE_DATASET:
            feeding.notes.append(_OF_THE_DATASET[kind])
        elif kind in _STEPS:
            _STEPS[kind](feeding, step)
        else:
            raise FeedingUnknownError(f"preprocessing {kind}")
    if feeding.colour != "bgr":
        feeding.keys["colour"] = feeding.colour
    if len(model.inputs) > 1:
        feeding.keys["input"] = name
    return feeding.keys, tuple(dict.fromkeys(feeding.notes))


def _target(step: Mapping[str, Any], default: tuple[int, int]) -> tuple[int, int]:
    """``(width, height)`` that a step names."""
    if "size" in step:
        return int(step["size"]), int(step["size"])
    return int(step.get("dst_width", default[0])), int(step.get("dst_height", default[1]))


def _resize(feeding: _Feeding, step: Mapping[str, Any]) -> None:
    target, ratio = _target(step, feeding.size), step.get("aspect_ratio_scale")
    method = str(step.get("interpolation", "LINEAR")).upper()
    if step.get("use_pillow") and method != "NEAREST":
        # Pillow's filters widen as they shrink, which only OpenCV's area filter does too.
        feeding.keys["interpolation"] = "area"
        feeding.notes.append(f"Pillow's {method.lower()} resize is approximated by OpenCV's area")
    elif method in _INTERPOLATION:
        feeding.keys["interpolation"] = _INTERPOLATION[method]
    if ratio in {"greater", "width"} and feeding.grows:
        feeding.keys |= {"resize": "fit", "pad": 0}
        feeding.notes.append(_ONE_SIZE)
    elif ratio == "greater":
        feeding.keys |= {"resize": "crop", "short_side": target[0]}
    elif ratio in _FITTED:
        feeding.keys |= {"resize": "fit", "pad": 0}
        feeding.notes += _FITTED[ratio]
    elif ratio == "width":
        feeding.keys |= {"resize": "height", "pad": 0}
    elif ratio is not None:
        raise FeedingUnknownError(f"preprocessing resize {ratio}")
    elif target != feeding.size and target[0] >= feeding.size[0]:
        feeding.keys |= {"resize": "crop", "short_side": min(target)}
        feeding.notes.append(f"stretched to {target[0]}x{target[1]} before the crop originally")


def _centred(feeding: _Feeding, _: Mapping[str, Any]) -> None:
    feeding.keys |= {"resize": "letterbox", "pad": 0}
    feeding.notes.append("warped around the image's centre originally, half a pixel aside")


def _crop(feeding: _Feeding, step: Mapping[str, Any]) -> None:
    fraction = step.get("central_fraction")
    if fraction:
        short_side = round(min(feeding.size) / float(fraction))
        feeding.keys |= {"resize": "crop", "short_side": short_side}
        feeding.notes.append(f"the central {fraction} of both sides was stretched originally")
    elif feeding.keys.get("resize") != "crop" and _target(step, feeding.size) != feeding.size:
        raise FeedingUnknownError("preprocessing crop")


def _padding(feeding: _Feeding, step: Mapping[str, Any]) -> None:
    if feeding.keys.get("resize") == "height" and step.get("numpy_pad_mode") == "edge":
        feeding.keys["pad"] = "edge"
    if feeding.keys.get("resize") != "fit":
        return
    if step.get("pad_type", "center") == "center":
        feeding.keys["resize"] = "letterbox"
    values = [float(value) for value in str(step.get("pad_value", "0")).strip("()").split(",")]
    feeding.keys["pad"] = round(sum(values) / len(values))
    if len(set(values)) > 1:
        feeding.notes.append(f"padded by {values} a channel originally")


def _colour(order: str) -> Callable[[_Feeding, Mapping[str, Any]], None]:
    def set_colour(feeding: _Feeding, _: Mapping[str, Any]) -> None:
        if feeding.colour != order:
            for key in ("mean", "scale"):
                value = feeding.keys.get(key)
                if isinstance(value, tuple) and order != "gray":
                    feeding.keys[key] = value[::-1]
        feeding.colour = order

    return set_colour


def _lightness(feeding: _Feeding, _: Mapping[str, Any]) -> None:
    feeding.colour = "lightness"


def _channel(feeding: _Feeding, step: Mapping[str, Any]) -> None:
    """One channel of what is left: of Lab the first, which is fed alone."""
    if feeding.colour != "lightness" or int(step.get("channel", 0)) != 0:
        raise FeedingUnknownError("preprocessing select_channel")


def _normalization(feeding: _Feeding, step: Mapping[str, Any]) -> None:
    for key, source in (("mean", "mean"), ("scale", "std")):
        if source in step:
            feeding.keys[key] = _per_channel(step[source])


def _per_channel(value: Any) -> float | tuple[float, ...]:
    if isinstance(value, str) and value in _NAMED:
        return _NAMED[value]
    parts = value if isinstance(value, list) else str(value).strip("()").split(",")
    numbers = tuple(float(part) for part in parts)
    return numbers[0] if len(numbers) == 1 else numbers


def _flip(feeding: _Feeding, step: Mapping[str, Any]) -> None:
    if not step.get("merge_with_original"):
        raise FeedingUnknownError("preprocessing flip")
    feeding.notes.append(
        "the mirrored image is fed as well originally, and its answer joined: here the image's own counts"
    )


def _nothing(_feeding: _Feeding, _step: Mapping[str, Any]) -> None:
    """The image goes to the model's own size in any case; what the model hides of it is part of its graph."""


_STEPS: Mapping[str, Callable[[_Feeding, Mapping[str, Any]], None]] = {
    "auto_resize": _nothing,
    "bgr_to_gray": _colour("gray"),
    "bgr_to_lab": _lightness,
    "bgr_to_rgb": _colour("rgb"),
    "centernet_affine_transform": _centred,
    "crop": _crop,
    "flip": _flip,
    "normalization": _normalization,
    "padding": _padding,
    "rect_mask": _nothing,
    "resize": _resize,
    "rgb_to_bgr": _colour("bgr"),
    "select_channel": _channel,
}
