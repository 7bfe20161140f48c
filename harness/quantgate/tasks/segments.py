"""Accuracy by segment: the images of a name that the user gave, or the objects of a size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from quantgate.core.comparison import FEWEST_IN_SEGMENT
from quantgate.core.table import Column, Table
from quantgate.errors import HarnessError, MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import Comparison
    from quantgate.core.metrics import MetricKind
    from quantgate.core.table import Cell
    from quantgate.pair import Pair

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Segment:
    """The metric of both roles on one segment, and what the optimized model lost there.

    Parameters
    ----------
    images, objects
        How many of them; ``objects`` is None where a task knows none.
    """

    name: str
    images: int
    objects: int | None
    value: Pair[float]
    drop: Resampled

    @property
    def judged(self) -> bool:
        """Whether it is large enough for a verdict."""
        return (
            min(self.images, FEWEST_IN_SEGMENT if self.objects is None else self.objects)
            >= FEWEST_IN_SEGMENT
        )


def part(comparison: Comparison[R], name: str) -> Comparison[R]:
    """The images of one segment."""
    chosen = {image for image, names in comparison.segments.items() if name in names}
    return replace(comparison, images=tuple(one for one in comparison.images if one.name in chosen))


def user_segments(
    comparison: Comparison[R],
    value: Callable[[Comparison[R]], Pair[float]],
    drop: Callable[[Comparison[R]], Resampled],
    objects: Callable[[Comparison[R]], int] | None = None,
) -> tuple[Segment, ...]:
    """Measure every segment that the dataset names; those without anything annotated are left out."""
    present = {one.name for one in comparison.images}
    names = {
        name for image, listed in comparison.segments.items() if image in present for name in listed
    }
    found = []
    for name in sorted(names):
        own = part(comparison, name)
        try:
            measured = value(own), drop(own)
        except HarnessError:
            continue  # nothing is annotated there, or no metric is defined: no row and no verdict
        count = None if objects is None else objects(own)
        found.append(Segment(name, len(own), count, *measured))
    return tuple(found)


def worst_segment(segments: Sequence[Segment], n: int) -> Segment:
    """The segment with the largest drop among those large enough, the first of several.

    Raises
    ------
    MeasurementError
        Where none is; ``n`` is how many images there are.
    """
    large = [one for one in segments if one.judged]
    if not large:
        raise MeasurementError(
            f"no segment of these {n} images has {FEWEST_IN_SEGMENT} images or objects: limits.max_segment_drop "
            "needs more images, or datasets.NAME.segments"
        )
    return max(large, key=lambda one: one.drop.value)


def segment_table(segments: Sequence[Segment], metric: MetricKind) -> Table:
    """One row a segment, the largest drop first: the metric of both roles."""
    title, kind = metric.title, "number" if metric.unit else "fraction"
    columns = (
        Column("segment", "Segment"),
        Column("images", "Images", "count"),
        Column("objects", "Annotated Objects", "count"),
        Column("parent", f"Parent {title}", kind),
        Column("optimized", f"Optimized {title}", kind),
        Column("drop", "Drop", kind),
        Column("low", "Drop, Low", kind),
        Column("high", "Drop, High", kind),
        Column("judged", "Large Enough to Judge"),
    )
    ordered = sorted(segments, key=lambda one: (-one.drop.value, one.name))
    rows = tuple(_row(one) for one in ordered)
    worse = frozenset(i for i, one in enumerate(ordered) if one.drop.value > 0)
    return Table("segments", "Accuracy by segment", columns, rows, worse)


def _row(one: Segment) -> tuple[Cell, ...]:
    return (
        one.name,
        one.images,
        one.objects,
        one.value.parent,
        one.value.optimized,
        one.drop.value,
        one.drop.low,
        one.drop.high,
        one.judged,
    )
