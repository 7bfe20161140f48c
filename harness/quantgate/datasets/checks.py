"""What every kind of dataset is checked for: sizes, frames, depth, and the truth against the image."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from quantgate.core.predictions import ClassLabel, Objects
from quantgate.datasets.appearance import LYING
from quantgate.datasets.audit import Marked, audit_objects
from quantgate.datasets.identities_audit import audit_identities
from quantgate.datasets.maps_audit import Mapped, audit_maps
from quantgate.datasets.pairs_audit import Picture, audit_pairs
from quantgate.datasets.quads_audit import audit_quads
from quantgate.datasets.truths import LazyLabelMap, LazyRendering, picture
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.datasets.files import FileFact
    from quantgate.datasets.findings import Draft, Findings

#: Two pictures of the same thing differ in their ratio of sides by no more than rounding does.
_SAME_RATIO = 0.04
#: Bits of a channel that photographs fill: fewer in files of 16 are those of a sensor, not scaled.
_FILLED = 13
#: Files of fewer bits among full ones, as a share, from which they are no dark pictures any more.
_MANY_SHALLOW = 0.25
#: Images of the same content, as a share of all, from which they are told.
_REPEATED = 0.02
#: Annotated objects or images a label, from which a label that none of them has is odd.
_MANY_A_LABEL = 20
_NAMED = 3


def with_frame(draft: Draft, fact: FileFact) -> FileFact:
    """Fault a file of another size than annotated."""
    annotated, own = draft.size, (fact.width, fact.height)
    if fact.reason or annotated is None or 0 in {*annotated, *own}:
        return fact
    if annotated == own or (draft.enlarged and _same_ratio(annotated, own)):
        return fact
    return replace(fact, reason=_other_size(annotated, fact))


def _same_ratio(target: tuple[int, int], own: tuple[int, int]) -> bool:
    return abs(target[0] * own[1] / (target[1] * own[0]) - 1) < _SAME_RATIO


def _other_size(annotated: tuple[int, int], fact: FileFact) -> str:
    own = (fact.width, fact.height)
    sizes = [f"{width}x{height}" for width, height in (annotated, own)]
    if fact.orientation in LYING and annotated == fact.stored:
        return (
            f"annotated as {sizes[0]} pixels, as it is stored, but its EXIF orientation "
            f"{fact.orientation} turns it to {sizes[1]}: annotate it upright, or remove the "
            "orientation from the file"
        )
    why = ""
    if annotated == own[::-1]:
        why = ": width and height are exchanged"
    elif _same_ratio(annotated, own):
        why = ", as if it was scaled after it was annotated"
    return f"annotated as {sizes[0]} pixels, the file has {sizes[1]}{why}"


def audit(
    name: str,
    pairs: Sequence[tuple[Draft, FileFact]],
    found: Findings,
    maps: Mapping[str, NDArray[np.int64]],
    *,
    cache: Path | None = None,
) -> tuple[str, ...]:
    """Check depth, repeats and truth of all images that can be read.

    ``maps`` has the number of pixels by class, [256], of maps by digest; in ``cache`` is remembered
    what was learnt; ``found`` has the labels, and how objects are set aside.

    Raises
    ------
    DatasetError
        Where the truth cannot be of the images, or the pixels would be read nearly black.
    """
    deep = [(draft.name, fact.bits) for draft, fact in pairs if fact.bits]
    notes = [*shallow(name, deep), *_repeated(pairs), *_of_labels(pairs, found.labels)]
    marked = [
        Marked(draft.name, draft.truth, (fact.width, fact.height), draft.places)
        for draft, fact in pairs
        if isinstance(draft.truth, Objects)
    ]
    notes += audit_objects(name, marked, found.aside)
    notes += audit_identities(pairs)
    notes += audit_quads(marked)
    mapped = [
        Mapped(draft.name, maps[draft.truth.digest])
        for draft, _ in pairs
        if isinstance(draft.truth, LazyLabelMap)
    ]
    notes += audit_maps(name, mapped, found.labels)
    pictures = [
        (
            Picture(fact.digest, partial(picture, draft.path)),
            Picture(draft.truth.digest, draft.truth.make),
        )
        for draft, fact in pairs
        if isinstance(draft.truth, LazyRendering)
    ]
    notes += audit_pairs(pictures, cache)
    return tuple(f"datasets.{name}: {note}" for note in notes)


def shallow(name: str, deep: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Files of 16 bits are read by their upper 8: fewer bits than 13 leave a nearly black picture.

    Parameters
    ----------
    name
        Of the dataset, or its key that the files are of: ``NAME.annotations``.
    deep
        Name and bits of each file of 16 bits.

    Raises
    ------
    DatasetError
        Where nothing would be left of the pictures.
    """
    most = max((bits for _, bits in deep), default=16)
    if most < _FILLED:
        raise DatasetError(
            f"datasets.{name}: no pixel of {len(deep)} images of 16 bits is above {2**most - 1} "
            f"({deep[0][0]}, …): they hold {most} bits and would be read nearly black; scale them to "
            "16 bits, or write 8"
        )
    few = [file for file, bits in deep if bits < _FILLED]
    if len(few) > 1 and len(few) >= _MANY_SHALLOW * len(deep):
        yield (
            f"no pixel of {len(few)} of {len(deep)} images of 16 bits ({few[0]}, …) is above "
            f"{2 ** (_FILLED - 1) - 1}, and others are full: where these hold {_FILLED - 1} bits they are read "
            "nearly black; scale them to 16 bits"
        )
    if most < 16:  # noqa: PLR2004 - all bits that there are
        yield (
            f"no pixel of {len(deep)} images of 16 bits is above {2**most - 1}: they are read darker "
            "than they may be meant"
        )


