"""Class maps that would fit the parent's better elsewhere, or under other names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from quantgate.core.predictions import IGNORED, LabelMap
from quantgate.tasks.doubts.labels import class_doubts, no_better

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.tasks.segmentation.record import SegmentationRecord

T = TypeVar("T", bound=np.generic)
_IMAGES, _SIDE = 32, 64
_MORE, _TIMES = 0.12, 1.4
_FEWEST = 4
#: Regions of the parent that are looked at, by their pixels of the small maps; and how bare of annotation.
_LARGE_PX, _BARE, _REGIONS, _MANY_BARE = 20, 0.1, 10, 0.3
#: Larger regions: their pixels, from which share on one was met, and the share of them that lies bare usually.
_WHOLE_PX, _MET, _USUAL_BARE = 60, 0.5, (0.06, 0.3)


def map_doubts(comparison: Comparison[SegmentationRecord]) -> tuple[str, ...]:
    """Compare the annotated class maps with the parent's."""
    images = [one for one in comparison.images if isinstance(one.truth, LabelMap)]
    if len(images) < _FEWEST:
        return ()
    chosen = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, _IMAGES).astype(int))]
    ground = _commonest(images)
    truth, found = thumbs_of(chosen, ground)
    named = _classes(images, comparison.labels, ground)
    if not truth.any() or not found.any():
        return tuple(named)
    return (*named, *_elsewhere(truth, found), *_missing(truth, found))


def thumbs_of(
    images: Sequence[ImageResult[SegmentationRecord]], ground: int | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What is annotated and what the parent sees that is not ground, the commonest class, [n, 64, 64]."""
    common = _commonest(images) if ground is None else ground
    truth = np.stack([_thumb(_truth(image), common) for image in images])
    found = np.stack([_thumb(image.record.parent.preview, common) for image in images])
    return truth, found


def _classes(
    images: Sequence[ImageResult[SegmentationRecord]], labels: Sequence[str], common: int
) -> Iterator[str]:
    """Each annotated class of each image with the class that most of its pixels are found as."""
    annotated, found = [], []
    for image in images:
        met = image.record.parent.against_truth
        for label in np.unique(met.reference).tolist():
            mine = met.reference == label
            others = mine & (met.predicted != common)
            if (
                label != common
                and others.any()
                and met.counts[others].sum() * 4 > met.counts[mine].sum()
            ):
                annotated.append(label)
                found.append(int(met.predicted[others][met.counts[others].argmax()]))
    yield from class_doubts(np.array(annotated, np.int64), np.array(found, np.int64), labels)


def _commonest(images: Sequence[ImageResult[SegmentationRecord]]) -> int:
    """Class with the most annotated pixels, the background of the others."""
    total = np.zeros(256, np.int64)
    for image in images:
        met = image.record.parent.against_truth
        np.add.at(total, met.reference, met.counts)
    return int(total.argmax())


def _elsewhere(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> Iterator[str]:
    own = iou(truth, found)
    wanted = max(own + _MORE, own * _TIMES)
    best, share = max(
        ((said, iou(other, found)) for said, other in other_places(truth)), key=lambda one: one[1]
    )
    if share >= wanted:
        yield (
            f"the annotated regions and the parent's overlap by {own:.0%}, and by {share:.0%} if the "
            f"annotations are {best}: are they of the images as they are read?"
        )
        return
    chance = float(
        np.mean([iou(np.roll(truth, k, axis=0), found) for k in range(1, min(6, len(truth)))])
    )
    if no_better(own, chance):
        yield (
            f"the annotated regions and the parent's overlap by {own:.0%}, those of other images by "
            f"{chance:.0%}: are the annotations of these images, and is the parent fed as it was "
            "trained (colour, mean, scale, layout, decoder)?"
        )


def _missing(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> Iterator[str]:
    """Regions of the parent where next to nothing is annotated."""
    shares = _shared(found, truth, _LARGE_PX)
    whole, met = _shared(found, truth, _WHOLE_PX), _shared(truth, found, _WHOLE_PX)
    # A parent that misses no large region does not invent many either.
    usual = float(np.clip((met < _MET).mean(), *_USUAL_BARE)) if len(met) else _MANY_BARE
    slack = 1.645 * math.sqrt(usual * (1 - usual) / max(1, len(whole)))
    for seen, most in ((shares, _MANY_BARE), (whole, usual + slack)):
        bare = float((seen < _BARE).mean()) if len(seen) >= _REGIONS else 0.0
        if bare > most:
            yield (
                f"{bare:.0%} of the parent's {len(seen)} regions of some size lie where next to nothing "
                "is annotated: are annotations missing?"
            )
            return


def _shared(of: NDArray[np.bool_], other: NDArray[np.bool_], least_px: int) -> NDArray[np.float64]:
    """Which share of each connected region of maps [n, 64, 64] is in the other maps, too."""
    from scipy import ndimage

    shares: list[float] = []
    for own, its in zip(of, other, strict=True):
        regions, count = ndimage.label(own)
        sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
        shared = np.bincount(regions[its], minlength=count + 1)[1:]
        shares += (shared / np.maximum(sizes, 1))[sizes >= least_px].tolist()
    return np.array(shares, np.float64)


def _truth(image: ImageResult[SegmentationRecord]) -> NDArray[np.uint8]:
    assert isinstance(image.truth, LabelMap)
    return image.truth.labels


def _thumb(labels: NDArray[np.uint8], ground: int) -> NDArray[np.bool_]:
    """What is not ground, [64, 64]."""
    rows, columns = (
        ((np.arange(_SIDE) + 0.5) * side / _SIDE).astype(np.int64) for side in labels.shape
    )
    small = labels[np.ix_(rows, columns)]
    return np.asarray((small != ground) & (small != IGNORED))


def iou(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Intersection over union of two maps of any shape [...]."""
    return float((truth & found).sum() / max(1, (truth | found).sum()))


def other_places(truth: NDArray[T]) -> Iterator[tuple[str, NDArray[T]]]:
    """Yield what maps [n, 64, 64] would be elsewhere, or of other images, in words and as maps."""
    yield "mirrored", truth[:, :, ::-1]
    yield "upside down", truth[:, ::-1]
    yield "turned by 180°", truth[:, ::-1, ::-1]
    yield "turned by 90° clockwise", np.rot90(truth, -1, (1, 2))
    yield "turned by 90° counter-clockwise", np.rot90(truth, 1, (1, 2))
    yield "read with rows and columns exchanged", truth.transpose(0, 2, 1)
    for step, which in ((1, "previous"), (-1, "next")):
        yield f"taken from the {which} image", np.roll(truth, step, axis=0)
    for x in range(-5, 6):
        for y in range(-5, 6):
            if x or y:
                by = (y * _SIDE // 16, x * _SIDE // 16)
                said = f"moved by {x / 16:+.0%} of the width and {y / 16:+.0%} of the height"
                yield said, np.roll(truth, by, axis=(1, 2))
    for factor in (0.5, 0.75, 4 / 3, 2.0):
        at = (np.arange(_SIDE) / factor).astype(np.int64)
        inside = at < _SIDE
        scaled = np.zeros_like(truth)
        scaled[np.ix_(np.arange(len(truth)), inside, inside)] = truth[:, at[inside]][
            :, :, at[inside]
        ]
        yield f"scaled by {factor:.2f}", scaled
