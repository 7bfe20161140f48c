"""Choosing images: seeded stratified subsets, overlap by content, hold-out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.predictions import Identity
from quantgate.datasets.assembly import with_samples
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.datasets.sample import Dataset, Sample


@dataclass(frozen=True, slots=True)
class Subset:
    """The chosen images, and a sentence if there are fewer than requested."""

    dataset: Dataset
    note: str = ""


def subset(dataset: Dataset, n: int, seed: int, *, together: bool = False) -> Subset:
    """Draw n images, an equal number from each group as far as it has them.

    ``together``: to judge on. Of a dataset of identities one after the other is drawn with all its images, as one
    image alone cannot be found again.

    The draw depends on the seed and the samples' names alone, never on their order or on a library's
    generator, and a larger subset contains every smaller one. Samples keep the dataset's order.

    Raises
    ------
    DatasetError
        When n is below 1.
    """
    if n < 1:
        raise DatasetError(f"a subset of datasets.{dataset.name} needs at least 1 image, not {n}")
    if n >= len(dataset):
        note = (
            f"datasets.{dataset.name} has {len(dataset)} images, fewer than the {n} asked for: "
            "all of them are used"
        )
        return Subset(dataset, note if n > len(dataset) else "")
    whole = by_identity(dataset.samples, seed) if together else None
    drawn = {sample.name for sample in (whole or _round_robin(dataset, seed))[:n]}
    return Subset(with_samples(dataset, tuple(s for s in dataset.samples if s.name in drawn)))


def overlap(first: Dataset, second: Dataset) -> tuple[str, ...]:
    """Names in the first dataset of images whose content is in the second, in order."""
    contents = {sample.digest for sample in second.samples}
    return tuple(sample.name for sample in first.samples if sample.digest in contents)


def hold_out(dataset: Dataset, used: Dataset) -> Dataset:
    """Leave out every image whose content is in ``used``.

    Raises
    ------
    DatasetError
        When nothing is left.
    """
    shared = set(overlap(dataset, used))
    left = tuple(sample for sample in dataset.samples if sample.name not in shared)
    if not left:
        raise DatasetError(
            f"every image of datasets.{dataset.name} is used for calibration (datasets.{used.name}): "
            "none is left to judge on; use other images or a smaller calibrate.subset"
        )
    return dataset if len(left) == len(dataset) else with_samples(dataset, left)


def _round_robin(dataset: Dataset, seed: int) -> list[Sample]:
    """All samples, the groups' first, then the groups' second, and so on, each in a seeded order."""
    groups: dict[int | None, list[Sample]] = defaultdict(list)
    for sample in sorted(dataset.samples, key=lambda s: _rank(seed, s.name)):
        groups[sample.group].append(sample)
    turns = [
        (turn, _rank(seed, f"group {group}"), sample)
        for group, members in groups.items()
        for turn, sample in enumerate(members)
    ]
    return [sample for _, _, sample in sorted(turns, key=lambda item: item[:2])]


def by_identity(samples: Sequence[Sample], seed: int) -> list[Sample] | None:
    """Put samples one identity after the other, these and their images in a seeded order; None of others.

    Whoever judges on a part of them takes the first: one image alone cannot be found again.
    """
    if not any(isinstance(sample.truth, Identity) for sample in samples):
        return None
    return sorted(
        samples,
        key=lambda sample: (_rank(seed, f"group {sample.group}"), _rank(seed, sample.name)),
    )


def _rank(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
