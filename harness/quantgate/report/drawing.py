"""Picture files of one run: drawn worst first, until the budget of bytes is used up."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from quantgate.report.files import file_name, write_atomic
from quantgate.report.overlays import panes
from quantgate.report.overlays.canvas import beside, from_bgr, grid, webp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.report.picture import Picture

    Loader = Callable[[], Sequence[NDArray[np.uint8]]]

#: Longest side of the bare photograph on the page, px.
IMAGE_PX = 960


def draw_worst(
    pictures: Iterable[tuple[Picture, Loader]],
    directory: Path,
    *,
    model: str,
    budget_bytes: int,
    most: int | None = None,
) -> tuple[tuple[Picture, ...], int]:
    """Draw pictures, worst first, into ``directory/pictures/MODEL`` until the budget is used up.

    At most ``most`` pictures are drawn; the loaders of the others are never called. Each loader returns the BGR uint8 image ``[height, width, 3]`` at original size; for
    ``kind == "rendered"`` it returns image, parent's and optimized model's renderings, for
    ``kind == "segments"`` the image and both roles' class ids ``[h, w]``.

    Returns the pictures with their file names filled in, and how many were omitted.

    Raises
    ------
    ReportError
        On a full or read-only disk, or where an image has no pixels.
    """
    drawn: list[Picture] = []
    used, omitted = 0, 0
    for index, (picture, load) in enumerate(pictures):
        if used >= budget_bytes or (most is not None and index >= most):
            omitted += 1
            continue
        images = load()
        files = _files(picture, images, f"{index:02d}-{file_name(picture.name)}")
        size = sum(len(data) for data in files.values())
        if used + size > budget_bytes:
            used = budget_bytes
            omitted += 1
            continue
        used += size
        folder = f"pictures/{file_name(model)}"
        for name, data in files.items():
            write_atomic(directory / folder / name, data)
        drawn.append(_named(_with_legend(picture, images), folder, list(files)))
    return tuple(drawn), omitted


def _files(picture: Picture, images: Sequence[NDArray[np.uint8]], stem: str) -> dict[str, bytes]:
    drawn = panes(picture, images)
    files = {
        f"{stem}.webp": webp(from_bgr(images[0], IMAGE_PX)),
        f"{stem}.overlay.webp": webp(beside(drawn)),
    }
    names = ("parent", "optimized", "diff")
    files |= {f"{stem}.{name}.webp": webp(pane) for name, pane in zip(names, drawn, strict=True)}
    files[f"{stem}.overview.webp"] = webp(grid(drawn), quality=70)
    return files


def _with_legend(picture: Picture, images: Sequence[NDArray[np.uint8]]) -> Picture:
    if picture.kind != "segments":
        return picture
    from quantgate.report.overlays.segments import legend

    shown = legend(images[1], images[2], picture.labels)
    return dataclasses.replace(picture, labels=(), legend=shown)


def _named(picture: Picture, folder: str, names: list[str]) -> Picture:
    image, overlay, *drawn, overview = (f"{folder}/{name}" for name in names)
    return dataclasses.replace(
        picture, image=image, overlay=overlay, panes=tuple(drawn), overview=overview
    )
