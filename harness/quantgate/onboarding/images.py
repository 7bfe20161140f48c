"""Which dataset a folder of images and its annotations are, as ``[datasets.NAME]`` would say it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quantgate.datasets import dense, identities, table
from quantgate.datasets import text as words
from quantgate.datasets.catalog import DATASETS, load_dataset
from quantgate.datasets.dense_files import READERS
from quantgate.datasets.folder import image_files
from quantgate.datasets.identity_lists import is_told
from quantgate.datasets.table_rows import read_rows
from quantgate.decoders.catalog import fitting_kinds
from quantgate.entries import DatasetEntry
from quantgate.entries.data import RegionEntry
from quantgate.errors import DatasetError, UsageError
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from quantgate.datasets.sample import Dataset
    from quantgate.decoders.protocol import Port

_HEAD = 4096
#: Truths of annotations that tell the task of a model by themselves.
_TELLING = frozenset({"points", "corners", "identity"})
#: Class maps that are read to know the ids that there are.
_MOST_MAPS = 500
#: Of folders of images, those that people give with the images of nothing but one class each.
_FEWEST_CLASSES = 2
_WIDER = re.compile(r"^\S+\.jpe?g\s*\n\d+\s*\n", re.IGNORECASE)
#: Ten numbers at least, of five landmarks, and the image behind them.
_LANDMARKS = re.compile(r"^([-+.\deE]+[ \t]+){10,}\S*\.\w+[ \t]*$", re.MULTILINE)
_CSV_HEAD = "ImageID"
#: The kind of lists of texts, which a task is called, too.
_OF_WORDS = next(name for name, kind in DATASETS.items() if kind is words.KIND)
_OF_IDENTITIES = next(name for name, kind in DATASETS.items() if kind is identities.KIND)
_OF_FACTS = next(name for name, kind in DATASETS.items() if kind is table.KIND)
_OF_NUMBERS = next(name for name, kind in DATASETS.items() if kind is dense.KIND)
#: A line of an image and a file that may be a map; bytes of a PNG up to its bits and kind of colour.
_MAPS = re.compile(
    rf"^[^,;\t\n]+\.\w+[,;\t][^,;\t\n]+({'|'.join(map(re.escape, READERS))})\s*([,;\t].*)?$",
    re.MULTILINE,
)
_PNG_FORM = 26
#: A line of a file and a text that is no number: apart by a tab, or in quotes.
_WORDS = re.compile(r"^\S[^\t\n]*(\t(?!\d+\s*$)|,\s*\")", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Images:
    """A dataset that was recognized.

    Parameters
    ----------
    entry
        Paths are absolute.
    sets
        The dataset by task, with the truth that the task needs where the annotations have it.
    """

    entry: DatasetEntry
    sets: Mapping[str, Dataset]

    @property
    def only_task(self) -> str | None:
        """The task of annotations that serve no other, where outputs look like those of many: landmarks, regions of text."""
        serve = [task for task in self.sets if self.annotated(task)]
        alone = len(serve) == 1 and TASKS[serve[0]].TRUTH in _TELLING
        return serve[0] if alone else None

    def annotated(self, task: str) -> bool:
        """Whether the annotations serve a task."""
        return task in self.sets and self.sets[task].annotated


def images_of(folder: Path, annotations: Path | None, labels: Path | None, cache: Path) -> Images:
    """Recognize images and annotations, and load them for every task.

    Raises
    ------
    UsageError
        Where there is no such folder or file, no image in it, or no known form of annotations.
    DatasetError
        Where annotations do not fit the images.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UsageError(f"--images {folder} {what}: give a folder of images")
    if annotations is not None and not annotations.exists():
        raise UsageError(f"--annotations {annotations} does not exist: give a file, or a folder")
    _refuse_none(folder)
    problems = []
    for entry in _entries(folder.absolute(), annotations, labels):
        try:
            sets = dict(_sets(entry, cache))
        except DatasetError as error:
            problems.append(str(error))
            continue
        if annotations is None or any(one.annotated for one in sets.values()):
            return Images(entry, sets)
    why = f": {problems[0]}" if problems else ""
    raise UsageError(
        f"--annotations {annotations} are in no form that is known here (COCO json, VOC or YOLO folder, ImageNet "
        "list, class maps, Open Images csv, WIDER text, WFLW list, .pts, list of texts, table of attributes, ICDAR's or DOTA's regions, "
        f"maps of numbers, list of identities or pairs){why}"
    )


