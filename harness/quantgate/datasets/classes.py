"""``classes`` of a dataset: some of its classes, in this order, or several merged into one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.predictions import IGNORED, ClassLabel, Objects
from quantgate.datasets.assembly import with_samples
from quantgate.datasets.labels import rarest_labels
from quantgate.datasets.truths import LazyLabelMap
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth
    from quantgate.datasets.sample import Dataset, Sample

ClassFilter: TypeAlias = "Sequence[str | int] | Mapping[str, Sequence[str | int]]"
_GONE = -1
_SHOWN = 8


def with_classes(dataset: Dataset, classes: ClassFilter, ids: Sequence[str | int] = ()) -> Dataset:
    """Keep the objects, pixels or images of some classes; labels are numbered as in the filter.

    Images whose objects are all dropped stay as backgrounds, crowd regions of the classes stay,
    pixels of other classes are ignored; of classified images those of other classes are left out.

    Parameters
    ----------
    ids
        What the annotations call the labels, where that is not their index.

    Raises
    ------
    DatasetError
        Where the filter names a class that there is not, or one twice, or nothing is left.
    """
    labels, table = _chosen(dataset, classes, ids)
    kept: list[Sample] = []
    gone: list[tuple[str, str]] = []
    for sample in dataset.samples:
        truth = _mapped(sample.truth, table)
        if truth is None:
            gone.append((sample.name, "of a class that is not chosen"))
        else:
            kept.append(replace(sample, truth=truth, group=_group(sample, table)))
    if not kept:
        raise DatasetError(f"datasets.{dataset.name}.classes: no image is of {', '.join(labels)}")
    made = with_samples(dataset, _stratified(kept))
    return replace(made, labels=labels, skipped=(*dataset.skipped, *gone), labels_open=False)


def _chosen(
    dataset: Dataset, classes: ClassFilter, ids: Sequence[str | int]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the classes that stay, and for each old label its new one (-1: dropped)."""
    if isinstance(classes, Mapping):
        groups = [(title, list(members)) for title, members in classes.items()]
    else:
        groups = [("", [member]) for member in classes]
    table = np.full(len(dataset.labels), _GONE, np.int64)
    labels = []
    for label, (title, members) in enumerate(groups):
        for member in members:
            index = _index(dataset, member, ids or range(len(dataset.labels)))
            if table[index] != _GONE:
                raise DatasetError(
                    f"datasets.{dataset.name}.classes names {dataset.labels[index]!r} twice; each "
                    "class may become one"
                )
            table[index] = label
        labels.append(title or dataset.labels[int(np.flatnonzero(table == label)[0])])
    return tuple(labels), table


def _index(dataset: Dataset, member: str | int, ids: Sequence[str | int]) -> int:
    """Label that a name, or an id of the annotations, means."""
    if isinstance(member, str) and member in dataset.labels:
        return dataset.labels.index(member)
    if member in ids:
        return list(ids).index(member)
    near = difflib.get_close_matches(str(member), dataset.labels, 1)
    meant = f"did you mean {near[0]!r}?" if near else "give names, or ids of the annotations"
    shown = ", ".join(dataset.labels[:_SHOWN]) + (", …" if len(dataset.labels) > _SHOWN else "")
    raise DatasetError(
        f"datasets.{dataset.name}.classes: there is no class {member!r} among the "
        f"{len(dataset.labels)} of the dataset ({shown}); {meant}"
    )


def _mapped(truth: Truth | None, table: NDArray[np.int64]) -> Truth | None:
    if isinstance(truth, ClassLabel):
        label = int(table[truth.label])
        return None if label == _GONE else ClassLabel(label)
    if isinstance(truth, LazyLabelMap):
        said = f"{truth.digest} as {tuple(table.tolist())}"
        return LazyLabelMap(partial(_pixels, truth, table), said)
    if not isinstance(truth, Objects):
        return truth
    labels = table[truth.labels]
    kept = np.flatnonzero(labels != _GONE)
    masks = None if truth.masks is None else tuple(truth.masks[i] for i in kept)
    points = None if truth.points is None else truth.points[kept]
    spatial = None if truth.spatial is None else truth.spatial[kept]
    columns = truth.boxes[kept], labels[kept], truth.crowd[kept], truth.areas[kept]
    outlines = None if truth.outlines is None else tuple(truth.outlines[i] for i in kept)
    facts = None if truth.facts is None else tuple(truth.facts[i] for i in kept)
    quads = None if truth.quads is None else truth.quads[kept]
    return Objects(*columns, masks, points, outlines, spatial, facts, quads)


def _pixels(truth: LazyLabelMap, table: NDArray[np.int64]) -> NDArray[np.uint8]:
    lookup = np.full(256, IGNORED, np.uint8)
    lookup[: len(table)] = np.where(table == _GONE, IGNORED, table)
    return lookup[truth.labels]


def _group(sample: Sample, table: NDArray[np.int64]) -> int | None:
    if sample.group is None or table[sample.group] == _GONE:
        return None
    return int(table[sample.group])


def _stratified(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Draw the strata anew where reading no file tells them; class maps keep their own."""
    if any(isinstance(sample.truth, LazyLabelMap) for sample in samples):
        return tuple(samples)
    groups = rarest_labels([sample.truth for sample in samples])
    return tuple(replace(one, group=group) for one, group in zip(samples, groups, strict=True))
