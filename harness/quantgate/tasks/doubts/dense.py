"""Annotated maps of numbers that the parent's contradict: another unit, the inverse, another place, marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.tasks.doubts.maps import other_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.tasks.dense.record import DenseRecord

    Thumbs = NDArray[np.float64]

_FEWEST, _IMAGES, _SIDE = 4, 32, 64
#: Factors between the numbers from which on they are of two units, and by how much they may scatter.
_OTHER_UNIT, _SCATTER = 3.0, 2.0
#: Correlation below which the numbers run against each other.
_AGAINST = -0.3
_MORE, _TIMES = 0.12, 1.4
#: Share of the annotated pixels with one number from which on it may be a mark, and how far the parent's are then.
_MARKED, _FAR = 0.02, 0.5
_UNITS = ((1000.0, "mm against m"), (100.0, "cm against m"), (0.001, "m against mm"))
_NEAR_UNIT = 1.5


def dense_doubts(comparison: Comparison[DenseRecord]) -> tuple[str, ...]:
    """Compare the annotated maps with the parent's."""
    records = [one.record.parent for one in comparison.images if one.record.parent.wanted.size]
    if len(records) < _FEWEST or records[0].preview.shape[2] > 1:
        return ()
    chosen = [records[i] for i in np.unique(np.linspace(0, len(records) - 1, _IMAGES).astype(int))]
    said = (*_marks(chosen), *_unit(chosen), *_inverse(chosen))
    return said or tuple(_elsewhere(chosen))


def _unit(records: Sequence[DenseRecord]) -> Iterator[str]:
    ratios = []
    for own in records:
        known = np.isfinite(own.wanted)
        aim, found = own.wanted[known], own.preview[known]
        if len(aim) and np.median(found) > 0 and np.median(aim) > 0:
            ratios.append(float(np.median(aim) / np.median(found)))
    if len(ratios) < _FEWEST:
        return
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    if 1 / _OTHER_UNIT < middle < _OTHER_UNIT or high > _SCATTER**2 * low:
        return
    known_as = [name for of, name in _UNITS if of / _NEAR_UNIT < middle < of * _NEAR_UNIT]
    of = f" ({known_as[0]})" if known_as else ""
    yield (
        f"the annotated numbers are {middle:.3g} times the parent's: are they in another unit{of}? "
        "datasets.NAME.value_scale multiplies them, decoder.factor the model's"
    )


def _inverse(records: Sequence[DenseRecord]) -> Iterator[str]:
    turned = np.array([own.factor for own in records]) < 0
    along = np.array([_correlation(own.preview, own.wanted) for own in records])
    along[turned] *= -1
    known = along[np.isfinite(along)]
    if len(known) >= _FEWEST and float(np.median(known)) < _AGAINST:
        yield (
            f"the parent's numbers fall where the annotated ones rise (correlation {np.median(known):.2f}): where "
            "the model gives inverse depth or disparity set decoder.inverse = true, or false where it gives depth"
        )


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    known = np.isfinite(second)
    a, b = (one[known].astype(np.float64) for one in (first, second))
    if len(a) < _FEWEST or not a.std() or not b.std():
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def _marks(records: Sequence[DenseRecord]) -> Iterator[str]:
    """One extreme number on many pixels at which the parent sees nothing of the kind."""
    pairs = [(own.wanted[np.isfinite(own.wanted)], own) for own in records]
    values = np.concatenate([aim for aim, _ in pairs])
    found = np.concatenate([own.preview[np.isfinite(own.wanted)] for _, own in pairs])
    for name, end in (("smallest", values.min(initial=0)), ("largest", values.max(initial=0))):
        marked = values == end
        if marked.mean() < _MARKED or marked.all():
            continue
        spread = float(np.subtract(*np.percentile(values[~marked], [95, 5])))
        if float(np.median(np.abs(found[marked] - end))) > _FAR * max(spread, 1e-12):
            yield (
                f"{marked.mean():.0%} of the annotated pixels hold exactly {end:.6g}, the {name} number, and the "
                f"parent gives {np.median(found[marked]):.3g} there: where it marks pixels of which nothing is known, "
                "list it in datasets.NAME.invalid, as it is stored"
            )


def _elsewhere(records: Sequence[DenseRecord]) -> Iterator[str]:
    truth = np.stack([_thumb(own.wanted[..., 0]) for own in records])
    found = np.stack([_thumb(own.preview[..., 0]) for own in records])
    own = _alike(truth, found)
    best, share = max(
        ((said, _alike(other, found)) for said, other in other_places(truth)),
        key=lambda one: one[1],
    )
    if share >= max(own + _MORE, own * _TIMES):
        yield (
            f"the annotated maps and the parent's correlate by {own:.2f}, and by {share:.2f} if the annotations are "
            f"{best}: are they of the images as they are read?"
        )


def _thumb(values: NDArray[np.float32]) -> Thumbs:
    """A map [h, w] as [64, 64] of mean 0 and deviation 1; what is unknown is 0."""
    rows, columns = (
        ((np.arange(_SIDE) + 0.5) * side / _SIDE).astype(np.int64) for side in values.shape
    )
    small = values[np.ix_(rows, columns)].astype(np.float64)
    known = np.isfinite(small)
    if not known.any():
        return np.zeros_like(small)
    centred = np.where(known, small - small[known].mean(), 0.0)
    return np.asarray(centred / max(float(small[known].std()), 1e-12))


def _alike(truth: Thumbs, found: Thumbs) -> float:
    """Mean correlation of thumbs [n, 64, 64]."""
    power = np.sqrt(np.square(truth).sum(axis=(1, 2)) * np.square(found).sum(axis=(1, 2)))
    return float((np.multiply(truth, found).sum(axis=(1, 2)) / np.maximum(power, 1e-12)).mean())
