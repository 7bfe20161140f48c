"""Tensor distance: how far the raw outputs of the roles are apart, for any model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from quantgate.core.bootstrap import bootstrap_mean
from quantgate.core.estimate import Estimate
from quantgate.core.table import Cell, Column, Table
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.core.comparison import Comparison, TensorDistance

AnyComparison: TypeAlias = "Comparison[Any]"
Column64: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

LIMITS = ("max_tensor_distance", "min_sqnr_db", "min_centred_sqnr_db")
#: Equal outputs have no noise; beyond float32's own 24 bits more signal is not a difference.
HIGHEST_SQNR_DB = 150.0
#: Decibels that a mean adds from which on it is said, where less than as many are left without it.
_HIDDEN_DB = 10.0


def judge_quantity(key: str, comparison: AnyComparison, output: str | None = None) -> Estimate:
    """Mean over images of the relative mean squared error, or of an SQNR in dB.

    Parameters
    ----------
    output
        The raw output that is judged; None: of each image the worst one.

    Raises
    ------
    MeasurementError
        Where no distance was measured, or the parent's output is all zero and the optimized not.
    """
    if key == "max_tensor_distance":
        return bootstrap_mean(relative_distances(comparison, output)).estimate
    column = (
        centred_decibels(comparison, output)
        if key == "min_centred_sqnr_db"
        else sqnr_decibels(comparison, output)
    )
    found = bootstrap_mean(column).estimate
    return Estimate(found.value, found.low, found.high, found.n, "dB")


def _nothing_compared(image: str) -> MeasurementError:
    return MeasurementError(
        f"image {image}: no raw output was compared, because no output has the same name and shape in "
        "both roles; name and shape the optimized model's outputs as its parent's are"
    )


def output_names(comparison: AnyComparison) -> tuple[str, ...]:
    """Raw outputs that were compared on any image, in the model's order."""
    return tuple(dict.fromkeys(d.output for image in comparison.images for d in image.distances))


def _column(
    comparison: AnyComparison, output: str | None, value: Callable[[TensorDistance], float]
) -> Column64:
    """Largest value of every image over its outputs, or that of one output, [images]."""
    worst = []
    for result in comparison.images:
        chosen = [d for d in result.distances if output is None or d.output == output]
        if not chosen:
            raise _nothing_compared(result.name)
        for distance in chosen:
            if not math.isfinite(value(distance)):
                raise MeasurementError(
                    f"image {result.name}, output {distance.output}: the parent gives zeros only (or one "
                    "number only) and the optimized model does not; no relative distance is defined"
                )
        worst.append(max(map(value, chosen)))
    if not worst:
        raise MeasurementError("the evaluation set holds no image: no tensor distance is defined")
    return np.array(worst, np.float64)


def relative_distances(comparison: AnyComparison, output: str | None = None) -> Column64:
    """Relative mean squared error of every image, of the worst output or of one, [images]."""
    return _column(comparison, output, lambda distance: distance.relative)


def centred_distances(comparison: AnyComparison, output: str | None = None) -> Column64:
    """Mean squared error over the variance of the parent's output over elements and images, [images]."""
    varies = variances(comparison)

    def value(distance: TensorDistance) -> float:
        variance = varies[distance.output]
        return 0.0 if not distance.mse else distance.mse / variance if variance else math.inf

    return _column(comparison, output, value)


def variances(comparison: AnyComparison) -> dict[str, float]:
    """Variance of each of the parent's outputs over all its elements and images, by name."""
    found = {}
    for name in output_names(comparison):
        own = [d for image in comparison.images for d in image.distances if d.output == name]
        centres = np.array([d.centre for d in own])
        found[name] = float(np.mean([d.spread**2 for d in own]) + centres.var())
    return found


def sqnr_decibels(comparison: AnyComparison, output: str | None = None) -> Column64:
    """SQNR of the worst output of every image in dB, at most ``HIGHEST_SQNR_DB``, [images]."""
    return _decibels(relative_distances(comparison, output))


def centred_decibels(comparison: AnyComparison, output: str | None = None) -> Column64:
    """The same against what the output varies by, [images]."""
    return _decibels(centred_distances(comparison, output))


def _decibels(relative: Column64) -> Column64:
    limited = np.maximum(relative, 10 ** (-HIGHEST_SQNR_DB / 10))
    return np.asarray(-10 * np.log10(limited))


def outputs_table(comparison: AnyComparison) -> Table:
    """One row a raw output: how much it varies, and both roles' distance, mean and worst image."""
    columns = (
        Column("output", "Output"),
        Column("centre", "Mean", "number"),
        Column("varies", "Varies By", "number"),
        Column("sqnr_db", "SQNR, dB", "number"),
        Column("sqnr_worst", "Worst Image", "number"),
        Column("centred_db", "Centred SQNR, dB", "number"),
        Column("centred_worst", "Worst Image", "number"),
        Column("cosine", "Cosine", "number"),
        Column("cosine_worst", "Worst Image", "number"),
        Column("centred_cosine", "Centred Cosine", "number"),
        Column("centred_cosine_worst", "Worst Image", "number"),
    )
    varies = variances(comparison)
    rows = [_output_row(comparison, name, varies[name]) for name in output_names(comparison)]
    return Table("outputs", "Raw outputs", columns, tuple(rows), frozenset())