def as_identities(images: Images, ports: Sequence[Port], cache: Path) -> Images:
    """Take folders for identities, not for classes, where a model gives one vector that has no number a folder."""
    if images.entry.kind != "imagenet" or images.entry.annotations is not None:
        return images
    classes = max(len(one.labels) for one in images.sets.values())
    lengths = [math.prod(port.shape[1:]) for port in ports]
    task = next(name for name, one in TASKS.items() if one.TRUTH == "identity")
    if not fitting_kinds(ports, task) or classes in lengths:
        return images
    entry = DatasetEntry(kind=_OF_IDENTITIES, path=images.entry.path)
    return Images(entry, dict(_sets(entry, cache)))


def _refuse_none(folder: Path) -> None:
    found, others = image_files(folder)
    if found:
        return
    suffixes = sorted({path.suffix or path.name for path in others})[:5]
    instead = f", but {len(others)} other files ({', '.join(suffixes)})" if others else ""
    raise UsageError(
        f"--images {folder} holds no image that is read (JPEG, PNG, BMP, WebP, TIFF){instead}: name another folder, or "
        "convert them"
    )


def _entries(folder: Path, annotations: Path | None, labels: Path | None) -> Iterator[DatasetEntry]:
    """Yield what the files may be, likeliest first."""
    if annotations is None:
        yield from (e for e in _bare(folder) if e.kind != "folder")
        yield DatasetEntry(kind="folder", path=folder, labels=labels)
        return
    given = annotations.absolute()
    for kind in _kinds(given):
        if kind == "voc" and given.name == "Annotations":
            yield DatasetEntry(kind=kind, path=given.parent)
        elif kind == "masks":
            yield _maps(folder, given, labels)
        elif kind == _OF_NUMBERS:
            yield _numbers(folder, given)
        else:
            named = labels if kind in _NAMELESS else None
            region = _FACES if kind in _OF_FACES else _boxes_of(kind, given)
            yield DatasetEntry(
                kind=kind, path=folder, annotations=given, labels=named, region=region
            )


#: Kinds of landmarks, and how models of landmarks see a face: cut out, with some of what is around it.
_OF_FACES = ("wflw", "pts")
_FACES = RegionEntry(around="points", shape="square", factor=1.1)
#: Kinds whose annotations may number classes without naming them.
_NAMELESS = ("yolo-txt", "imagenet")


def _maps(folder: Path, annotations: Path, labels: Path | None) -> DatasetEntry:
    """Read which ids class maps hold: their names where nothing names them; black and white are two."""
    from PIL import Image

    held: set[int] = set()
    for path in image_files(annotations)[0][:_MOST_MAPS]:
        with Image.open(path) as image:
            held |= {
                value for _, value in image.getcolors(maxcolors=256) or [] if isinstance(value, int)
            }
    made = DatasetEntry(kind="masks", path=folder, annotations=annotations, labels=labels)
    if held == {0, 255}:
        return replace(made, labels=("background", "object"), class_ids="binary")
    if labels is not None or not held - {255}:
        return made
    return replace(made, labels=tuple(map(str, range(max(held - {255}) + 1))))


def _boxes_of(kind: str, path: Path) -> RegionEntry | None:
    """Cut objects out of their images where a table has their boxes."""
    boxed = kind == _OF_FACTS and all(row.box for row in read_rows("images", path))
    return RegionEntry() if boxed else None


def _is_table(path: Path) -> bool:
    """Whether a file is a table of images with two columns beside them, or with one of numbers."""
    try:
        rows = read_rows("images", path)
    except DatasetError:
        return False
    told = [text for row in rows for text in row.cells.values() if text]
    return len(rows[0].cells) > 1 or all(re.fullmatch(r"-?[\d.]+", text) for text in told)


def _numbers(folder: Path, annotations: Path) -> DatasetEntry:
    """Maps of numbers: whole ones of 16 bits are depth in mm, mostly; floats are in their own unit."""
    made = DatasetEntry(kind=_OF_NUMBERS, path=folder, annotations=annotations)
    places = annotations.rglob("*") if annotations.is_dir() else folder.rglob("*")
    if not any(map(_is_deep, places)):
        return made
    return replace(made, value_scale=0.001, unit="m")


def _is_deep(path: Path) -> bool:
    """Whether a file is a PNG of 16 bits of grey."""
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_PNG_FORM)
    return head[_PNG_FORM - 2 :] == bytes([16, 0])


