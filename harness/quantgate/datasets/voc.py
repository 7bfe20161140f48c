"""Pascal VOC: one xml an image (Everingham et al. 2010, the devkit's layout and coordinates)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from quantgate.datasets.findings import Draft, Findings, flag, make_objects
from quantgate.datasets.folder import image_files, strays_of
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import composed, file_of, folder_of, labels_of, read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from quantgate.entries import DatasetEntry


_Size = tuple[int, int]


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
    found, others = image_files(images)
    files = {_stem(images, path): path for path in found}
    rows, lost = {}, []
    for stem in stems:
        note = notes / f"{stem}.xml"
        if note.is_file():
            rows[stem] = _read(name, note, difficult=entry.difficult)
        else:
            lost.append((stem, "no annotation file"))
    labels = labels_of(name, entry.labels, root)
    if labels is None:
        labels = tuple(sorted({row.label for listed, _ in rows.values() for row in listed}))
    drafts = [
        _draft(name, files.get(composed(stem), images / f"{stem}.jpg"), (folder, labels), read)
        for stem, read in rows.items()
    ]
    used = {draft.path for draft in drafts}
    why = "no annotation file" if entry.split is None else f"not in the image set {entry.split}"
    strays = [(path.relative_to(images).as_posix(), why) for path in found if path not in used]
    if images != folder:
        strays += strays_of(images, others)
    return Findings(
        drafts,
        labels,
        tuple(lost),
        tuple(strays),
        aside="marked difficult (difficult = true counts them)",
    )


def _stem(images: Path, path: Path) -> str:
    return composed(path.relative_to(images).with_suffix("").as_posix())


def _draft(
    name: str,
    path: Path,
    place: tuple[Path, tuple[str, ...]],
    read: tuple[list[_Row], _Size | None],
) -> Draft:
    folder, labels = place
    rows, size = read
    index = _index(name, path.stem, rows, labels)
    boxes = [row.box for row in rows]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
    truth = make_objects(boxes, index, [row.ignored for row in rows], areas)
    places = tuple(f"object {k} ({row.label})" for k, row in enumerate(rows, start=1))
    return Draft(path.relative_to(folder).as_posix(), path, truth, size, places=places)


def _stems(name: str, folder: Path, notes: Path, split: str | None) -> list[str]:
    if split is None:
        found = (path.relative_to(notes).with_suffix("") for path in notes.rglob("*.xml"))
        return sorted(path.as_posix() for path in found)
    file = file_of(name, Path("ImageSets") / "Main" / f"{split}.txt", folder)
    # The second column of a class's own image set (1, 0, -1) says whether it is there: not needed.
    return [line.split()[0] for line in read_text(name, file).splitlines() if line.strip()]


def _read(name: str, note: Path, *, difficult: bool) -> tuple[list[_Row], _Size | None]:
    """Objects of an xml, and the size of the image that it says."""
    try:
        tree = ET.parse(note).getroot()  # noqa: S314 - expat caps entity expansion since 2.4.1
        return [_row(item, difficult=difficult) for item in tree.iter("object")], _size(tree)
    except (ET.ParseError, ValueError, OSError) as error:
        raise DatasetError(
            f"datasets.{name}: {note} is not a VOC annotation: {error}; repair or remove it"
        ) from error


def _size(tree: ET.Element) -> _Size | None:
    """Width and height that an xml says; None where it leaves them out, or 0 as some tools do."""
    said = [(tree.findtext(f"size/{key}") or "0").strip() for key in ("width", "height")]
    width, height = (round(float(text)) for text in said)
    return (width, height) if width > 0 and height > 0 else None


def _row(item: ET.Element, *, difficult: bool) -> _Row:
    label = (item.findtext("name") or "").strip()
    edges = [
        float(item.findtext(f"bndbox/{key}") or "nan") for key in ("xmin", "ymin", "xmax", "ymax")
    ]
    if not label or not all(map(math.isfinite, edges)):
        raise ValueError("an object lacks its name or a number of its bndbox")
    # Tools that count from 0 write an edge of 0: it is the first pixel, too.
    x0, y0 = (0.0 if edge == 0 else edge - 1 for edge in edges[:2])
    x1, y1 = edges[2:]
    if x1 < x0 or y1 < y0:
        raise ValueError(
            f"the bndbox {edges} of {label} ends before it starts (expected xmin, ymin, xmax, ymax; "
            "no width and height)"
        )
    said = item.findtext("difficult")
    marked = flag(said)
    if marked is None:
        raise ValueError(f"difficult is {said!r} for {label}, expected 0 or 1")
    return _Row(label, (x0, y0, x1, y1), marked and not difficult)


def _index(name: str, stem: str, rows: list[_Row], labels: tuple[str, ...]) -> list[int]:
    for row in rows:
        if row.label not in labels:
            raise DatasetError(
                f"datasets.{name}: {stem}.xml names the class {row.label!r}, which is not among "
                f"the {len(labels)} labels; complete datasets.{name}.labels"
            )
    return [labels.index(row.label) for row in rows]


KIND = DatasetKind(
    find,
    needs=("path",),
    may=(
        "annotations",
        "labels",
        "split",
        "difficult",
        "classes",
        "segments",
        "region",
        "annotated",
    ),
    truths={"": ("objects",)},
)
