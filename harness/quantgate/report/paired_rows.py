"""Judged numbers as sums over the rows of a table: which ones are, and what each image adds to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from quantgate.report.words.numbers import amount
from quantgate.tasks.tensors import HIGHEST_SQNR_DB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quantgate.core.estimate import Estimate
    from quantgate.core.table import Cell, Table

#: What each image adds to a number's dividend and divisor.
Parts: TypeAlias = "Mapping[str, tuple[float, float]]"
Row: TypeAlias = "Mapping[str, Cell]"
_SAME = 1e-6
_TOP_5 = 5


class _Sum(NamedTuple):
    """A number as a quotient of sums over the rows of a table, for one metric where there are several.

    ``groups`` is a column whose groups are judged, of which the worst counts.
    """

    table: str
    adds: Callable[[Row], tuple[float, float]]
    groups: str = ""
    metric: str = ""


def row_parts(
    key: str, estimate: Estimate | None, tables: Sequence[Table], metric: str
) -> Parts | None:
    """Make a judged number of the rows of a table; None where no table gives that very number.

    ``metric`` is the title of the judged metric, empty where it is not known.
    """
    if estimate is None:
        return None
    for made in _SUMS.get(key, ()):
        if metric and made.metric not in {"", metric}:
            continue
        table = next((table for table in tables if table.name == made.table), None)
        for parts in () if table is None else _each(table, made, key):
            above, below = (math.fsum(column) for column in zip(*parts.values(), strict=True))
            near = _SAME * max(1.0, abs(estimate.value))
            if below and abs(above / below - estimate.value) <= near:
                return parts
    return None


def _each(table: Table, made: _Sum, key: str) -> Iterator[Parts]:
    """Give the parts of all rows; where groups are asked for, of each of them."""
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, cells, strict=True)) for cells in table.rows]
    groups = list(dict.fromkeys(row.get(made.groups) for row in rows)) if made.groups else [None]
    worse = min if key.startswith("min_") else max
    for group in groups:
        parts: dict[str, tuple[float, float]] = {}
        try:
            for row in rows:
                name = str(row["image"])
                mine = not made.groups or row.get(made.groups) == group
                if made.groups:
                    parts[name] = made.adds(row) if mine else parts.get(name, (0.0, 0.0))
                else:
                    # A model of several outputs has several rows an image: the worst one counts.
                    found = made.adds(row)
                    parts[name] = worse(parts.get(name, found), found)
        except KeyError:
            return  # a table of the same name without these columns
        if parts:
            yield parts


def _match_rate(row: Row) -> tuple[float, float]:
    return 2 * amount(row["matches"]), amount(row["a"]) + amount(row["b"])


def _agrees(row: Row) -> tuple[float, float]:
    return float(not any(amount(row[key]) for key in ("lost", "gained", "relabelled"))), 1.0


def _precision(row: Row) -> tuple[float, float]:
    return amount(row["matches"]), amount(row["a"])


def _same_class(row: Row) -> tuple[float, float]:
    return float(row["optimized_class"] == row["parent_class"]), 1.0


def _right(row: Row) -> tuple[bool, bool]:
    """Whether parent and optimized model give the annotated class."""
    return (
        row["parent_class"] == row["annotated_class"],
        row["optimized_class"] == row["annotated_class"],
    )


def _top_1_drop(row: Row) -> tuple[float, float]:
    parent, optimized = _right(row)
    return float(parent) - float(optimized), 1.0


def _top_5_drop(row: Row) -> tuple[float, float]:
    parent, optimized = (
        amount(row[rank]) <= _TOP_5 for rank in ("parent_annotated_rank", "optimized_rank")
    )
    return float(parent) - float(optimized), 1.0


def _error_increase(row: Row) -> tuple[float, float]:
    parent, optimized = _right(row)
    return float(parent) - float(optimized), float(not parent)


def _distance(row: Row) -> tuple[float, float]:
    return amount(row["relative"]), 1.0


def _signal(row: Row) -> tuple[float, float]:
    return min(amount(row["sqnr_db"]), HIGHEST_SQNR_DB), 1.0


def _likeness(row: Row) -> tuple[float, float]:
    return amount(row["psnr_db"]), 1.0


def _psnr_drop(row: Row) -> tuple[float, float]:
    return amount(row["parent_psnr_db"]) - amount(row["optimized_psnr_db"]), 1.0


def _ssim_drop(row: Row) -> tuple[float, float]:
    return amount(row["parent_ssim"]) - amount(row["optimized_ssim"]), 1.0


_SUMS: Mapping[str, tuple[_Sum, ...]] = {
    "min_match_rate": (_Sum("basic", _match_rate),),
    "min_agreement": (_Sum("basic", _agrees), _Sum("classification", _same_class)),
    "min_class_precision": (_Sum("advanced", _precision, "class"),),
    "max_accuracy_drop": (
        _Sum("classification", _top_1_drop, metric="Top-1 accuracy"),
        _Sum("classification", _top_5_drop, metric="Top-5 accuracy"),
        _Sum("basic", _psnr_drop, metric="PSNR, dB"),
        _Sum("basic", _ssim_drop, metric="SSIM"),
    ),
    "max_error_increase": (_Sum("classification", _error_increase, metric="Top-1 accuracy"),),
    "max_class_drop": (
        _Sum("classification", _top_1_drop, "annotated_class", "Top-1 accuracy"),
        _Sum("classification", _top_5_drop, "annotated_class", "Top-5 accuracy"),
    ),
    "min_psnr_db": (_Sum("basic", _likeness),),
    "max_tensor_distance": (_Sum("tensors", _distance),),
    "min_sqnr_db": (_Sum("tensors", _signal),),
}