def _bare(folder: Path) -> Iterator[DatasetEntry]:
    """Recognize the forms of annotations that lie among the images."""
    if (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir():
        yield DatasetEntry(kind="voc", path=folder)
    if any(path.suffix == ".pts" for path in image_files(folder)[1]):
        yield DatasetEntry(kind="pts", path=folder, region=_FACES)
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    own = any(
        path.is_file() and path.suffix.lower() in {".jpg", ".jpeg", ".png"}
        for path in folder.iterdir()
    )
    if identities.sides_of(folder) or identities.are_named(folder):
        yield DatasetEntry(kind=_OF_IDENTITIES, path=folder)
    if len(inner) >= _FEWEST_CLASSES and not own and all(image_files(path)[0] for path in inner):
        yield DatasetEntry(kind="imagenet", path=folder)


def _kinds(path: Path) -> Iterator[str]:
    """Yield the kinds that annotations may be of, by suffix and first bytes."""
    if path.is_dir():
        yield from _kinds_of_folder(path)
        return
    head = path.read_bytes()[:_HEAD].decode("utf-8", "replace")
    if path.suffix.lower() == ".json" or head.lstrip()[:1] in {"{", "["}:
        yield from ("coco", "icdar")
    elif _REGIONS.match(head):
        yield "icdar"
    elif is_told(head):
        yield _OF_IDENTITIES
    elif _MAPS.search(head):
        yield _OF_NUMBERS
    elif _CSV_HEAD in head:
        yield "open-images"
    elif _is_table(path):
        yield from (_OF_FACTS, _OF_WORDS)
    elif _LANDMARKS.match(head):
        yield "wflw"
    elif _WIDER.match(head):
        yield from ("wider", "imagenet")
    else:
        listed = (
            (_OF_WORDS, "imagenet") if _WORDS.search(head) else ("imagenet", "wider", _OF_WORDS)
        )
        yield from listed


def _kinds_of_folder(path: Path) -> Iterator[str]:
    """Yield the kinds that files of a folder may be of, by their suffixes."""
    files = [one for one in path.rglob("*") if one.is_file()]
    suffixes = {one.suffix.lower() for one in files}
    if suffixes & set(READERS) - {".png", ".tif", ".tiff"} or any(map(_is_deep, files)):
        yield _OF_NUMBERS
    yield from _of_corners(files)
    yield from (kind for suffix, kind in _OF_FOLDERS if suffix in suffixes)


def _of_corners(files: Sequence[Path]) -> Iterator[str]:
    """Tell text files of eight numbers in pixels by the first that says something."""
    for path in files:
        if path.suffix.lower() != ".txt":
            continue
        head = path.read_bytes()[:_HEAD].decode("utf-8-sig", "replace")
        if head.strip():
            yield from (kind for kind, form in _FORMS if form.match(head))
            return


#: What the first line of a file begins with: DOTA's head, or eight numbers and a class; ICDAR's numbers and commas.
_FORMS = (
    ("dota", re.compile(r"imagesource|gsd|([-\d.]+\s+){8}[A-Za-z]")),
    ("icdar", re.compile(r"([-\d.]+\s*,\s*){8}|([-\d.]+\s*,\s*){4}[^\d\s]")),
)
#: PaddleOCR's list: an image, a tab, and regions as json.
_REGIONS = re.compile(r"\S[^\t\n]*\t\[")
_OF_FOLDERS = (
    (".pts", "pts"),
    (".xml", "voc"),
    (".txt", "yolo-txt"),
    (".png", "masks"),
    (".png", "pairs"),
)


def _sets(entry: DatasetEntry, cache: Path) -> Iterator[tuple[str, Dataset]]:
    """Load the images once for each truth that some task needs."""
    served = {truth for of in DATASETS[entry.kind].truths.values() for truth in of}
    loaded: dict[str, Dataset] = {}
    bare = load_dataset("images", replace(entry, annotated=False), entry_root(entry), cache=cache)
    problem: DatasetError | None = None
    for task, module in TASKS.items():
        truth = module.TRUTH or ""
        if truth in served and truth not in loaded:
            try:
                loaded[truth] = load_dataset(
                    "images", entry, entry_root(entry), cache=cache, truth=truth
                )
            except DatasetError as error:  # of masks or points, that these annotations lack
                problem = error
        yield task, loaded.get(truth, bare)
    if problem is not None and served and not loaded:
        raise problem


def entry_root(entry: DatasetEntry) -> Path:
    """Folder against which an entry's absolute paths are resolved: any."""
    assert entry.path is not None
    return entry.path
