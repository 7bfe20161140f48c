"""Pictures as the templates show them: panes, their objects, and what the slider needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from harness.report import wording_objects
from harness.report.allure_diff import data_uri
from harness.report.palette import SEEN_FIRST
from harness.report.svg import diff_svg, role_svg
from harness.report.view_tables import embedded

if TYPE_CHECKING:
    from pathlib import Path

    from harness.report.picture import Picture


@dataclass(frozen=True, slots=True)
class PictureView:
    """One picture with its panes."""

    id: str
    picture: Picture
    uri: str
    panes: tuple[str, ...]
    parent: Markup
    optimized: Markup
    diff: Markup
    changes: tuple[tuple[int, str, tuple[str, ...]], ...]
    data: Markup


def picture_view(picture: Picture, identity: str, directory: Path) -> PictureView:
    """Prepare one picture; its files are read from the run's directory."""
    objects = picture.kind == "objects"
    rendered = picture.panes if picture.kind in {"rendered", "segments"} else ()
    changes = [
        [c.change, c.parent.score if c.parent else None, c.optimized.score if c.optimized else None]
        for c in picture.changes
    ]
    document = {
        "threshold": picture.threshold,
        "hysteresis": picture.hysteresis,
        "changes": changes,
    }
    return PictureView(
        id=identity,
        picture=picture,
        uri=_uri(directory / picture.image),
        panes=tuple(_uri(directory / pane) for pane in rendered),
        parent=Markup(role_svg(picture, "parent") if objects else ""),  # noqa: S704 - escaped there
        optimized=Markup(role_svg(picture, "optimized") if objects else ""),  # noqa: S704 - escaped there
        diff=Markup(diff_svg(picture) if objects else ""),  # noqa: S704 - escaped there
        changes=_objects(picture),
        data=embedded(document),
    )


def _objects(picture: Picture) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    listed = sorted(enumerate(picture.changes), key=lambda item: SEEN_FIRST.index(item[1].change))
    return tuple((index, c.change, wording_objects.change_cells(c)) for index, c in listed)


def _uri(path: Path) -> str:
    return data_uri(path.read_bytes())
