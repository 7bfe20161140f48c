"""A picture inside the terminal, where it can show one: kitty's protocol, iTerm2's, or sixel."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from PIL.Image import Image

#: Bytes of one part of kitty's protocol.
_CHUNK = 4096
_COLOURS = 255
_BAND = 6
_SIXEL_TERMS = ("foot", "mlterm", "contour", "yaft", "sixel")
_ITERM = frozenset({"iTerm.app", "WezTerm", "mintty", "rio"})


def protocol_of(environment: Mapping[str, str]) -> str:
    """Tell how a terminal takes pictures: kitty, iterm, sixel, or empty where it takes none."""
    term = environment.get("TERM", "")
    if environment.get("TMUX") or term.startswith(("screen", "tmux")):
        return ""  # passes none of them on unless it is told to
    if "kitty" in term or "KITTY_WINDOW_ID" in environment or "ghostty" in term:
        return "kitty"
    if environment.get("TERM_PROGRAM") in _ITERM:
        return "iterm"
    return "sixel" if any(name in term for name in _SIXEL_TERMS) else ""


def encoded(picture: Image, protocol: str) -> str:
    """Write a picture as the escape sequences of a protocol that :func:`protocol_of` named."""
    return _WRITERS[protocol](picture)


def _png(picture: Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _kitty(picture: Image) -> str:
    data = base64.b64encode(_png(picture)).decode()
    parts = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    said = []
    for number, part in enumerate(parts):
        head = "a=T,f=100," if number == 0 else ""
        more = int(number < len(parts) - 1)
        said.append(f"\x1b_G{head}m={more};{part}\x1b\\")
    return "".join(said)


def _iterm(picture: Image) -> str:
    data = _png(picture)
    text = base64.b64encode(data).decode()
    return f"\x1b]1337;File=inline=1;size={len(data)};preserveAspectRatio=1:{text}\x07"


def _sixel(picture: Image) -> str:
    """Write bands of six rows, colour by colour (DEC STD 070)."""
    import numpy as np

    small = picture.convert("RGB").quantize(_COLOURS)
    palette = (small.getpalette() or [])[: 3 * _COLOURS]
    pixels = np.asarray(small)
    said = ["\x1bP0;1;0q", f'"1;1;{picture.width};{picture.height}']
    for index in range(len(palette) // 3):
        red, green, blue = (
            round(value * 100 / 255) for value in palette[3 * index : 3 * index + 3]
        )
        said.append(f"#{index};2;{red};{green};{blue}")
    tops = range(0, len(pixels), _BAND)
    said += ["$".join(_rows(pixels[top : top + _BAND])) + "-" for top in tops]
    return "".join([*said, "\x1b\\"])


def _rows(band: object) -> Iterator[str]:
    """Yield each colour of a band of pixels [at most 6, width], lengths of equal columns written once."""
    import numpy as np

    pixels = np.asarray(band)
    weights = 1 << np.arange(len(pixels))
    for colour in np.unique(pixels):
        bits = ((pixels == colour) * weights[:, None]).sum(axis=0) + 63
        ends = np.flatnonzero(np.diff(bits, append=-1))
        starts = np.concatenate([[0], ends[:-1] + 1])
        runs = [f"!{b - a + 1}{chr(bits[a])}" for a, b in zip(starts, ends, strict=True)]
        yield f"#{colour}" + "".join(runs)


_WRITERS = {"kitty": _kitty, "iterm": _iterm, "sixel": _sixel}
