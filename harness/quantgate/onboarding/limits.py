"""First limits of an entry, from one measurement of both roles."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS
from quantgate.core.suggest import suggest
from quantgate.engine.worker.client import Step
from quantgate.errors import HarnessError
from quantgate.pair import Pair
from quantgate.progress import SILENT
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.engine.artifact import Artifact
    from quantgate.engine.worker.client import Worker
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.run import Run

#: Limits on answers, the first that a task judges.
_ANSWERS = ("min_match_rate", "min_agreement", "min_psnr_db", "min_role_delta1", "min_sqnr_db")
#: What a task judges besides, which has no part in those.
_BESIDE = ("max_head_mae",)
_LOSS, _SIZE = "max_accuracy_drop", "max_size_ratio"
#: A first limit does not bless what is worse: what people demand instead of what was measured.
_DEMANDED: Mapping[str, float] = {
    _LOSS: 0.03,
    "min_match_rate": 0.85,
    "min_agreement": 0.85,
    "min_role_delta1": 0.85,
    "min_int8_share": 0.5,
    _SIZE: 0.9,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement says.

    Parameters
    ----------
    limits
        Proposed, by key.
    missed
        Those of them that the model does not meet, with what was measured.
    metrics
        Of both roles, by name, where images are annotated.
    images
        How many were judged on.
    """

    limits: Mapping[str, float]
    missed: Mapping[str, float]
    images: int
    metrics: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def measure(entry: ModelEntry, run: Run, worker: Worker, given: tuple[Data, Artifact]) -> Measured:
    """Quantize, compare and profile once, and propose limits; ``given`` are the images and the parent.

    Raises
    ------
    HarnessError
        Where the model cannot be quantized, or its answers cannot be compared.
    """
    from quantgate.pipeline.accuracy import compare_roles
    from quantgate.pipeline.optimize import optimized_artifact
    from quantgate.pipeline.performance import profile_roles

    data, parent = given

    def step(name: str) -> Step:
        return Step(name, entry.time_limit_s)

    made = worker.call(
        step("quantizing"), optimized_artifact, entry, run, parent, data, progress=SILENT
    )
    both = Pair(parent, made)
    compared = worker.call(
        step("comparing both roles"), compare_roles, entry, run, both, data, progress=SILENT
    )
    profiles = worker.call(
        step("profiling"), profile_roles, entry, both, data, run.store_of(entry.id)
    )
    found = dict(_of_answers(entry, compared.comparison))
    found |= _of_execution(both, profiles)
    limits: dict[str, float] = {}
    missed: dict[str, float] = {}
    for key, estimate in found.items():
        proposed = suggest(key, [estimate]).limit
        if proposed is None or (key == _SIZE and proposed > _DEMANDED[key]):
            continue  # in the smallest models the description of the graph outweighs the weights
        limits[key] = _demanded(key, proposed)
        if LIMITS[key].worse_side * (estimate.value - limits[key]) > 0:
            missed[key] = estimate.value
    metrics = dict(_metrics(entry, compared.comparison, data))
    return Measured(limits, missed, len(compared.comparison.images), metrics)


def _of_answers(entry: ModelEntry, comparison: Any) -> Iterator[tuple[str, Estimate]]:
    task = TASKS[entry.task]
    keys = [_LOSS] if _LOSS in task.LIMITS else []
    keys += [next(key for key in _ANSWERS if key in task.LIMITS)]
    keys += [key for key in _BESIDE if key in task.LIMITS]
    for key in keys:
        try:
            yield key, task.judge_quantity(key, comparison, entry.evaluate)
        except HarnessError:  # nothing is annotated, or nothing was found to match
            continue


def _of_execution(both: Pair[Artifact], profiles: Any) -> Iterator[tuple[str, Estimate]]:
    from quantgate.engine.profile import int8_share

    with suppress(HarnessError):  # a device that tells nothing of its layers
        yield "min_int8_share", int8_share(profiles.optimized)
    ratio = both.optimized.size_bytes / both.parent.size_bytes
    yield _SIZE, Estimate.exact(ratio, 1, of="models")


def _demanded(key: str, proposed: float) -> float:
    if key not in _DEMANDED:
        return proposed
    return (
        min(proposed, _DEMANDED[key])
        if LIMITS[key].worse_side > 0
        else max(proposed, _DEMANDED[key])
    )


def _metrics(
    entry: ModelEntry, comparison: Any, data: Data
) -> Iterator[tuple[str, tuple[float, float]]]:
    task = TASKS[entry.task]
    if not data.evaluation.annotated or task.TRUTH is None:
        return
    try:
        both = task.metrics(comparison)
    except HarnessError:
        return
    name = entry.evaluate.metric or task.DEFAULT_METRIC
    if name in both.parent:
        yield name, (float(both.parent[name]), float(both.optimized[name]))
