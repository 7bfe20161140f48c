"""The built-in data: scenes of handwritten digits, rendered when they are needed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import cache, partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from quantgate.core.predictions import ClassLabel, Facts, Identity, Transcript
from quantgate.core.skeletons import Skeleton
from quantgate.datasets.assembly import samples_digest
from quantgate.datasets.drawings import Drawings
from quantgate.datasets.findings import make_objects
from quantgate.datasets.labels import labels_in, strata
from quantgate.datasets.quad_rows import QuadRow, quad_objects
from quantgate.datasets.sample import Dataset, Sample
from quantgate.datasets.truths import LazyDense, LazyLabelMap, LazyRendering
from quantgate.errors import DatasetError
from quantgate.stack import version
from quantgate.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from quantgate.core.predictions import Objects, Truth
    from quantgate.entries import DatasetEntry
    from quantgate.zoo.scenes import Scene
    from quantgate.zoo.strokes import Split

    _Rows: TypeAlias = tuple[NDArray[np.float32], NDArray[np.bytes_]]
    Keep: TypeAlias = Callable[[Scene], object]

_ROWS = "truths.npz"
_SPLITS = ("train", "calibrate", "evaluate")
Shown: TypeAlias = Literal["scenes", "single", "text", "hands", "marks", "lines"]
#: What the images of each subject show, where that is no scene: one large digit, a line of them, or turned lines.
_SHOWN: dict[str, Shown] = {
    "single": "single",
    "points": "single",
    "text": "text",
    "hands": "hands",
    "marks": "marks",
    "lines": "lines",
}
_SIZES: dict[Shown, tuple[int, int]] = {
    "scenes": (300, 300),
    "single": (224, 224),
    "text": (128, 32),
    "hands": (64, 64),
    "marks": (96, 96),
    "lines": (256, 256),
}
_COUNT = 300
#: Files of ``quantgate.zoo`` that have a part in what is drawn.
_RENDERER = (
    *("scenes.py", "depths.py", "backgrounds.py", "canvas.py", "material.py", "strokes.py"),
    "lines.py",
)


@dataclass(frozen=True, slots=True)
class _Series:
    """Which scenes: all that the renderer is asked for, but the index."""

    shown: Shown
    seed: int
    split: str
    size: tuple[int, int]

    def label(self, index: int) -> str:
        """Name of the image, without what is annotated: that does not change it."""
        width, height = self.size
        return f"{self.split}/{self.shown}-{self.seed}-{width}x{height}-{index:05d}"


def load(name: str, entry: DatasetEntry, cache: Path | None, *, masks: bool = False) -> Dataset:
    """Make the dataset of an entry's split, seed, size, subject and count.

    Every scene is drawn once; its truth is kept in ``cache``, and its pixels where they do not take too much, those
    that an evaluation set annotates, too.

    Raises
    ------
    DatasetError
        For an unknown split or a size below 32 px.
    """
    shown = _SHOWN.get(entry.subject, "scenes")
    size = entry.size or _SIZES[shown]
    split = entry.split or "evaluate"
    if split not in _SPLITS:
        raise DatasetError(
            f"datasets.{name}.split is {split!r}; expected one of {', '.join(_SPLITS)}"
        )
    series = _Series(shown, entry.seed, split, size)
    count = entry.count or _COUNT
    renderer = renderer_version()
    drawings = Drawings(series.label(count), renderer, (count, size[1], size[0], 3), cache)
    planes = _Planes.of(entry.subject, series, drawings)
    truths: list[Truth]
    try:
        if shown == "hands":
            truths = _hands(series, count)
        else:
            drawn = _drawn(series, drawings, planes)
            truths = [_truth(drawn, i, entry.subject, masks=masks) for i in range(count)]
    except ValueError as error:
        raise DatasetError(f"datasets.{name}: {error}") from error
    groups = strata(truths, [labels_in(truth) for truth in truths])
    digests = [_digest(renderer, series, i) for i in range(count)]
    own = [
        _own_truth(truth, planes, (series, i), digest)
        for i, (truth, digest) in enumerate(zip(truths, digests, strict=True))
    ]
    samples = tuple(
        Sample(series.label(i), partial(_pixels, drawings, series, i), digest, truth, group)
        for i, (digest, truth, group) in enumerate(zip(digests, own, groups, strict=True))
    )
    digest = samples_digest(samples)
    skeleton = _skeleton() if entry.subject == "points" else None
    return Dataset(name, samples, _labels(entry.subject), digest, skeleton=skeleton)


def _hands(series: _Series, count: int) -> list[Truth]:
    """Whose hand wrote each digit: known without drawing it."""
    from quantgate.zoo.scenes import hand

    split = cast("Split", series.split)
    return [Identity(hand(series.seed, index, split)) for index in range(count)]


def _skeleton() -> Skeleton:
    """The ends of a stroke, and the way around them."""
    from quantgate.zoo.strokes import STROKE_POINTS

    last = len(STROKE_POINTS) - 1
    return Skeleton(STROKE_POINTS, (*((k, k + 1) for k in range(last)), (last, 0)))


def _digest(renderer: str, series: _Series, index: int) -> str:
    state = hashlib.blake2b(f"{renderer}/{series.label(index)}".encode(), digest_size=16)
    return state.hexdigest()


def _labels(subject: str) -> tuple[str, ...]:
    from quantgate.zoo.scenes import LABELS

    if subject in {"clean", "depth", "text", "hands", "marks"}:
        return ()
    if subject in {"points", "lines"}:
        return ("digit",) if subject == "points" else ("line",)
    return ("background", *LABELS) if subject == "class-maps" else LABELS


@dataclass(frozen=True, slots=True)
class _Planes:
    """What a subject annotates at every pixel, if it does, and where that is kept of an evaluation set."""

    subject: str
    kept: Drawings | None

    @classmethod
    def of(cls, subject: str, series: _Series, drawings: Drawings) -> _Planes:
        """Name the place, which is another one than the images'; nobody reads what calibration sets annotate."""
        if subject not in _DENSE or series.split != "evaluate":
            return cls(subject, None)
        shape = drawings.shape if subject == "clean" else drawings.shape[:3]
        return cls(subject, replace(drawings, series=f"{drawings.series} {subject}", shape=shape))

    def pixels(self, series: _Series, index: int) -> NDArray[np.uint8]:
        """Read or draw one image's, [h, w] or [h, w, 3]."""
        found = None if self.kept is None else self.kept.image(index)
        return _DENSE[self.subject](_scene(series, index)) if found is None else found


