"""From compared predictions to the pictures a report shows: every changed image, the worst first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.oks import SEEN
from quantgate.core.predictions import DenseMap, Identity, Objects, Transcript
from quantgate.core.skeletons import skeleton_of
from quantgate.core.text import aligned
from quantgate.datasets.regions import RegionImage
from quantgate.report.picture import ClassBar, Neighbour, ObjectChange, Picture, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.core.matching import Match
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Detections, Truth
    from quantgate.core.skeletons import Skeleton
    from quantgate.datasets.sample import Dataset, Sample
    from quantgate.entries import EvaluationPlan, ModelEntry
    from quantgate.tasks.classification.record import ClassRecord
    from quantgate.tasks.protocol import Task

_BARS = 5
#: A picture still without files, and what reads its pixels.
Drawable = tuple[Picture, "Callable[[], Sequence[NDArray[np.uint8]]]"]


def changed_pictures(
    entry: ModelEntry, task: Task, comparison: Comparison[Any], dataset: Dataset
) -> tuple[list[Drawable], int]:
    """List every image that changed, worst first, ready to be drawn.

    Returns
    -------
    tuple
        The pictures, and how many images changed that cannot be drawn.
    """
    samples = {sample.name: sample for sample in dataset.samples}
    changed = task.worst(comparison, entry.evaluate)
    found: list[Drawable] = []
    if task.PICTURE is None:
        return [], len(changed)
    for change in changed:
        result = comparison.images[change.index]
        sample = samples[result.name]
        picture = placed(picture_of(entry, task, (comparison, result), change.sentence), sample)
        others = [samples[one.name] for one in picture.neighbours]
        found.append((picture, loader_of(sample, result, others)))
    return found, 0


def loader_of(
    sample: Sample, result: ImageResult[Any], others: Sequence[Sample] = ()
) -> Callable[[], Sequence[NDArray[np.uint8]]]:
    """Give what reads the pixels of one picture: the image [height, width, 3] in BGR, then both roles' previews.

    ``others`` are samples that are drawn beside it. Of a region the whole image comes last.
    """

    def load() -> Sequence[NDArray[np.uint8]]:
        from quantgate.datasets.images import read_image

        # Class maps and renderings were kept small, as previews beside the numbers.
        previews = (
            getattr(record, name, None)
            for name in ("preview", "shares", "wanted")
            for record in result.record
        )
        whole = [read_image(sample.image.whole)] if isinstance(sample.image, RegionImage) else []
        shown = (one for one in previews if one is not None and one.size)
        besides = (read_image(one) for one in others)
        return [read_image(sample), *shown, *besides, *whole]

    return load


def placed(picture: Picture, sample: Sample) -> Picture:
    """Say where in its image a region lies; any other picture stays as it is."""
    if not isinstance(sample.image, RegionImage):
        return picture
    return replace(picture, outline=tuple(sample.image.region.corners.ravel().tolist()))


def picture_of(
    entry: ModelEntry,
    task: Task,
    compared: tuple[Comparison[Any], ImageResult[Any]],
    sentence: str,
) -> Picture:
    """Prepare one image of a comparison for drawing; its task draws pictures."""
    comparison, result = compared
    assert task.PICTURE is not None
    groups = tuple(comparison.segments.get(result.name, ()))
    picture = Picture(result.name, result.size, task.PICTURE, sentence, groups=groups)
    return PREPARED[task.PICTURE](picture, _Subject(task, comparison, result, entry.evaluate))


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one picture is made from."""

    task: Task
    comparison: Comparison[Any]
    result: ImageResult[Any]
    plan: EvaluationPlan


def _objects(picture: Picture, subject: _Subject) -> Picture:
    result, plan = subject.result, subject.plan
    matches = subject.task.changes(result, plan)
    return replace(
        picture,
        changes=tuple(_changes(matches, result, subject.comparison)),
        threshold=plan.score_threshold,
        hysteresis=plan.hysteresis,
        annotated=_annotated(result.truth),
    )


def _annotated(truth: Truth | None) -> tuple[tuple[float, ...], ...]:
    """Corners of the annotated quadrilaterals that count; of other objects the roles' are drawn alone."""
    if not isinstance(truth, Objects) or truth.quads is None:
        return ()
    return tuple(tuple(quad.ravel().tolist()) for quad in truth.quads[~truth.aside])


def _classes(picture: Picture, subject: _Subject) -> Picture:
    result, labels = subject.result, subject.comparison.labels
    return replace(
        picture,
        parent=_bars(result.record.parent, labels),
        optimized=_bars(result.record.optimized, labels),
        truth=_truth(result, labels),
    )


def _segments(picture: Picture, subject: _Subject) -> Picture:
    return replace(picture, labels=tuple(subject.comparison.labels))


def _rendered(picture: Picture, _subject: _Subject) -> Picture:
    return picture


def _dense(picture: Picture, subject: _Subject) -> Picture:
    """Say in which unit the numbers are, where the annotation does."""
    from quantgate.report.overlays.dense import dense_size

    truth = subject.result.truth
    size = dense_size(picture.size, annotated=isinstance(truth, DenseMap))
    return replace(picture, size=size, unit=truth.unit if isinstance(truth, DenseMap) else "")


