"""The built-in data: scenes of handwritten digits, rendered when they are needed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from harness.core.predictions import ClassLabel
from harness.datasets.assembly import make_objects, rarest_labels, samples_digest
from harness.datasets.sample import Dataset, Sample
from harness.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.core.predictions import Truth
    from harness.entries import DatasetEntry
    from harness.zoo.strokes import Split

_SPLITS = ("train", "calibrate", "evaluate")
_SIZES = {"scenes": (300, 300), "single": (224, 224)}
_COUNT = 300


@dataclass(frozen=True, slots=True)
class _Series:
    """Which scenes: all that the renderer is asked for, but the index."""

    single: bool
    seed: int
    split: str
    size: tuple[int, int]

    def label(self, index: int) -> str:
        subject = "single" if self.single else "scenes"
        width, height = self.size
        return f"{self.split}/{subject}-{self.seed}-{width}x{height}-{index:05d}"


def load(name: str, entry: DatasetEntry, cache: Path | None) -> Dataset:
    """Make the dataset of an entry's split, seed, size, subject and count.

    The truth of every scene is drawn once and kept in ``cache``; pixels are drawn when read.

    Raises
    ------
    DatasetError
        For an unknown split or a size below 32 px.
    """
    from harness.zoo.scenes import LABELS

    single = entry.subject == "single"
    size = entry.size or _SIZES[entry.subject]
    split = entry.split or "evaluate"
    if split not in _SPLITS:
        raise DatasetError(
            f"datasets.{name}.split is {split!r}; expected one of {', '.join(_SPLITS)}"
        )
    series = _Series(single, entry.seed, split, size)
    count = entry.count or _COUNT
    version = renderer_version()
    try:
        truths = _truths(series, count, (version, cache))
    except ValueError as error:
        raise DatasetError(f"datasets.{name}: {error}") from error
    samples = tuple(
        Sample(
            series.label(i),
            partial(_pixels, series, i),
            hashlib.blake2b(f"{version}/{series.label(i)}".encode(), digest_size=16).hexdigest(),
            truth,
            group,
        )
        for i, (truth, group) in enumerate(zip(truths, rarest_labels(truths), strict=True))
    )
    return Dataset(name, samples, LABELS, samples_digest(samples))


def renderer_version() -> str:
    """Hex digest of everything that draws: the renderer's code and the libraries it draws with."""
    import cv2
    import sklearn

    from harness.zoo import backgrounds, scenes, strokes

    state = hashlib.blake2b(f"cv2 {cv2.__version__} sklearn {sklearn.__version__}".encode())
    for module in (scenes, backgrounds, strokes):
        assert module.__file__ is not None
        state.update(Path(module.__file__).read_bytes())
    return state.hexdigest()[:16]


def _pixels(series: _Series, index: int) -> NDArray[np.uint8]:
    from harness.zoo.scenes import render, render_classification

    split = cast("Split", series.split)
    if series.single:
        return render_classification(series.seed, index, size=series.size, split=split)[0].image
    return render(series.seed, index, size=series.size, split=split).image


def _row(series: _Series, index: int) -> NDArray[np.float32]:
    """Objects of one scene as rows of index, label, x0, y0, x1, y1, area."""
    from harness.zoo.scenes import render, render_classification

    split = cast("Split", series.split)
    if series.single:
        label = render_classification(series.seed, index, size=series.size, split=split)[1]
        return np.array([[index, label, 0, 0, 0, 0, 0]], np.float32)
    scene = render(series.seed, index, size=series.size, split=split)
    areas = np.array([(scene.owners == k + 1).sum() for k in range(len(scene.labels))])
    columns = (np.full(len(scene.labels), index), scene.labels, *scene.boxes.T, areas)
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)


def _truths(series: _Series, count: int, place: tuple[str, Path | None]) -> list[Truth]:
    version, cache = place
    file = None
    if cache is not None:
        file = cache / "digits" / version / f"{series.label(count).replace('/', '-')}.npy"
    rows = _kept(file)
    if rows is None:
        rows = np.concatenate([_row(series, i) for i in range(count)])
        _keep(file, rows)
    starts = np.searchsorted(rows[:, 0], np.arange(count + 1))
    return [_truth(rows[starts[i] : starts[i + 1]], single=series.single) for i in range(count)]


def _truth(rows: NDArray[np.float32], *, single: bool) -> Truth:
    if single:
        return ClassLabel(int(rows[0, 1]))
    labels: Sequence[int] = rows[:, 1].astype(int).tolist()
    return make_objects(rows[:, 2:6].tolist(), labels, [False] * len(rows), rows[:, 6].tolist())


def _kept(file: Path | None) -> NDArray[np.float32] | None:
    try:
        return None if file is None else np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not drawn yet, or damaged: drawn again


def _keep(file: Path | None, rows: NDArray[np.float32]) -> None:
    if file is None:
        return
    aside = file.with_suffix(f".{os.getpid()}.npy")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(aside, rows)
        aside.replace(file)
    except OSError:
        aside.unlink(missing_ok=True)  # a full or read-only disk costs time, never an answer