def _repeated(pairs: Sequence[tuple[Draft, FileFact]]) -> Iterator[str]:
    counts = Counter(fact.digest for _, fact in pairs)
    again = sum(counts.values()) - len(counts)
    if again < 2 or again <= _REPEATED * len(pairs):  # noqa: PLR2004 - one may be a slip
        return
    same: dict[str, list[Draft]] = {}
    for draft, fact in pairs:
        if counts[fact.digest] > 1:
            same.setdefault(fact.digest, []).append(draft)
    some = "; ".join(f"{one[0].name} and {one[1].name}" for one in list(same.values())[:_NAMED])
    classes = [
        {d.truth.label for d in one if isinstance(d.truth, ClassLabel)} for one in same.values()
    ]
    differ = sum(len(found) > 1 for found in classes)
    twisted = f", {differ} of them under different classes" if differ else ""
    yield f"{again} of {len(pairs)} images are copies of others{twisted} ({some})"


def _of_labels(pairs: Sequence[tuple[Draft, FileFact]], labels: Sequence[str]) -> Iterator[str]:
    """Labels that no object or image has, although there are many for each, and objects of two of one name."""
    counts: Counter[int] = Counter()
    for draft, _ in pairs:
        if isinstance(draft.truth, Objects):
            counts.update(draft.truth.labels.tolist())
        elif isinstance(draft.truth, ClassLabel):
            counts[draft.truth.label] += 1
    ids: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        ids.setdefault(label, []).extend([index] if counts[index] else [])
    # Two classes of images may share a word: ImageNet's cranes are birds and machines.
    objects = any(isinstance(draft.truth, Objects) for draft, _ in pairs)
    for label, twins in ids.items():
        if objects and len(twins) > 1:
            yield (
                f"{len(twins)} classes with objects are called {label!r} (labels "
                f"{' and '.join(map(str, twins))}): a model that knows one of them misses the others"
            )
    unused = [label for index, label in enumerate(labels) if not counts[index]]
    if unused and counts.total() >= _MANY_A_LABEL * len(labels):
        some = ", ".join(unused[:_NAMED]) + (", …" if len(unused) > _NAMED else "")
        yield (
            f"{len(unused)} of {len(labels)} labels occur nowhere ({some}): are labels and class ids "
            "counted from the same one?"
        )


def turned_images(pairs: Sequence[tuple[Draft, FileFact]]) -> dict[str, int]:
    """EXIF's orientations of annotated images, by name, where no size tells the frame of their annotations.

    A size that fits an upright picture only proves its frame, and whoever wrote it wrote the others.
    """
    turned = [
        (draft, fact)
        for draft, fact in pairs
        if fact.orientation != 1 and isinstance(draft.truth, Objects | LazyLabelMap)
    ]
    if any(d.size and f.orientation in LYING and f.width != f.height for d, f in turned):
        return {}
    return {draft.name: fact.orientation for draft, fact in turned}