def _output_row(comparison: AnyComparison, name: str, variance: float) -> tuple[Cell, ...]:
    own = [d for image in comparison.images for d in image.distances if d.output == name]
    columns = (
        _decibels(np.array([d.relative for d in own])),
        _decibels(np.array([d.mse / variance if variance else math.nan for d in own])),
        np.array([d.cosine for d in own]),
        np.array([d.centred_cosine for d in own]),
    )
    row: list[Cell] = [name, float(np.mean([d.centre for d in own])), math.sqrt(variance)]
    for column in columns:
        known = column[np.isfinite(column)]
        row += [float(known.mean()), float(known.min())] if len(known) else [None, None]
    return tuple(row)


def worst_output(key: str, comparison: AnyComparison) -> str:
    """Name the output that decides a limit on the worst one: that which is farthest on most images."""
    measure = centred_distances if key == "min_centred_sqnr_db" else relative_distances
    names = output_names(comparison)
    return max(names, key=lambda name: float(measure(comparison, name).mean()))


def output_sentence(key: str, comparison: AnyComparison, output: str | None = None) -> str:
    """Say which output is judged, how much it varies, and how it does around its mean."""
    name = output or worst_output(key, comparison)
    row = dict(
        zip(
            (c.key for c in outputs_table(comparison).columns),
            _row_of(comparison, name),
            strict=True,
        )
    )
    which = "output" if output or len(output_names(comparison)) == 1 else "worst output"
    said = f"{which} {name}: varies by {_short(row['varies'])} around {_short(row['centre'])}"
    return f"{said}, centred SQNR {_short(row['centred_db'])} dB (worst image {_short(row['centred_worst'])})"


def _row_of(comparison: AnyComparison, name: str) -> tuple[Cell, ...]:
    return _output_row(comparison, name, variances(comparison)[name])


def _short(value: Cell) -> str:
    return f"{value:.3g}" if isinstance(value, float | int) else "not defined"


def output_notes(comparison: AnyComparison) -> tuple[str, ...]:
    """Say where a large constant hides the noise: an SQNR that is good, of an output that is not."""
    said = []
    for row in outputs_table(comparison).rows:
        name, centre, varies, raw, _, centred = row[:6]
        if (
            isinstance(raw, float)
            and isinstance(centred, float)
            and raw - centred >= _HIDDEN_DB > centred
        ):
            said.append(
                f"output {name}: {raw:.1f} dB of signal to noise are mostly its mean {_short(centre)}; of "
                f"the {_short(varies)} that it varies by, noise leaves {centred:.1f} dB "
                "(limits.min_centred_sqnr_db judges that)"
            )
    return tuple(said)


def tensor_table(comparison: AnyComparison) -> Table:
    """One row an image and output; an SQNR without end (equal outputs) is an empty cell.

    Quantization moves every output, so that no row is erroneous by itself: the farthest come first.
    """
    columns = (
        Column("image", "Image Name"),
        Column("output", "Output"),
        Column("mse", "Mean Squared Error", "number"),
        Column("relative", "Relative Mean Squared Error", "number"),
        Column("sqnr_db", "SQNR, dB", "number"),
        Column("cosine", "Cosine Similarity", "number"),
        Column("largest", "Largest Absolute Difference", "number"),
        Column("centred_cosine", "Centred Cosine Similarity", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for result in comparison.images:
        for d in result.distances:
            relative, sqnr = _finite(d.relative), _finite(d.sqnr_db)
            centred = _finite(d.centred_cosine)
            rows.append(
                (result.name, d.output, d.mse, relative, sqnr, d.cosine, d.largest, centred)
            )
    return Table("tensors", "Tensor distance", columns, tuple(rows), worst="relative")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """A task as its messages call it, and the limits that it knows, those of raw outputs last."""

    title: str
    limits: tuple[str, ...]


def judge(
    key: str, comparison: AnyComparison, task: TaskLimits, own: Callable[[str], Estimate]
) -> Estimate:
    """Compute what a limit judges: the distance of raw outputs, or by ``own`` the task's quantity.

    Raises
    ------
    MeasurementError
        Where the limit is not one of this task's, and what the computation raises.
    """
    if key in LIMITS:
        return judge_quantity(key, comparison)
    if key not in task.limits:
        raise MeasurementError(
            f"limits.{key} is not defined for {task.title}; expected one of {', '.join(task.limits)}"
        )
    return own(key)
