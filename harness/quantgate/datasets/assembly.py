"""From what a loader found to a dataset: files checked, faulty ones left out, everything digested."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import IGNORED, ClassLabel, LabelMap, Objects, Truth
from quantgate.datasets.files import MISSING, inspect_files
from quantgate.datasets.sample import Dataset, Sample
from quantgate.datasets.truths import LazyLabelMap, LazyRendering
from quantgate.errors import DatasetError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.datasets.files import FileFact

#: Most faulty files that are left out silently enough: more is an error.
MOST_SKIPPED = 0.01
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample before its file was looked at; ``name`` as in Sample.

    ``size`` is (width, height) in pixels where the annotations say it: truth in the pixels of
    another size would be misread in silence.
    """

    name: str
    path: Path
    truth: Truth | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a loader found: drafts in order, class names, entries without a file, other files.

    ``lost`` counts towards the share of faulty images; ``strays``, files that do not claim to be
    images, are only listed. ``labels_open`` as in Dataset.
    """

    drafts: Sequence[Draft]
    labels: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
    strays: tuple[tuple[str, str], ...] = ()
    labels_open: bool = False


def assemble(name: str, found: Findings, cache: Path | None) -> Dataset:
    """Check and digest every file; leave out faulty ones.

    Raises
    ------
    DatasetError
        When nothing is left, more than 1 % is faulty, two samples share a name, or a truth names a
        class outside the labels.
    """
    drafts = [replace(draft, name=printable(draft.name)) for draft in found.drafts]
    _check_names(name, drafts)
    inspected = inspect_files([draft.path for draft in drafts], cache)
    facts = [_with_size(*pair) for pair in zip(drafts, inspected, strict=True)]
    pairs = list(zip(drafts, facts, strict=True))
    faulty = [(draft.name, fact.reason) for draft, fact in pairs if fact.reason]
    faulty += found.lost
    _check_present(name, list(zip(drafts, facts, strict=True)))
    _check_share(name, faulty, len(found.drafts) + len(found.lost))
    groups = rarest_labels([draft.truth for draft, fact in pairs if not fact.reason])
    samples = tuple(
        Sample(draft.name, draft.path, fact.digest, draft.truth, group)
        for (draft, fact), group in zip((p for p in pairs if not p[1].reason), groups, strict=True)
    )
    if not samples:
        raise DatasetError(f"datasets.{name} holds no image; check its path")
    check_labels(name, samples, found.labels)
    skipped = (*faulty, *((printable(stray), reason) for stray, reason in found.strays))
    digest = samples_digest(samples)
    return Dataset(name, samples, found.labels, digest, skipped, labels_open=found.labels_open)


def _with_size(draft: Draft, fact: FileFact) -> FileFact:
    """Fault a file of another size than annotated; turned on its side is the same size."""
    annotated, own = draft.size, (fact.width, fact.height)
    if fact.reason or annotated is None or 0 in {*annotated, *own}:
        return fact
    if sorted(annotated) == sorted(own):
        return fact
    sizes = [f"{width}x{height}" for width, height in (annotated, own)]
    return replace(fact, reason=f"annotated as {sizes[0]} pixels, the file has {sizes[1]}")


def with_samples(dataset: Dataset, samples: tuple[Sample, ...]) -> Dataset:
    """Make the same dataset of fewer samples, digested anew."""
    return replace(dataset, samples=samples, digest=samples_digest(samples))


def without_truth(dataset: Dataset) -> Dataset:
    """Make the same images without annotations and class names; strata for subsets stay."""
    samples = tuple(replace(sample, truth=None) for sample in dataset.samples)
    return replace(with_samples(dataset, samples), labels=())


def samples_digest(samples: Sequence[Sample]) -> str:
    """Hex digest over name, content and truth of every sample, in order."""
    state = hashlib.blake2b(digest_size=16)
    for sample in samples:
        for part in (sample.name.encode(), sample.digest.encode(), _truth_bytes(sample.truth)):
            state.update(len(part).to_bytes(8, "little") + part)
    return state.hexdigest()


def rarest_labels(truths: Sequence[Truth | None]) -> list[int | None]:
    """For each truth the label that is rarest in the whole set: what subsets are stratified by."""
    sets = [_labels_of(truth) for truth in truths]
    counts = Counter(label for labels in sets for label in labels)
    return [min(labels, key=lambda k: (counts[k], k)) if labels else None for labels in sets]


def check_labels(name: str, samples: Sequence[Sample], labels: tuple[str, ...]) -> None:
    """Refuse a truth whose class is outside the labels.

    Raises
    ------
    DatasetError
        Names the image and the class id.
    """
    if not labels:
        return
    for sample in samples:
        for label in _labels_of(sample.truth):
            if not 0 <= label < len(labels):
                raise DatasetError(
                    f"datasets.{name}: {sample.name} is annotated with class id {label}, the "
                    f"{len(labels)} labels end at {len(labels) - 1}; complete datasets.{name}.labels"
                )


def _labels_of(truth: Truth | None) -> tuple[int, ...]:
    if isinstance(truth, ClassLabel):
        return (truth.label,)
    if isinstance(truth, Objects):
        return tuple(np.unique(truth.labels).tolist())
    if isinstance(truth, LabelMap):
        return tuple(label for label in np.unique(truth.labels).tolist() if label != IGNORED)
    return ()


def _truth_bytes(truth: Truth | None) -> bytes:
    if truth is None:
        return b"none"
    if isinstance(truth, ClassLabel):
        return f"class {truth.label}".encode()
    if isinstance(truth, LazyLabelMap | LazyRendering):
        return truth.digest.encode()
    if not isinstance(truth, Objects):
        pixels = truth.labels if isinstance(truth, LabelMap) else truth.pixels
        return f"pixels {pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()
    columns = (truth.boxes, truth.labels, truth.crowd, truth.areas)
    masks = b"" if truth.masks is None else repr(truth.masks).encode()
    return b"objects" + b"".join(np.ascontiguousarray(c).tobytes() for c in columns) + masks


def _check_names(name: str, drafts: Sequence[Draft]) -> None:
    twice = [key for key, count in Counter(draft.name for draft in drafts).items() if count > 1]
    if twice:
        raise DatasetError(
            f"datasets.{name} lists {twice[0]} more than once; each image may appear once"
        )


def _check_present(name: str, facts: Sequence[tuple[Draft, FileFact]]) -> None:
    """Refuse annotations of other images, or a path that is not the images' own folder."""
    if not facts or any(fact.reason != MISSING for _, fact in facts):
        return
    first, folder = facts[0][0], Path(os.path.commonpath([draft.path.parent for draft, _ in facts]))
    raise DatasetError(
        f"datasets.{name}: none of the {len(facts)} images that it lists is there: {first.name} is "
        f"not under {folder}; set datasets.{name}.path to the folder of the images"
    )


def _check_share(name: str, faulty: Sequence[tuple[str, str]], total: int) -> None:
    if total == 0 or len(faulty) <= MOST_SKIPPED * total:
        return
    first = ", ".join(f"{file} ({reason})" for file, reason in faulty[:_SHOWN])
    more = f", and {len(faulty) - _SHOWN} more" if len(faulty) > _SHOWN else ""
    raise DatasetError(
        f"datasets.{name}: {len(faulty)} of {total} images cannot be used, more than "
        f"{MOST_SKIPPED:.0%}: {first}{more}; repair or remove them"
    )


def make_objects(
    boxes: Sequence[Sequence[float]],
    labels: Sequence[int],
    crowd: Sequence[bool],
    areas: Sequence[float],
) -> Objects:
    """Columns of annotated objects from rows of ``xyxy`` boxes."""
    return Objects(
        np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(labels, dtype=np.int64),
        np.asarray(crowd, dtype=np.bool_),
        np.asarray(areas, dtype=np.float32),
    )