def _own_truth(objects: Truth, planes: _Planes, place: tuple[_Series, int], digest: str) -> Truth:
    """What the subject annotates; maps and pictures are read or drawn only when they are asked for."""
    if planes.subject == "depth":
        return LazyDense(partial(_depths, *place), f"drawn {digest}", "m")
    if planes.subject not in _DENSE:
        return objects
    lazy = LazyLabelMap if planes.subject == "class-maps" else LazyRendering
    return lazy(partial(planes.pixels, *place), f"drawn {digest}")


def _depths(series: _Series, index: int) -> NDArray[np.float32]:
    from quantgate.zoo.depths import depth_of

    return depth_of(_scene(series, index))[..., None]


#: What a scene has at every pixel, of the subjects that annotate bytes.
_DENSE: dict[str, Callable[[Scene], NDArray[np.uint8]]] = {
    "class-maps": attrgetter("classes"),
    "clean": attrgetter("clean"),
}


@cache
def renderer_version() -> str:
    """Hex digest of everything that draws: the renderer's code and the libraries it draws with."""
    from quantgate import zoo

    # Only drawing needs them.
    libraries = ("opencv-python-headless", "scikit-learn")
    drawn_with = " ".join(f"{name} {version(name)}" for name in libraries)
    state = hashlib.blake2b(drawn_with.encode())
    for module in _RENDERER:
        state.update((Path(zoo.__path__[0]) / module).read_bytes())
    return state.hexdigest()[:16]


def _pixels(drawings: Drawings, series: _Series, index: int) -> NDArray[np.uint8]:
    kept = drawings.image(index)
    return _scene(series, index).image if kept is None else kept


def _scene(series: _Series, index: int) -> Scene:
    return _drawn_scene(series, index)[0]


def _drawn_scene(series: _Series, index: int) -> tuple[Scene, int | str | None]:
    """Draw a scene; with it the label where it is of one digit, and what a line of digits reads."""
    from quantgate.zoo.lines import render_lines
    from quantgate.zoo.scenes import render, render_classification, render_hand, render_text

    split = cast("Split", series.split)
    if series.shown == "lines":
        return render_lines(series.seed, index, size=series.size, split=split), None
    if series.shown == "scenes":
        return render(series.seed, index, size=series.size, split=split), None
    if series.shown == "hands":
        return render_hand(series.seed, index, size=series.size, split=split)[0], None
    draw = render_text if series.shown == "text" else render_classification
    return draw(series.seed, index, size=series.size, split=split)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Truth of a series: rows of scene, label, x0, y0, x1, y1, area and key points, and their run lengths.

    A single digit that is mostly hidden has a row of an area of 0, and so has each digit of a line. Of one with
    attributes whether it is dark stands in place of the key points.
    """

    rows: NDArray[np.float32]
    counts: NDArray[np.bytes_]
    size: tuple[int, int]


def _row(series: _Series, index: int, keep: Keep) -> tuple[NDArray[np.float32], list[bytes]]:
    from faster_coco_eval.core import mask as rle

    scene, told = _drawn_scene(series, index)
    keep(scene)
    if series.shown == "marks":
        assert isinstance(told, int)
        return _marked_row(scene, index, told), [b""]
    if isinstance(told, str) or (told is not None and not len(scene.labels)):
        labels = [int(digit) for digit in str(told)]
        bare = np.zeros((len(labels), 7 + math.prod(scene.points.shape[1:])), np.float32)
        bare[:, 0], bare[:, 1] = index, labels
        return bare, [b""] * len(labels)
    masks = scene.masks
    areas = [np.count_nonzero(mask) for mask in masks]
    points = scene.points.reshape(len(scene.labels), -1)
    columns = (np.full(len(scene.labels), index), scene.labels, *scene.boxes.T, areas, *points.T)
    counts = [rle.encode(np.asfortranarray(mask))["counts"] for mask in masks]
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1), counts


def _marked_row(scene: Scene, index: int, label: int) -> NDArray[np.float32]:
    """A digit with its height in its box, and whether it is dark, [1, 8]."""
    from quantgate.zoo.marks import marks_of

    row, marks = np.zeros((1, 8), np.float32), marks_of(scene)
    row[0, :2] = index, label
    if marks is not None:
        row[0, 2:6], row[0, 6], row[0, 7] = scene.boxes[0], scene.masks[0].sum(), marks.dark
    return row


def _drawn(series: _Series, drawings: Drawings, planes: _Planes) -> _Drawn:
    """Draw a series' truth, or read it from the store, which keeps a digest of it."""
    count, cache = drawings.shape[0], drawings.cache
    if cache is None:
        return _Drawn(*_all_rows(series, count), series.size)

    def build(folder: Path) -> None:
        rows, counts = _kept_rows(series, drawings, planes)
        np.savez(folder / _ROWS, rows=rows, counts=counts)

    folder = Store(cache).get_or_build("truths", drawings.key(), build)
    with np.load(folder / _ROWS, allow_pickle=False) as arrays:
        return _Drawn(arrays["rows"], arrays["counts"], series.size)


