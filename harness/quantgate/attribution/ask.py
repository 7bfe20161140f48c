"""What an explanation may spend: images, time and questions, and where things run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.attribution.execution import Device
from quantgate.datasets.selection import by_identity
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from quantgate.attribution.execution import Execute
    from quantgate.core.explained import Execution, GroupKind
    from quantgate.datasets.sample import Sample
    from quantgate.progress import Progress

#: Images that groups are asked about, those that execution is looked at on, and those scored.
IMAGES, EXECUTED, SCORED = 64, 16, 8
#: Groups asked about both ways, by kind: ten.
ASKED: Mapping[GroupKind, int] = MappingProxyType({"layer": 5, "block": 3, "type": 1, "pattern": 1})
_ON_CPU = Device("CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What may be spent, and where things run.

    Parameters
    ----------
    model
        Its name, for the report.
    images
        Looked at, at most; drawn by ``seed``.
    seconds
        After which no further question is begun.
    groups
        Asked about both ways, by kind.
    execute
        Makes the executed arm.
    execution
        What is known of the executed arm already; None: it is held against the graph.
    folder
        Where the smallest failing part is saved; None saves none.
    """

    model: str = ""
    images: int = IMAGES
    seconds: float = 60.0
    seed: int = 0
    groups: Mapping[GroupKind, int] = field(default_factory=lambda: ASKED)
    execute: Execute = _ON_CPU
    execution: Execution | None = None
    folder: Path | None = None
    progress: Progress = SILENT
    clock: Callable[[], float] = time.perf_counter


def asked(count: int) -> Mapping[GroupKind, int]:
    """Divide a number of groups among the kinds as ``ASKED`` does: half of them single layers, first of all."""
    blocks = max(1, count * 3 // 10)
    others = min(2, count // 5)
    kinds: dict[GroupKind, int] = {"layer": max(1, count - blocks - others), "block": blocks}
    return kinds | {"type": others - others // 2, "pattern": others // 2}


def drawn(samples: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """Draw some samples by a seed, in their own order; of identities whole ones."""
    if len(samples) <= count:
        return list(samples)
    whole = by_identity(samples, seed)
    if whole is not None:
        names = {sample.name for sample in whole[:count]}
        return [sample for sample in samples if sample.name in names]
    chosen = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    return [samples[index] for index in sorted(chosen)]
