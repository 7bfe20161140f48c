"""Whether class maps are meaningful: which classes occur, how much is ignored, what 255 means."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import IGNORED
from quantgate.datasets.remembered import recall, remember
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.datasets.truths import LazyLabelMap

_KIND = "maps"
#: Share of ignored pixels that no border and no void class of a usual set reaches.
_MUCH_IGNORED = 0.3
_NAMED = 3
#: Class maps a label, from which a label that none of them has is odd.
_MAPS_A_LABEL = 20


@dataclass(frozen=True, slots=True)
class Mapped:
    """A class map's name, and its pixels by value, int64 [256]."""

    name: str
    counts: NDArray[np.int64]


def histograms(truths: Sequence[LazyLabelMap], cache: Path | None) -> dict[str, NDArray[np.int64]]:
    """Pixels by value, int64 [256], of every map by its digest; remembered in ``cache``."""
    known = _recalled(cache, [truth.digest for truth in truths])
    missing = [truth for truth in truths if truth.digest not in known]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(_histogram, missing))
    fresh = {truth.digest: counts for truth, counts in zip(missing, found, strict=True)}
    remember(cache, _KIND, {digest: counts.tobytes().hex() for digest, counts in fresh.items()})
    return known | fresh


def _histogram(truth: LazyLabelMap) -> NDArray[np.int64]:
    return np.bincount(truth.labels.reshape(-1), minlength=256).astype(np.int64)


def _recalled(cache: Path | None, digests: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    known = recall(cache, _KIND)
    return {
        digest: np.frombuffer(bytes.fromhex(known[digest]), np.int64)
        for digest in digests
        if digest in known
    }


def audit_maps(dataset: str, maps: Sequence[Mapped], labels: Sequence[str]) -> tuple[str, ...]:
    """Check what the class maps hold.

    Returns
    -------
    tuple of str
        A sentence for each oddity that is no proof.

    Raises
    ------
    DatasetError
        Where 255, which marks ignored pixels, seems to be a class, or a value is no class.
    """
    if not maps:
        return ()
    _refuse_binary(dataset, maps, labels)
    _refuse_values(dataset, maps, labels)
    return tuple(_notes(maps, labels))


def _refuse_binary(dataset: str, maps: Sequence[Mapped], labels: Sequence[str]) -> None:
    """Masks of 0 and 255: as class maps they would be background and nothing else."""
    total = np.sum([one.counts for one in maps], axis=0)
    if not total[IGNORED] or total[1:IGNORED].any():
        return
    first = next(one for one in maps if one.counts[IGNORED])
    raise DatasetError(
        f"datasets.{dataset}: the class maps hold only 0 and 255 ({first.name}: "
        f"{first.counts[IGNORED] / first.counts.sum():.1%} of 255), and 255 marks pixels that do not "
        f"count: {_no_class(labels)}; where 255 is a class, set "
        f'datasets.{dataset}.class_ids = "binary"'
    )


def _no_class(labels: Sequence[str]) -> str:
    return f"{labels[1]!r} would occur nowhere" if len(labels) > 1 else "nothing would be judged"


def _refuse_values(dataset: str, maps: Sequence[Mapped], labels: Sequence[str]) -> None:
    for one in maps:
        strange = np.flatnonzero(one.counts[:IGNORED])
        strange = strange[strange >= len(labels)]
        if len(strange):
            hint = _grey_steps(maps, labels)
            raise DatasetError(
                f"datasets.{dataset}: {one.name} is annotated with class id {strange[0]}, the "
                f"{len(labels)} labels end at {len(labels) - 1}; {hint}complete "
                f"datasets.{dataset}.labels, or say by datasets.{dataset}.class_ids what the numbers "
                "stand for"
            )


def _grey_steps(maps: Sequence[Mapped], labels: Sequence[str]) -> str:
    values = np.flatnonzero(np.sum([one.counts for one in maps], axis=0))
    if len(labels) == 2 and values.max() > 128:  # noqa: PLR2004 - background and a class
        return 'grey masks are read by class_ids = "binary"; '
    shown = ", ".join(map(str, values[:8].tolist())) + (", …" if len(values) > 8 else "")  # noqa: PLR2004
    return f"the maps hold {shown}; "


def _notes(maps: Sequence[Mapped], labels: Sequence[str]) -> Iterator[str]:
    total = np.sum([one.counts for one in maps], axis=0)
    ignored = total[IGNORED] / total.sum()
    if ignored > _MUCH_IGNORED:
        yield f"{ignored:.0%} of all pixels are ignored (255): they are not judged"
    classes = np.flatnonzero(total[:IGNORED])
    if len(classes) < 2 and len(labels) > 1:  # noqa: PLR2004 - one class or none
        only = repr(labels[int(classes[0])]) if len(classes) else "nothing"
        yield f"the class maps hold {only} only: no other of the {len(labels)} labels is judged"
    unused = [label for index, label in enumerate(labels) if index not in classes]
    if len(classes) > 1 and unused and len(maps) >= _MAPS_A_LABEL * len(labels):
        some = ", ".join(unused[:_NAMED]) + (", …" if len(unused) > _NAMED else "")
        yield f"{len(unused)} of {len(labels)} labels occur on none of {len(maps)} class maps ({some})"
    mixed = [one.name for one in maps if one.counts[IGNORED] and not one.counts[1:IGNORED].any()]
    if len(labels) == 2 and mixed and len(classes) > 1:  # noqa: PLR2004 - background and a class
        some = ", ".join(mixed[:_NAMED]) + (", …" if len(mixed) > _NAMED else "")
        yield (
            f"{len(mixed)} of {len(maps)} class maps hold only 0 and 255 ({some}), others hold "
            f"{labels[1]!r} as 1: 255 marks pixels that do not count"
        )
