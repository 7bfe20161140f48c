"""What kinds of datasets with quadrilaterals share: objects of corners, and the text file of each image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.quads import boxes_around, quad_areas
from quantgate.datasets.findings import make_objects
from quantgate.datasets.folder import image_files
from quantgate.datasets.places import composed, folder_of
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.predictions import Objects
    from quantgate.entries import DatasetEntry

CORNERS = 4
#: Images without a text file, as a share of all, from which they are told.
_MANY_BARE = 0.5


@dataclass(frozen=True, slots=True)
class QuadRow:
    """One annotated quadrilateral: its corners [points, 2], its label, whether it is set aside."""

    corners: NDArray[np.float64]
    label: int = 0
    aside: bool = False


def quad_objects(rows: Sequence[QuadRow]) -> Objects:
    """Objects of rows; of polygons with other than four corners the rectangle of least area around them."""
    quads = np.array([four_corners(row.corners) for row in rows], np.float64).reshape(
        -1, CORNERS, 2
    )
    boxes, areas = boxes_around(quads), quad_areas(quads)
    labels, aside = [row.label for row in rows], [row.aside for row in rows]
    found = make_objects(boxes.tolist(), labels, aside, areas.tolist())
    return replace(found, quads=quads.astype(np.float32))


def four_corners(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners [4, 2] of a polygon [points, 2]: its own, or those of the rectangle of least area around it."""
    if len(corners) == CORNERS + 1 and (corners[0] == corners[-1]).all():
        corners = corners[:-1]
    if len(corners) == CORNERS:
        return corners
    import cv2

    return np.asarray(cv2.boxPoints(cv2.minAreaRect(corners.astype(np.float32))), np.float64)


@dataclass(frozen=True, slots=True)
class Noted:
    """Images of a folder with their text files: path, name, and file where there is one.

    ``others`` are text files that no image is of, ``folder`` is where text files are looked for.
    """

    images: tuple[tuple[Path, str, Path | None], ...]
    others: tuple[Path, ...]
    folder: Path

    def notes(self, name: str) -> Iterator[str]:
        """Say where many images have no file, of the dataset ``name``.

        Raises
        ------
        DatasetError
            Where none has.
        """
        bare = [image for _, image, note in self.images if note is None]
        if self.images and len(bare) == len(self.images):
            raise DatasetError(
                f"datasets.{name}: none of the {len(bare)} images has a text file in {self.folder}; set "
                f"datasets.{name}.annotations"
            )
        if bare and len(bare) >= _MANY_BARE * len(self.images):
            yield (
                f"datasets.{name}: {len(bare)} of {len(self.images)} images have no text file "
                f"({bare[0]}, …): they are taken to show nothing"
            )


def noted_images(
    name: str, entry: DatasetEntry, root: Path, beside: Sequence[str], *, prefix: str = ""
) -> Noted:
    """Find the text file of every image below ``path``: under ``annotations``, else beside the images.

    Parameters
    ----------
    beside
        Names of folders that may stand beside one called images, of text files.
    prefix
        What files may have before the name of their image.
    """
    folder = folder_of(name, entry.path, root)
    notes = _notes_folder(name, entry, (folder, root), beside)
    texts = {
        composed(path.relative_to(notes).as_posix()): path
        for path in image_files(notes)[1]
        if path.suffix == ".txt"
    }
    images = []
    for path in image_files(folder)[0]:
        inside = path.relative_to(folder).with_suffix(".txt")
        spelled = (inside, inside.with_name(f"{prefix}{inside.name}"))
        keys = [composed(each.as_posix()) for each in spelled]
        note = next((texts[key] for key in keys if key in texts), None)
        images.append((path, path.relative_to(folder).as_posix(), note))
    used = {note for *_, note in images}
    others = tuple(path for path in texts.values() if path not in used)
    return Noted(tuple(images), others, notes)


def _notes_folder(
    name: str, entry: DatasetEntry, place: tuple[Path, Path], beside: Sequence[str]
) -> Path:
    folder, root = place
    if entry.annotations is not None:
        return folder_of(name, entry.annotations, root)
    parts = list(folder.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        for other in beside:
            found = type(folder)(*parts[:last], other, *parts[last + 1 :])
            if found.is_dir():
                return found
    return folder
