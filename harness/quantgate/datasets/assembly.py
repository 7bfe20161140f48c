"""From what a loader found to a dataset: files checked, faulty ones left out, everything digested."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import astuple, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.boxes import box_area
from quantgate.core.predictions import (
    ClassLabel,
    DenseMap,
    Facts,
    Identity,
    LabelMap,
    Objects,
    Rendering,
    Transcript,
    Truth,
)
from quantgate.datasets.checks import audit, turned_images, with_frame
from quantgate.datasets.files import MISSING, inspect_files
from quantgate.datasets.labels import check_labels, labels_in, strata
from quantgate.datasets.maps_audit import histograms
from quantgate.datasets.sample import Dataset, Sample
from quantgate.datasets.truths import LazyDense, LazyLabelMap, LazyRendering
from quantgate.errors import DatasetError
from quantgate.escaping import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.datasets.files import FileFact
    from quantgate.datasets.findings import Draft, Findings

#: Most faulty files that are left out silently enough: more is an error.
MOST_SKIPPED = 0.01
_SHOWN = 8


def assemble(name: str, found: Findings, cache: Path | None, *, annotated: bool = True) -> Dataset:
    """Check and digest every file, leave out faulty ones, and check the truth against the images.

    Raises
    ------
    DatasetError
        When nothing is left, more than 1 % is faulty, two samples share a name, a truth names a
        class outside the labels, or it cannot be of its image.
    """
    drafts = [replace(draft, name=one_line(draft.name)) for draft in found.drafts]
    _check_names(name, drafts)
    inspected = inspect_files([draft.path for draft in drafts], cache)
    facts = [with_frame(*pair) for pair in zip(drafts, inspected, strict=True)]
    pairs = list(zip(drafts, facts, strict=True))
    faulty = [(draft.name, fact.reason) for draft, fact in pairs if fact.reason]
    faulty += found.lost
    _check_present(name, pairs)
    _check_share(name, faulty, len(found.drafts) + len(found.lost))
    pairs = [
        (_within(_in_pixels(draft, fact), fact), fact) for draft, fact in pairs if not fact.reason
    ]
    drafts = [draft for draft, _ in pairs]
    maps = histograms([d.truth for d in drafts if isinstance(d.truth, LazyLabelMap)], cache)
    seen = [labels_in(draft.truth, maps) for draft in drafts]
    if not drafts:
        raise DatasetError(f"datasets.{name} holds no image; check its path")
    notes = audit(name, pairs, found, maps, cache=cache) if annotated else ()
    check_labels(name, zip((draft.name for draft in drafts), seen, strict=True), found.labels)
    samples = tuple(
        Sample(draft.name, draft.path, fact.digest, draft.truth, group)
        for (draft, fact), group in zip(
            pairs, strata([draft.truth for draft in drafts], seen), strict=True
        )
    )
    skipped = (*faulty, *((one_line(stray), reason) for stray, reason in found.strays))
    return Dataset(
        name,
        samples,
        tuple(map(one_line, found.labels)),
        samples_digest(samples),
        skipped,
        labels_open=found.labels_open,
        notes=(*found.notes, *notes),
        turned=turned_images(pairs),
        skeleton=found.skeleton,
    )


def _in_pixels(draft: Draft, fact: FileFact) -> Draft:
    """Scale boxes that are fractions of the image."""
    truth = draft.truth
    if not draft.fractions or not isinstance(truth, Objects):
        return draft
    sides = np.array([fact.width, fact.height, fact.width, fact.height], np.float64)
    boxes = (truth.boxes.astype(np.float64) * sides).astype(np.float32)
    areas = (truth.areas * np.float64(fact.width * fact.height)).astype(np.float32)
    outlines = truth.outlines and tuple(
        None if one is None else one * sides[:2] for one in truth.outlines
    )
    points = truth.points
    if points is not None:
        points = points * np.array([fact.width, fact.height, 1], np.float32)
    quads = truth.quads
    if quads is not None:
        quads = (quads.astype(np.float64) * sides[:2]).astype(np.float32)
    own = replace(truth, boxes=boxes, areas=areas, outlines=outlines, points=points, quads=quads)
    return replace(draft, truth=own)


def _within(draft: Draft, fact: FileFact) -> Draft:
    """End the boxes around quadrilaterals at the image's edges, where their middle lies inside of it."""
    truth = draft.truth
    if not isinstance(truth, Objects) or truth.quads is None or not len(truth):
        return draft
    sides = np.array([fact.width, fact.height], np.float32)
    middle = truth.quads.mean(axis=1)
    inside = ((middle >= 0) & (middle <= sides)).all(axis=1)
    clipped = np.clip(truth.boxes, 0, np.tile(sides, 2))
    boxes = np.where(inside[:, None], clipped, truth.boxes)
    areas = np.minimum(truth.areas, box_area(boxes)).astype(np.float32)
    return replace(draft, truth=replace(truth, boxes=boxes, areas=areas))


