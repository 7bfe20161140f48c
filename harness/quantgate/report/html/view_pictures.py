"""The changed images of one model: cards of the worst, and all of them as data for the viewer's script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from quantgate.report.html.pictures import changes_svg
from quantgate.report.html.view_tables import packed
from quantgate.report.overlays.painters import PAINTERS, PANES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.report.picture import Picture, Seen


@dataclass(frozen=True, slots=True)
class CardView:
    """One image as the page shows it at once; ``files`` are addresses beside the page, ``(name, file)``.

    ``whole`` is that of the image of which it is a region.
    """

    id: str
    place: int
    picture: Picture
    files: tuple[tuple[str, str], ...]
    overlay: Markup
    whole: str = ""


@dataclass(frozen=True, slots=True)
class GalleryView:
    """Every changed image: the worst as cards, all as packed data; ``bare`` have no photograph."""

    cards: tuple[CardView, ...]
    total: int
    bare: int
    data: str


def gallery_view(pictures: Sequence[Picture], prefix: str) -> GalleryView:
    """Prepare the pictures of one model, worst first."""
    cards = tuple(
        _card(picture, f"{prefix}-p{place}", place)
        for place, picture in enumerate(pictures)
        if picture.overlay
    )
    bare = sum(not picture.image for picture in pictures)
    return GalleryView(cards, len(pictures), bare, packed(viewer_data(pictures)))


def viewer_data(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Write the pictures compactly: classes by number, boxes in tenths of a pixel."""
    labels: dict[str, int] = {}
    listed = [_listed(picture, labels) for picture in pictures]
    first = next((picture for picture in pictures if picture.kind == "objects"), None)
    rule = (first.threshold, first.hysteresis) if first else (0.0, 0.0)
    return {
        "roles": list(pictures[0].roles) if pictures else [],
        "threshold": rule[0],
        "hysteresis": rule[1],
        "labels": list(labels),
        "pictures": listed,
    }


def _card(picture: Picture, identity: str, place: int) -> CardView:
    painter = PAINTERS[picture.kind]
    panes = zip(PANES, picture.panes, strict=False) if painter.painted else ()
    files = [(name, file) for name, file in panes if name in painter.card]
    shown = tuple((name, quote(file)) for name, file in files) or (("image", quote(picture.image)),)
    drawn = picture.kind == "objects"
    overlay = Markup(changes_svg(picture) if drawn else "")  # noqa: S704 - escaped there
    return CardView(identity, place, picture, shown, overlay, quote(picture.whole))


def _listed(picture: Picture, labels: dict[str, int]) -> dict[str, Any]:
    painted = PAINTERS[picture.kind].painted
    files = picture.panes if painted else (picture.image,) if picture.image else ()
    told = {
        "n": picture.name,
        "k": picture.kind,
        "z": list(picture.size),
        "s": picture.sentence,
        "t": picture.truth,
        "f": [quote(file) for file in files],
        "o": [
            {
                "c": change.change,
                "p": _seen(change.parent, labels),
                "q": _seen(change.optimized, labels),
                "u": None if change.iou is None else round(change.iou, 3),
                "x": int(change.crossed),
            }
            for change in picture.changes
        ],
        "a": [
            [[labels.setdefault(bar.label, len(labels)), round(bar.score, 4)] for bar in bars]
            for bars in (picture.parent, picture.optimized)
        ],
        "l": [list(pair) for pair in picture.legend],
        "g": list(picture.groups),
        "w": quote(picture.whole),
        "e": [[round(value, 1) for value in corners] for corners in picture.annotated],
    }
    return {key: value for key, value in told.items() if value not in ([], "", [[], []])}


def _seen(seen: Seen | None, labels: dict[str, int]) -> list[Any] | None:
    if seen is None:
        return None
    place = labels.setdefault(seen.label, len(labels))
    rings = [[round(value, 1) for value in ring] for ring in seen.rings]
    box = [round(edge, 1) for edge in seen.box]
    flats = (seen.points, seen.bones, seen.corners)
    drawn = [rings, *([round(value, 1) for value in flat] for flat in flats)]
    while drawn and not drawn[-1]:
        drawn.pop()
    return [place, round(seen.score, 4), *box, *drawn]