def _text(picture: Picture, subject: _Subject) -> Picture:
    """Align what both roles read, along the annotation where there is one."""
    from quantgate.report.overlays.text import text_size

    result = subject.result
    parent, optimized = (record.text for record in result.record)
    truth = result.truth.text if isinstance(result.truth, Transcript) else None
    centre, others = (parent, (optimized,)) if truth is None else (truth, (parent, optimized))
    columns = tuple(aligned(centre, others))
    size = text_size(result.size, columns)
    return replace(picture, columns=columns, size=size, truth=truth or "")


def _neighbours(picture: Picture, subject: _Subject) -> Picture:
    """Name what each role finds nearest, and whether that is the image's identity, where it is known."""
    from quantgate.report.overlays.neighbours import SIZE
    from quantgate.tasks.embedding.tables import neighbours_of

    place = next(k for k, one in enumerate(subject.comparison.images) if one is subject.result)
    found = tuple(Neighbour(*one) for one in neighbours_of(subject.comparison, place))
    truth = subject.result.truth
    name = truth.name if isinstance(truth, Identity) else ""
    return replace(picture, neighbours=found, size=SIZE, truth=name)


def _heads(picture: Picture, subject: _Subject) -> Picture:
    """Put the heads of both roles and what is annotated beside each other."""
    from quantgate.pipeline.head_bars import head_bars
    from quantgate.report.overlays.heads import heads_size

    heads = head_bars(subject.comparison, subject.result)
    return replace(picture, heads=heads, size=heads_size(subject.result.size, len(heads)))


#: What each kind of picture shows besides its image; `report.overlays.painters` draws it.
PREPARED: dict[PictureKind, Callable[[Picture, _Subject], Picture]] = {
    "objects": _objects,
    "classes": _classes,
    "segments": _segments,
    "rendered": _rendered,
    "text": _text,
    "numbers": _dense,
    "neighbours": _neighbours,
    "heads": _heads,
}


def _changes(
    matches: Sequence[Match], result: ImageResult[Detections], comparison: Comparison[Any]
) -> Iterator[ObjectChange]:
    labels, skeleton = comparison.labels, comparison.skeleton
    for match in matches:
        yield ObjectChange(
            change=match.change.value,
            parent=seen(result.record.parent, match.parent, labels, skeleton),
            optimized=seen(result.record.optimized, match.optimized, labels, skeleton),
            iou=match.iou if match.parent is not None and match.optimized is not None else None,
            crossed=match.score_crossed,
        )


def seen(
    found: Detections,
    index: int | None,
    labels: Sequence[str],
    skeleton: Skeleton | None = None,
) -> Seen | None:
    """Give one object as it is drawn; None where the role has none."""
    if index is None:
        return None
    x0, y0, x1, y1 = (float(edge) for edge in found.boxes[index])
    name, score = _name(int(found.labels[index]), labels), float(found.scores[index])
    rings = () if found.masks is None else rings_of(found.masks[index])
    corners = () if found.quads is None else tuple(found.quads[index].ravel().tolist())
    bones = _skeleton(found, index, skeleton)
    return Seen((x0, y0, x1, y1), name, score, rings, *bones, corners)


def _skeleton(
    found: Detections, index: int, skeleton: Skeleton | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Flat lists of the key points that are seen (of all where none is), and of the bones between them."""
    if found.points is None:
        return (), ()
    points = found.points[index].astype(float)
    shown = points[:, 2] >= SEEN
    shown |= not shown.any()
    bones = (skeleton or skeleton_of(len(points))).bones
    lines = [points[list(bone), :2].ravel() for bone in bones if shown[list(bone)].all()]
    return tuple(points[shown, :2].ravel().tolist()), tuple(np.ravel(lines).tolist())


def _bars(record: ClassRecord, labels: Sequence[str]) -> tuple[ClassBar, ...]:
    best = zip(record.labels[:_BARS], record.scores[:_BARS], strict=True)
    return tuple(ClassBar(_name(int(label), labels), float(score)) for label, score in best)


def _truth(result: ImageResult[Any], labels: Sequence[str]) -> str:
    label = getattr(result.truth, "label", None)
    return "" if label is None else _name(label, labels)


def _name(label: int, labels: Sequence[str]) -> str:
    return labels[label] if 0 <= label < len(labels) else f"class {label}"


#: An outline may leave the mask's edge by this many pixels.
_TOLERANCE_PX = 1.0
_MOST_RINGS = 12
_CORNERS = 3


def rings_of(mask: Mapping[str, Any]) -> tuple[tuple[float, ...], ...]:
    """Trace a COCO run-length encoded mask: flat x, y lists in px, the largest ring first.

    At most 12 rings are kept; holes are rings of their own.
    """
    from faster_coco_eval.core import mask as rle

    return rings_of_pixels(np.asarray(rle.decode(dict(mask)), np.uint8))


def rings_of_pixels(pixels: NDArray[np.uint8]) -> tuple[tuple[float, ...], ...]:
    """Trace a mask given as pixels [height, width], non-zero inside."""
    import cv2

    found, _ = cv2.findContours(pixels, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    traced = [cv2.approxPolyDP(ring, _TOLERANCE_PX, closed=True) for ring in found]
    kept = [ring.reshape(-1, 2) for ring in traced if len(ring) >= _CORNERS]
    kept.sort(key=cv2.contourArea, reverse=True)
    return tuple(tuple(float(value) for value in ring.ravel()) for ring in kept[:_MOST_RINGS])
