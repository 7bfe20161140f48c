"""Pascal VOC: one xml an image (Everingham et al. 2010, the devkit's layout and coordinates)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from quantgate.datasets.assembly import Draft, Findings, make_objects
from quantgate.datasets.headers import SUFFIXES
from quantgate.datasets.places import file_of, folder_of, labels_of, read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from quantgate.entries import DatasetEntry


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    box: tuple[float, float, float, float]
    ignored: bool


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read ``JPEGImages`` and ``Annotations``, all or the image set ``ImageSets/Main/<split>.txt``.

    Pixels of VOC count from 1 and include the last: a box becomes ``xmin - 1, ymin - 1, xmax,
    ymax``. Objects marked difficult are kept as crowd regions, which neither count nor harm,
    unless ``difficult`` is set. Without ``labels`` the class names found are sorted.

    Raises
    ------
    DatasetError
        When a folder, the image set or a class name is missing, or an xml is damaged.
    """
    folder = folder_of(name, entry.path, root)
    images = folder / "JPEGImages" if (folder / "JPEGImages").is_dir() else folder
    notes = folder / "Annotations"
    notes = folder_of(name, notes if entry.annotations is None else entry.annotations, root)
    stems = _stems(name, folder, notes, entry.split)
    files = {
        path.stem: path for path in sorted(images.iterdir()) if path.suffix.lower() in SUFFIXES
    }
    rows, lost = {}, []
    for stem in stems:
        note = notes / f"{stem}.xml"
        if note.is_file():
            rows[stem] = _read(name, note, difficult=entry.difficult)
        else:
            lost.append((stem, "no annotation file"))
    labels = labels_of(name, entry.labels, root)
    if labels is None:
        labels = tuple(sorted({row.label for found in rows.values() for row in found}))
    drafts = []
    for stem, found in rows.items():
        path = files.get(stem, images / f"{stem}.jpg")
        index = _index(name, stem, found, labels)
        boxes = [row.box for row in found]
        areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
        truth = make_objects(boxes, index, [row.ignored for row in found], areas)
        drafts.append(Draft(path.relative_to(folder).as_posix(), path, truth))
    return Findings(drafts, labels, tuple(lost))


def _stems(name: str, folder: Path, notes: Path, split: str | None) -> list[str]:
    if split is None:
        return sorted(path.stem for path in notes.glob("*.xml"))
    file = file_of(name, Path("ImageSets") / "Main" / f"{split}.txt", folder)
    # The second column of a class's own image set (1, 0, -1) says whether it is there: not needed.
    return [line.split()[0] for line in read_text(name, file).splitlines() if line.strip()]


def _read(name: str, note: Path, *, difficult: bool) -> list[_Row]:
    try:
        tree = ET.parse(note).getroot()  # noqa: S314 - expat caps entity expansion since 2.4.1
        return [_row(item, difficult=difficult) for item in tree.iter("object")]
    except (ET.ParseError, ValueError, OSError) as error:
        raise DatasetError(
            f"datasets.{name}: {note} is not a VOC annotation: {error}; repair or remove it"
        ) from error


def _row(item: ET.Element, *, difficult: bool) -> _Row:
    label = (item.findtext("name") or "").strip()
    edges = [
        float(item.findtext(f"bndbox/{key}") or "nan") for key in ("xmin", "ymin", "xmax", "ymax")
    ]
    if not label or not all(map(math.isfinite, edges)):
        raise ValueError("an object lacks its name or a number of its bndbox")
    x0, y0, x1, y1 = max(edges[0] - 1, 0.0), max(edges[1] - 1, 0.0), edges[2], edges[3]
    if x1 < x0 or y1 < y0:
        raise ValueError(f"the bndbox {edges} of {label} ends before it starts")
    hard = (item.findtext("difficult") or "0").strip() == "1"
    return _Row(label, (x0, y0, x1, y1), hard and not difficult)


def _index(name: str, stem: str, rows: list[_Row], labels: tuple[str, ...]) -> list[int]:
    for row in rows:
        if row.label not in labels:
            raise DatasetError(
                f"datasets.{name}: {stem}.xml names the class {row.label!r}, which is not among "
                f"the {len(labels)} labels; complete datasets.{name}.labels"
            )
    return [labels.index(row.label) for row in rows]
