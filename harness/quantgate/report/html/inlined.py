"""What one page holds itself and what lies beside it: `report.inline_mb` shared out, the worst first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from markupsafe import Markup

from quantgate.report.html.pictures import data_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from quantgate.report.html.view import ModelView

_MEGABYTE = 1_000_000
#: Rank of pictures that nobody needs to see.
_LAST = 1_000_000
_TYPES = {".jpg": "image/jpeg", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Part:
    """One model's details: inside the page, or in a script beside it (``file``)."""

    id: str
    name: str
    html: Markup
    file: str = ""


def share_out(
    views: Sequence[tuple[ModelView, str]], directory: Path, inline_mb: float
) -> tuple[tuple[Part, ...], Mapping[str, bytes]]:
    """Decide what the page holds; ``views`` are the models and their rendered details, worst first.

    Details come before pictures, then what the parent sees of models that are broken, then the worst picture
    of every model, then the second worst, and so on.
    Returns the parts, and the files to write beside the page.

    Raises
    ------
    OSError
        Where a picture cannot be read.
    """
    left = inline_mb * _MEGABYTE
    held: dict[str, str] = {}
    beside: dict[str, bytes] = {}
    for view, html in views:
        size = len(html.encode())
        if size <= left:
            left -= size
            held[view.id] = html
        else:
            beside[f"views/{view.id}.js"] = _script(view.id, html)
    for view, path in _by_rank([view for view, _ in views], directory):
        address = f'src="{quote(path.relative_to(directory).as_posix())}"'
        size = path.stat().st_size * 4 // 3 * held.get(view.id, "").count(address)
        if view.id in held and size <= left:
            left -= size
            uri = data_uri(path.read_bytes(), _TYPES[path.suffix])
            held[view.id] = held[view.id].replace(address, f'src="{uri}"')
    parts = tuple(
        Part(
            view.id,
            view.report.id,
            Markup(held.get(view.id, "")),  # noqa: S704 - rendered by a template
            "" if view.id in held else f"views/{view.id}.js",
        )
        for view, _ in views
    )
    return parts, beside


def _by_rank(views: Sequence[ModelView], directory: Path) -> list[tuple[ModelView, Path]]:
    ranked = [
        (card.place, order, view, directory / unquote(file))
        for order, view in enumerate(views)
        for card in view.gallery.cards
        for file in (*(file for _, file in card.files), *filter(None, [card.whole]))
    ]
    ranked += [
        (-1 if view.word == "broken" else _LAST, order, view, directory / unquote(view.seen))
        for order, view in enumerate(views)
        if view.seen
    ]
    return [(view, path) for _, _, view, path in sorted(ranked, key=lambda item: item[:2])]


def _script(identity: str, html: str) -> bytes:
    """Hand a view over by a call: from file:// a page may load scripts and nothing else."""
    return f"quantgate.take({json.dumps(identity)},{json.dumps(html)})\n".encode()
