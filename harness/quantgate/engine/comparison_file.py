"""A finished comparison on disk: flat arrays and names, nothing pickled."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.borders import border
from quantgate.core.comparison import Comparison, ImageResult, TensorDistance
from quantgate.errors import StoreError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset
    from quantgate.tasks.protocol import Task

_ARRAYS = "comparison.npz"
_NAMES = "comparison.json"
_FIELDS = tuple(field.name for field in fields(TensorDistance) if field.name != "output")


@dataclass(frozen=True, slots=True)
class Kept:
    """A comparison in the store, read when somebody asks for it: a repeated run judges without.

    ``task`` is the name of a task in the catalog.
    """

    folder: Path
    task: str
    dataset: Dataset
    _read: list[Comparison[Any]] = field(
        default_factory=list, init=False, compare=False, repr=False
    )

    def __reduce__(self) -> tuple[type[Kept], tuple[Path, str, Dataset]]:
        """Go to another process without what was read."""
        return Kept, (self.folder, self.task, self.dataset)

    @property
    def comparison(self) -> Comparison[Any]:
        """The comparison, read once.

        Raises
        ------
        StoreError
            Where it has left the store since it was found there.
        """
        if not self._read:
            what = f"{self.folder}: these answers cannot be read any more"
            with border(StoreError, what, "prune no store that a run works with, and run again"):
                self._read.append(load(self.folder, TASKS[self.task], self.dataset))
        return self._read[0]


def save(comparison: Comparison[Any], task: Task, folder: Path) -> None:
    """Write a comparison; truths are left out, as the dataset holds them."""
    images = comparison.images
    outputs = list(dict.fromkeys(d.output for image in images for d in image.distances))
    arrays: dict[str, NDArray[np.generic]] = {
        "sizes": np.array([image.size for image in images], np.int64).reshape(-1, 2),
        "distances": _distances([image.distances for image in images], outputs),
    }
    for role in ROLES if images else ():  # a part of which no image could be read
        packed = task.pack([image.record[role] for image in images])
        arrays |= {f"{role}.{key}": value for key, value in packed.items()}
    np.savez(folder / _ARRAYS, **arrays)  # type: ignore[arg-type]
    names = {
        "images": [image.name for image in images],
        "outputs": outputs,
        "skipped": comparison.skipped,
    }
    (folder / _NAMES).write_text(json.dumps(names, indent=1))


def load(folder: Path, task: Task, dataset: Dataset) -> Comparison[Any]:
    """Read back what :func:`save` wrote, with the truths of the same dataset."""
    names = json.loads((folder / _NAMES).read_text())
    with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
        arrays = dict(stored)
    told = ROLES if names["images"] else ()
    records = {role: task.unpack(_only(arrays, f"{role}.")) for role in told}
    truths = {sample.name: sample.truth for sample in dataset.samples}
    images = tuple(
        ImageResult(
            name=name,
            size=(int(arrays["sizes"][i, 0]), int(arrays["sizes"][i, 1])),
            truth=truths[name],
            record=Pair(records["parent"][i], records["optimized"][i]),
            distances=_named(arrays["distances"][i], names["outputs"]),
        )
        for i, name in enumerate(names["images"])
    )
    skipped = tuple((name, reason) for name, reason in names["skipped"])
    return dataset.compared(images, skipped)


def _only(arrays: dict[str, NDArray[np.generic]], prefix: str) -> dict[str, NDArray[np.generic]]:
    return {
        key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)
    }


def _distances(
    images: Sequence[tuple[TensorDistance, ...]], outputs: Sequence[str]
) -> NDArray[np.float64]:
    """Return [images, outputs, fields]; NaN where an output was not compared on an image."""
    table = np.full((len(images), len(outputs), len(_FIELDS)), np.nan)
    for row, found in zip(table, images, strict=True):
        for distance in found:
            row[outputs.index(distance.output)] = [getattr(distance, name) for name in _FIELDS]
    return table


def _named(rows: NDArray[Any], outputs: Sequence[str]) -> tuple[TensorDistance, ...]:
    return tuple(
        TensorDistance(output, *map(float, row))
        for output, row in zip(outputs, rows, strict=True)
        if not np.isnan(row[0])
    )
