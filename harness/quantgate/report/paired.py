"""How far a judged number of two runs is apart, image by image: what is equal in both cancels out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.bootstrap import divide, draw, summarize
from quantgate.core.estimate import Estimate
from quantgate.errors import MeasurementError
from quantgate.report.words.numbers import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.table import Cell, Table
    from quantgate.report.model import Judged, ModelReport

#: What each image adds to a number's dividend and divisor.
Parts: TypeAlias = "Mapping[str, tuple[float, float]]"
Row: TypeAlias = "Mapping[str, Cell]"
_FEWEST = 2
#: The number made of the rows has to be the one that was judged; tables keep all digits of it.
_SAME = 1e-6


def paired_difference(
    judged: tuple[Judged, Judged], models: tuple[ModelReport, ModelReport]
) -> Estimate | None:
    """After minus before over the images of both runs, with its interval from a paired bootstrap.

    None where the number is not made of one row an image, or the runs share fewer than two images.
    """
    parts = [_parts(item, model) for item, model in zip(judged, models, strict=True)]
    if parts[0] is None or parts[1] is None:
        return None
    before, after = parts[0], parts[1]
    shared = [name for name in after if name in before]
    if len(shared) < _FEWEST:
        return None
    sides = [np.array([side[name] for name in shared], np.float64).T for side in (before, after)]
    weights = draw(len(shared)).astype(np.float64)
    first, second = (divide(weights @ above, weights @ below) for above, below in sides)
    values = [above.sum() / below.sum() if below.sum() else math.nan for above, below in sides]
    try:
        found = summarize(values[1] - values[0], second - first, len(shared))
    except MeasurementError:
        return None  # no object on any image of both
    unit = "" if judged[1].verdict.estimate is None else judged[1].verdict.estimate.unit
    return Estimate(found.value, found.low, found.high, found.n, unit)


def _parts(judged: Judged, model: ModelReport) -> Parts | None:
    """Make a judged number of the rows of a table; None where no table gives that very number."""
    estimate = judged.verdict.estimate
    for name, row_parts in _QUANTITIES.get(judged.verdict.limit.key, ()):
        table = next((table for table in model.tables if table.name == name), None)
        parts = None if table is None else _of_rows(table, row_parts)
        if not parts or estimate is None:
            continue
        above, below = (math.fsum(column) for column in zip(*parts.values(), strict=True))
        if below and abs(above / below - estimate.value) <= _SAME * max(1.0, abs(estimate.value)):
            return parts
    return None


def _of_rows(table: Table, row_parts: Callable[[Row], tuple[float, float]]) -> Parts | None:
    keys = [column.key for column in table.columns]
    parts: dict[str, tuple[float, float]] = {}
    for cells in table.rows:
        row = dict(zip(keys, cells, strict=True))
        name = str(row.get("image"))
        try:
            found = row_parts(row)
        except KeyError:
            return None  # a table of the same name without these columns
        # A model of several outputs has several rows an image: the worst one counts.
        parts[name] = max(parts.get(name, found), found)
    return parts


def _match_rate(row: Row) -> tuple[float, float]:
    return 2 * amount(row["matches"]), amount(row["a"]) + amount(row["b"])


def _agrees(row: Row) -> tuple[float, float]:
    return float(not any(amount(row[key]) for key in ("lost", "gained", "relabelled"))), 1.0


def _same_class(row: Row) -> tuple[float, float]:
    return float(row["optimized_class"] == row["parent_class"]), 1.0


def _accuracy_drop(row: Row) -> tuple[float, float]:
    right = [
        float(row[key] == row["annotated_class"]) for key in ("parent_class", "optimized_class")
    ]
    return right[0] - right[1], 1.0


def _distance(row: Row) -> tuple[float, float]:
    return amount(row["relative"]), 1.0


def _likeness(row: Row) -> tuple[float, float]:
    return amount(row["psnr_db"]), 1.0


def _pixels(row: Row) -> tuple[float, float]:
    return amount(row["agreement"]), 1.0


def _psnr_drop(row: Row) -> tuple[float, float]:
    return amount(row["parent_psnr_db"]) - amount(row["optimized_psnr_db"]), 1.0


def _ssim_drop(row: Row) -> tuple[float, float]:
    return amount(row["parent_ssim"]) - amount(row["optimized_ssim"]), 1.0


_QUANTITIES: Mapping[str, tuple[tuple[str, Callable[[Row], tuple[float, float]]], ...]] = {
    "min_match_rate": (("basic", _match_rate),),
    "min_agreement": (("basic", _agrees), ("classification", _same_class), ("basic", _pixels)),
    "max_accuracy_drop": (
        ("classification", _accuracy_drop),
        ("basic", _psnr_drop),
        ("basic", _ssim_drop),
    ),
    "min_psnr_db": (("basic", _likeness),),
    "max_tensor_distance": (("tensors", _distance),),
}
