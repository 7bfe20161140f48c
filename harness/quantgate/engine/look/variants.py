"""The usual ways to feed a network: colour, mean and scale, and how the picture is resized."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.entries import Preprocess

#: Mean and deviation of ImageNet's channels, red first; the means that Caffe's models subtract.
_IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_CAFFE = (123.0, 117.0, 104.0)
#: Means that are as near, and scales that are as near in parts, feed the same.
_SAME_PX, _SAME_SCALE = 2.0, 0.03
#: Scales within such a factor give a like range: 0..1, -1..1, and ImageNet's deviations.
_LIKE_RANGE = 5.0


def other_colour(plan: Preprocess) -> Preprocess | None:
    """Give the plan with red and blue exchanged; None where the input has one channel."""
    if plan.channels == 1:
        return None
    return replace(plan, colour="rgb" if plan.colour == "bgr" else "bgr")


def other_feedings(plan: Preprocess) -> Iterator[Preprocess]:
    """Yield every other usual combination of colour, mean and scale, none twice."""
    seen = [_numbers(plan)]
    colours: tuple[Literal["bgr", "rgb", "gray", "lightness"], ...] = (
        (plan.colour,) if plan.channels == 1 else ("bgr", "rgb")
    )
    for colour in sorted(colours, key=lambda name: name != plan.colour):
        for mean, scale in ((0.0, 1.0), (0.0, 255.0), (127.5, 127.5), _IMAGENET, (_CAFFE, 1.0)):
            if plan.channels == 1 and isinstance(mean, tuple):
                continue
            ordered = [
                tuple(reversed(value)) if colour == "bgr" and isinstance(value, tuple) else value
                for value in (mean, scale)
            ]
            made = replace(plan, colour=colour, mean=ordered[0], scale=ordered[1])
            if not any(_close(_numbers(made), old) for old in seen):
                seen.append(_numbers(made))
                yield made


def is_near(plan: Preprocess, other: Preprocess) -> bool:
    """Whether a feeding is in the same colours and of a like range: the parent may bear it without being odd."""
    colour, _, scales = _numbers(plan)
    others = _numbers(other)
    ratios = (a / b for a, b in zip(scales, others[2], strict=False))
    return colour == others[0] and all(1 / _LIKE_RANGE < ratio < _LIKE_RANGE for ratio in ratios)


def other_resizes(plan: Preprocess) -> Iterator[Preprocess]:
    """Yield the plan with every other kind of resize."""
    for kind in ("stretch", "letterbox", "fit", "crop"):
        if kind != plan.resize:
            yield replace(plan, resize=kind, short_side=None)


def changed_text(plan: Preprocess, other: Preprocess) -> str:
    """Write what the other plan changes, as keys of models.toml: ``colour = "rgb", scale = 255``."""
    said = []
    for field in fields(plan):
        value = getattr(other, field.name)
        if value != getattr(plan, field.name) and value is not None:
            said.append(f"{field.name} = {_toml(value)}")
    return ", ".join(said)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(f'{number:g}' for number in value)}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _numbers(plan: Preprocess) -> tuple[str, tuple[float, ...], tuple[float, ...]]:
    mean, scale = (
        value if isinstance(value, tuple) else (float(value),) * 3
        for value in (plan.mean, plan.scale)
    )
    return plan.colour, mean, scale


def _close(
    one: tuple[str, tuple[float, ...], tuple[float, ...]],
    other: tuple[str, tuple[float, ...], tuple[float, ...]],
) -> bool:
    """Whether two feedings differ by less than what any network would notice."""
    if one[0] != other[0]:
        return False
    near = all(abs(a - b) <= _SAME_PX for a, b in zip(one[1], other[1], strict=False))
    return near and all(
        abs(a / b - 1) <= _SAME_SCALE for a, b in zip(one[2], other[2], strict=False)
    )
