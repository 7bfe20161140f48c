"""The inputs beside the image, as far as their values are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.sources.omz.adapters import adapter_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel

_IMAGE_RANK = 4


def known_inputs(model: OmzModel) -> tuple[str, ...]:
    """Names of the inputs beside the image that need no data."""
    stated = [entry["name"] for entry in model.accuracy.get("inputs", ()) if is_stated(entry)]
    enlarged = enlarged_input(model)
    # Without any statement, an input without dimensions to speak of was frozen by the conversion.
    frozen = [entry.name for entry in model.inputs if len(entry.shape) == 1]
    known = [name for name in (enlarged, masked_input(model)) if name]
    return (*stated, *known, *frozen, *remembered(model))


def masked_input(model: OmzModel) -> str | None:
    """Return the input that marks what an inpainting network paints anew, where the original hides a square of all."""
    steps = {step["type"] for step in model.accuracy.get("preprocessing", ())}
    if adapter_of(model.accuracy)[0] != "inpainting" or "rect_mask" not in steps:
        return None
    return model.inputs[1].name


def remembered(model: OmzModel) -> tuple[str, ...]:
    """Names of the inputs that take what a network of clips gave out for the frame before: of a first frame, zero."""
    if adapter_of(model.accuracy)[0] != "video_matting":
        return ()
    return tuple(entry.name for entry in model.inputs[1:])


def is_stated(entry: Mapping[str, Any]) -> bool:
    """Whether accuracy-check.yml gives an input's value."""
    return entry["type"] in {"CONST_INPUT", "ORIG_IMAGE_INFO"}


def enlarged_input(model: OmzModel) -> str | None:
    """Return the input that takes the enlarged image, in super-resolution, by name."""
    images = [entry for entry in model.inputs if len(entry.shape) == _IMAGE_RANK]
    if adapter_of(model.accuracy)[0] != "super_resolution" or len(images) <= 1:
        return None
    return images[1].name