def _kept_rows(series: _Series, drawings: Drawings, planes: _Planes) -> _Rows:
    """Draw all truths, and keep the pixels on the way, and what is annotated of them."""
    found: list[_Rows] = []

    def draw(*keeps: Keep) -> None:
        def keep(scene: Scene) -> None:
            for one in keeps:
                one(scene)

        found.append(_all_rows(series, drawings.shape[0], keep))

    def draw_images(*others: Keep) -> None:
        if not drawings.draw(lambda keep: draw(lambda scene: keep(scene.image), *others)):
            draw(*others)

    if planes.kept is not None:
        own = _DENSE[planes.subject]
        planes.kept.draw(lambda keep: draw_images(lambda scene: keep(own(scene))))
    if not found:
        draw_images()
    return found[0]


def _all_rows(series: _Series, count: int, keep: Keep = lambda _: None) -> _Rows:
    """Draw the truth of every scene, which is given to ``keep``."""
    parts = [_row(series, i, keep) for i in range(count)]
    rows = np.concatenate([part[0] for part in parts])
    return rows, np.array([one for part in parts for one in part[1]], dtype=np.bytes_)


def _truth(drawn: _Drawn, index: int, subject: str, *, masks: bool) -> Truth:
    first, last = np.searchsorted(drawn.rows[:, 0], [index, index + 1])
    rows = drawn.rows[first:last]
    if subject == "single":
        return ClassLabel(int(rows[0, 1]))
    if subject == "text":
        return Transcript("".join(f"{digit:.0f}" for digit in rows[:, 1]))
    if subject == "marks":
        return _facts(rows[0], drawn.size[1])
    if subject in {"points", "lines"}:
        return _cornered(rows) if subject == "lines" else _pointed(rows[rows[:, 6] > 0])
    truth = _objects(rows, rows[:, 1])
    if not masks:
        return truth
    size = [drawn.size[1], drawn.size[0]]
    counts = drawn.counts[first:last].tolist()
    return replace(truth, masks=tuple({"size": size, "counts": one} for one in counts))


def _facts(row: NDArray[np.float32], height_px: int) -> Facts:
    """The digit, whether it is odd, and of one that is visible whether it is dark and its height in per cent."""
    digit, seen = int(row[1]), bool(row[6])
    cells = {"digit": str(digit), "odd": str(digit % 2)}
    cells["dark"] = f"{row[7]:.0f}" if seen else ""
    cells["height"] = f"{100 * float(row[5] - row[3]) / height_px:.4g}" if seen else ""
    return Facts(tuple(sorted(cells.items())))


def _objects(rows: NDArray[np.float32], labels: NDArray[np.floating]) -> Objects:
    no_crowd = [False] * len(rows)
    return make_objects(
        rows[:, 2:6].tolist(), labels.astype(int).tolist(), no_crowd, rows[:, 6].tolist()
    )


def _cornered(rows: NDArray[np.float32]) -> Objects:
    """Lines of digits, with their corners."""
    corners = rows[:, 7:].reshape(len(rows), 4, 2)
    return quad_objects([QuadRow(own.astype(np.float64)) for own in corners])


def _pointed(rows: NDArray[np.float32]) -> Objects:
    """Digits of one class, with their ends, each marked as visible."""
    points = rows[:, 7:].reshape(len(rows), (rows.shape[1] - 7) // 2, 2)
    seen = np.full((*points.shape[:2], 1), 2, np.float32)
    return replace(
        _objects(rows, np.zeros(len(rows))), points=np.concatenate([points, seen], axis=2)
    )