def with_samples(dataset: Dataset, samples: tuple[Sample, ...]) -> Dataset:
    """Make the same dataset of fewer samples, digested anew."""
    return replace(dataset, samples=samples, digest=samples_digest(samples))


def without_truth(dataset: Dataset) -> Dataset:
    """Make the same images without annotations and class names; strata for subsets stay."""
    samples = tuple(replace(sample, truth=None) for sample in dataset.samples)
    cuts = {name: replace(cut, objects=None) for name, cut in dataset.cuts.items()}
    return replace(with_samples(dataset, samples), labels=(), cuts=cuts)


def samples_digest(samples: Sequence[Sample]) -> str:
    """Hex digest over name, content and truth of every sample, in order."""
    state = hashlib.blake2b(digest_size=16)
    for sample in samples:
        for part in (sample.name.encode(), sample.digest.encode(), _truth_bytes(sample.truth)):
            state.update(len(part).to_bytes(8, "little") + part)
    return state.hexdigest()


def _truth_bytes(truth: Truth | None) -> bytes:
    told = _told(truth)
    if told is not None:
        return told.encode()
    if isinstance(truth, LabelMap | Rendering | DenseMap):
        pixels = _pixels(truth)
        return f"pixels {pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()
    assert isinstance(truth, Objects)
    columns = (truth.boxes, truth.labels, truth.crowd, truth.areas)
    masks = b"" if truth.masks is None else repr(truth.masks).encode()
    points = b"" if truth.points is None else b"points" + truth.points.tobytes()
    points += b"" if truth.spatial is None else b"spatial" + truth.spatial.tobytes()
    points += b"" if truth.facts is None else f"facts {truth.facts}".encode()
    points += b"" if truth.quads is None else b"quads" + truth.quads.tobytes()
    every = b"".join(np.ascontiguousarray(c).tobytes() for c in columns)
    return b"objects" + every + masks + points


def _pixels(truth: LabelMap | Rendering | DenseMap) -> NDArray[Any]:
    if isinstance(truth, DenseMap):
        return truth.values
    return truth.labels if isinstance(truth, LabelMap) else truth.pixels


def _told(truth: Truth | None) -> str | None:
    """Write a truth that is short; None of one that is made of arrays."""
    if isinstance(truth, LazyLabelMap | LazyRendering | LazyDense):
        return truth.digest
    write = _TOLD.get(type(truth))
    return None if write is None else write(truth)


#: How a truth that is short is written, by its kind.
_TOLD: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {
        type(None): lambda _: "none",
        ClassLabel: lambda truth: f"class {truth.label}",
        Transcript: lambda truth: f"text {truth.text}",
        Identity: lambda truth: f"identity {astuple(truth)}",
        Facts: lambda truth: f"facts {truth.cells}",
    }
)


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
