"""The tables of semantic segmentation: one row an image, one row a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.table import Cell, Column, Table
from quantgate.pair import ROLES
from quantgate.tasks.detection.tables import label_name
from quantgate.tasks.segmentation import accuracy
from quantgate.tasks.segmentation.accuracy import Areas, Segmented, areas, mean_over_classes
from quantgate.tasks.segmentation.soft_accuracy import apart, is_soft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def image_agreement(comparison: Segmented) -> list[float]:
    """Share of pixels of every image to which both roles give the same class."""
    found = areas(comparison, "optimized", "against_parent")
    shares: list[float] = (found.common.sum(axis=1) / found.reference.sum(axis=1)).tolist()
    return shares


def sentence_of(comparison: Segmented, index: int) -> str:
    """Say how much of one image changed, and from which class to which most of it."""
    own = comparison.images[index].record.optimized.against_parent
    changed = np.where(own.reference != own.predicted, own.counts, 0)
    most = int(changed.argmax())
    before, after = (
        label_name(comparison.labels, int(ids[most])) for ids in (own.reference, own.predicted)
    )
    share = changed.sum() / own.counts.sum()
    if not share:
        return f"no pixel changed its class, soft maps differ by {soft_apart(comparison, index):.3f} on average"
    return f"{share:.2%} of the pixels changed, most of them from {before} to {after}"


def soft_apart(comparison: Segmented, index: int) -> float:
    """Mean difference of the roles' soft maps of one image; 0 where they are not soft."""
    own = comparison.images[index].record.optimized.soft
    return 0.0 if own is None else own.apart


def _image_iou(found: Areas) -> list[float | None]:
    """Mean IoU of every image by itself; None where nothing counts."""
    union = (found.reference + found.predicted - found.common).astype(np.float64)
    iou = np.divide(found.common, union, out=np.full(union.shape, np.nan), where=union > 0)
    return [_cell(value) for value in mean_over_classes(iou)]


def _cell(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def basic_table(comparison: Segmented, *, annotated: bool) -> Table:
    """One row an image."""
    columns = [
        Column("image", "Image Name"),
        Column("miou", "Mean IoU of Optimized against Parent", "fraction"),
        Column("agreement", "Pixel Agreement", "fraction"),
    ]
    agreement = image_agreement(comparison)
    cells: list[list[Cell]] = [
        [result.name for result in comparison.images],
        list(_image_iou(areas(comparison, "optimized", "against_parent"))),
        list(agreement),
    ]
    if annotated:
        for role in ROLES:
            columns.append(Column(f"{role}_miou", f"{role.capitalize()} Mean IoU", "fraction"))
            cells.append(list(_image_iou(areas(comparison, role, "against_truth"))))
    for key, title, numbers in _soft_columns(comparison, annotated=annotated):
        columns.append(Column(key, title, "fraction"))
        cells.append(list(numbers))
    rows = tuple(zip(*cells, strict=True))
    changed = frozenset(index for index, share in enumerate(agreement) if share < 1.0)
    return Table("basic", "Optimized against parent, by image", tuple(columns), rows, changed)


def _soft_columns(
    comparison: Segmented, *, annotated: bool
) -> Iterator[tuple[str, str, list[float]]]:
    """Keys, titles and numbers [images] of soft maps; none where an answer is none."""
    if not is_soft(comparison):
        return
    yield "apart", "MAE of Optimized against Parent", apart(comparison).tolist()
    errors = {
        role: [one.record[role].soft.error for one in comparison.images]  # type: ignore[union-attr] # is soft
        for role in ROLES
    }
    if annotated and np.isfinite(list(errors.values())).all():
        for role in ROLES:
            yield f"{role}_mae", f"{role.capitalize()} MAE", errors[role]


def class_table(comparison: Segmented, *, annotated: bool) -> Table:
    """One row a class that occurs."""
    between = areas(comparison, "optimized", "against_parent")
    columns = [
        Column("class", "Class"),
        Column("a", "A. Pixels of Optimized Model", "count"),
        Column("b", "B. Pixels of Parent Model", "count"),
        Column("iou", "IoU of Optimized against Parent", "fraction"),
    ]
    numbers: list[NDArray[np.float64]] = [between.of_set()]
    if annotated:
        for role in ROLES:
            columns.append(Column(role, f"{role.capitalize()} IoU", "fraction"))
            numbers.append(areas(comparison, role, "against_truth").of_set())
        columns.append(Column("drop", "Drop", "fraction"))
        numbers.append(numbers[1] - numbers[2])
    a, b = between.predicted.sum(axis=0), between.reference.sum(axis=0)
    shown = [i for i in range(len(a)) if any(np.isfinite(column[i]) for column in numbers)]
    rows = tuple(
        (
            label_name(comparison.labels, i),
            int(a[i]),
            int(b[i]),
            *(_cell(column[i]) for column in numbers),
        )
        for i in shown
    )
    changed = frozenset(row for row, i in enumerate(shown) if between.of_set()[i] != 1.0)
    return Table("advanced", "Optimized against parent, by class", tuple(columns), rows, changed)


#: From this share of equal pixels on people stop looking, and below this IoU there is something to see.
_ALIKE, _APART = 0.95, 0.5


def hidden_classes(comparison: Segmented) -> tuple[str, ...]:
    """Name the class in which the roles part although nearly all pixels agree: it is a small one."""
    share = accuracy.agreement(comparison).value
    label = accuracy.least_alike_class(comparison)
    iou = float(accuracy.role_ious(comparison)[label])
    if share < _ALIKE or iou >= _APART:
        return ()
    name = label_name(comparison.labels, label)
    said = (
        f"the roles agree in {share:.1%} of the pixels, but their regions of {name} overlap by {iou:.3f} "
        "only: limits.min_class_iou and limits.min_role_iou judge that"
    )
    return (said,)
