"""How a model takes an image, as far as its inputs tell: layout, channels, size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from quantgate.entries import Preprocess
from quantgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.decoders.protocol import Port
    from quantgate.onboarding.hints import Hints

_RANK = 4
#: Layout and channels of an input.
_Form = tuple[str, int]
_CHANNELS = (1, 3)
#: Side of an input that takes any size, px: of networks of one channel, of classifiers, of others.
_GRAY_PX, _CLASSES_PX, _OTHERS_PX = (240, 160), (224, 224), (640, 640)
#: Others that are tried where the graph does not take these: the last is of lines of text.
_SIZES = ((320, 320), (224, 224), (320, 48))
#: Width of a line of text, in its heights.
_LINE = 320 / 48


@dataclass(frozen=True, slots=True)
class Taken:
    """How the image is fed before colour, mean and scale are known, and what of that is unsure."""

    plan: Preprocess
    unsure: dict[str, str] = field(default_factory=dict)


def taken_by(ports: Sequence[Port], outputs: Sequence[Port], hints: Hints) -> list[Taken]:
    """Read a model's inputs, ``ports``: every way that they may be meant, the likeliest first.

    Raises
    ------
    UsageError
        Where none is a picture: a model of text, sound or tables.
    """
    images = [port for port in ports if _forms(port)]
    if len(images) != 1:
        raise UsageError(_no_picture(ports))
    (port,) = images
    told = hints.values.get("size")
    ways = []
    for form in _forms(port):
        sizes = [tuple(told)] if told else [_usual_size(outputs, form[1]), *_SIZES]
        ways += [_taken(port, form, ports, size) for size in sizes[: None if _open(port) else 1]]
    return [replace(way, unsure=way.unsure if not told else _but_size(way)) for way in ways]


def _but_size(way: Taken) -> dict[str, str]:
    return {key: said for key, said in way.unsure.items() if key != "size"}


def _open(port: Port) -> bool:
    return min(port.shape[1:]) < 0


def _taken(port: Port, form: _Form, ports: Sequence[Port], size: tuple[int, ...]) -> Taken:
    layout, channels = form
    keys: dict[str, Any] = {"colour": "gray" if channels == 1 else "bgr"}
    unsure: dict[str, str] = {}
    if _ambiguous(port):
        keys["layout"] = layout
        unsure["layout"] = "the input may have its channels first or last"
    height, width = port.shape[2:] if layout == "nchw" else port.shape[1:3]
    if height > 0 > width:  # a line of text, of any length
        keys["size"] = (round(height * _LINE), height)
        unsure["size"] = "the input takes any width"
    elif min(height, width) < 0:
        keys["size"] = size
        unsure["size"] = "the input takes any"
    others = [one for one in ports if one != port]
    if others:
        given = keys.get("size", (width, height))
        keys["input"] = port.name
        keys["constants"] = {one.name: _constant(one, given) for one in others}
        unsure["constants"] = "the other inputs are given the picture's height and width"
    return Taken(Preprocess(**keys), unsure)


def _forms(port: Port) -> list[_Form]:
    """Layouts and channels that a picture's input may have; none where it is no picture's."""
    if len(port.shape) != _RANK:
        return []
    first, last = port.shape[1], port.shape[3]
    found = [("nchw", first)] if first in _CHANNELS else []
    found += [("nhwc", last)] if last in _CHANNELS else []
    if found or (first > 0 and last > 0):
        return found
    return [(name, count) for count in (3, 1) for name in ("nchw", "nhwc") if _free(port, name)]


def _free(port: Port, layout: str) -> bool:
    return port.shape[1 if layout == "nchw" else 3] < 0


def _ambiguous(port: Port) -> bool:
    return (port.shape[1] in _CHANNELS) == (port.shape[3] in _CHANNELS)


def _usual_size(outputs: Sequence[Port], channels: int) -> tuple[int, int]:
    if channels == 1:
        return _GRAY_PX
    rows = all(sum(side != 1 for side in port.shape[1:]) == 1 for port in outputs)
    return _CLASSES_PX if rows else _OTHERS_PX


def _constant(port: Port, size: tuple[int, int]) -> tuple[float, ...] | float:
    """Height and width, and 1 for what follows, as detectors take the size of the picture."""
    count = math.prod(port.shape[1:]) if len(port.shape) > 1 else abs(math.prod(port.shape))
    return tuple((float(size[1]), float(size[0]), *[1.0] * count)[:count]) if count > 1 else 1.0


def _no_picture(ports: Sequence[Port]) -> str:
    said = ", ".join(
        f"{p.name} [{','.join('?' if d < 0 else str(d) for d in p.shape)}]" for p in ports
    )
    return (
        f"the model takes {said or 'nothing'}, and no single picture [1,3,height,width] or [1,height,width,3]: it "
        "seems to be of another domain. Next: export its part for pictures alone, from the picture's input on; or give "
        "another model"
    )
