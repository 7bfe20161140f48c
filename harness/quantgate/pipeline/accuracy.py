"""All that follows from a comparison: judged numbers, tables, metrics and the worst images drawn.

Bootstraps and drawings cost more than everything else of a repeated run, so they are kept in the
store under the key of the comparison they follow from.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.core.limits import LIMITS
from quantgate.errors import HarnessError, ReportError
from quantgate.pipeline.feeding import bench_of
from quantgate.pipeline.pictures import worst_pictures
from quantgate.sourcecode import code_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.core.estimate import Estimate
    from quantgate.core.explained import Execution
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.report.model import Metric
    from quantgate.run import Run
    from quantgate.tasks.protocol import Task


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison with everything derived from it, and how truly the device executed it, where known."""

    comparison: Comparison[Any]
    derived: Derived
    execution: Execution | None = None

    def widened(self, estimate: Estimate) -> Estimate:
        """Widen an estimate by what compilations of the one file differ among themselves."""
        told = self.execution
        if told is None or told.repeats or estimate.unit or told.of == "noise":
            return estimate
        low, high = estimate.low - told.spread, estimate.high + told.spread
        return replace(estimate, low=low, high=high)


def compare_roles(
    entry: ModelEntry, run: Run, artifacts: Pair[Artifact], data: Data, *, progress: Progress
) -> Compared:
    """Evaluate both roles on the same images, or find that in the store; keep it for the report."""
    from quantgate.engine.evaluate import compare, comparison_key
    from quantgate.engine.runtime import Target
    from quantgate.machine import isa_class
    from quantgate.store import Store

    target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
    bench, isa = bench_of(entry, data.evaluation), isa_class()
    found = compare(
        artifacts,
        bench,
        Store(run.store, model=entry.id),
        target=target,
        isa=isa,
        progress=progress,
    )
    key = comparison_key(artifacts, bench, target, isa)
    derived = derive(entry, run, found, data=data, key=key)
    run.keep(entry.id, "comparing", derived.fields)
    return Compared(found, derived)


_MEGABYTE = 1_000_000
_FILE = "derived.json"
_PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Derived:
    """What was derived from the comparison of one entry.

    Parameters
    ----------
    judged
        Limit key to ``(estimate, detail)``, for the limits that could be computed.
    fields
        Of the model's report, as JSON values.
    """

    judged: Mapping[str, tuple[Estimate, str]]
    fields: Mapping[str, Any]


def derive(
    entry: ModelEntry, run: Run, found: Comparison[Any], *, data: Data, key: Mapping[str, Any]
) -> Derived:
    """Compute it, or find it in the store; its pictures are laid into the run's directory.

    Parameters
    ----------
    key
        Everything that can change the comparison, see ``engine.evaluate.comparison_key``.
    """
    from quantgate.core.estimate import Estimate
    from quantgate.declared import declared_limits
    from quantgate.store import Store

    wanted = {
        "comparison": key,
        "plan": asdict(entry.evaluate),
        "limits": declared_limits(entry),
        "images": run.manifest.report.images,
        "budget": _budget(run),
        "labels": found.labels,
        "segments": sorted(found.segments.items()),
        "published": {name: asdict(one) for name, one in entry.published.items()},
        "code": code_digest("core", "tasks", "report"),
    }

    def build(folder: Path) -> None:
        document = {
            "judged": _judged(entry, found),
            "fields": _fields(entry, run, (found, data), folder),
        }
        (folder / _FILE).write_text(json.dumps(document), encoding="utf-8")

    folder = Store(run.store, model=entry.id).get_or_build("derived", wanted, build)
    document = json.loads((folder / _FILE).read_text("utf-8"))
    _lay(folder, run.directory)
    judged = {
        name: (Estimate(**item["estimate"]), item["detail"])
        for name, item in document["judged"].items()
    }
    return Derived(judged, document["fields"])


def quantity(entry: ModelEntry, key: str, found: Comparison[Any]) -> tuple[Estimate, str]:
    """Compute what one limit judges, and what changed, in words.

    Raises
    ------
    HarnessError
        Where it is not defined on these images.
    """
    from quantgate.report.words.objects import counts_sentence
    from quantgate.tasks.catalog import TASKS

    task, plan = TASKS[entry.task], entry.evaluate
    estimate = task.judge_quantity(key, found, plan)
    said = [counts_sentence(asdict(task.detail(key, found, plan)))]
    subject = task.subject(key, found, plan)
    if LIMITS[key].of_metric and not subject:
        metric = plan.metric or task.DEFAULT_METRIC
        parent, optimized = task.metrics(found).map(lambda of: of[metric])
        said.insert(0, f"{task.METRICS[metric].title} {parent:.3f} → {optimized:.3f}")
    if subject:
        said.insert(0, f"worst {LIMITS[key].of_worst}: {subject}")
    worst = task.worst(found, plan)[:1]
    if worst:
        said.append(f"worst: {found.images[worst[0].index].name} ({worst[0].sentence})")
    return estimate, "; ".join(said)


def _judged(entry: ModelEntry, found: Comparison[Any]) -> dict[str, Any]:
    from quantgate.declared import declared_limits
    from quantgate.tasks.catalog import TASKS

    judged = {}
    for key in declared_limits(entry):
        if key not in TASKS[entry.task].LIMITS:
            continue
        try:
            estimate, detail = quantity(entry, key, found)
        except HarnessError:
            continue  # the gate of this limit computes it again and says what is wrong
        judged[key] = {"estimate": asdict(estimate), "detail": detail}
    return judged


def _fields(
    entry: ModelEntry, run: Run, compared: tuple[Comparison[Any], Data], folder: Path
) -> dict[str, Any]:
    from quantgate.report.codec import encode
    from quantgate.report.publish import draw_worst
    from quantgate.tasks import tensors
    from quantgate.tasks.catalog import TASKS
    from quantgate.tasks.doubts.catalog import doubts

    found, data = compared
    task, plan = TASKS[entry.task], entry.evaluate
    most = run.manifest.report.images
    changed, more = worst_pictures(entry, task, found, data.evaluation, most=most)
    drawn, dropped = draw_worst(changed, folder, model=entry.id, budget_bytes=_budget(run))
    return {
        "metrics": encode(_metrics(entry, task, found)),
        "tables": encode([*task.tables(found, plan), tensors.tensor_table(found)]),
        "pictures": encode(drawn),
        "omitted": more + dropped,
        "notes": [
            *(f"{name} was left out: {reason}" for name, reason in found.skipped),
            *(f"datasets.{data.evaluation.name}: {said}" for said in doubts(entry.task, found)),
        ],
        "facts": [
            ["evaluation images", str(len(found))],
            ["evaluation set digest", found.images_digest[:16]],
            ["evaluation precision", plan.precision],
        ],
    }


def _metrics(entry: ModelEntry, task: Task, found: Comparison[Any]) -> list[Metric]:
    from quantgate.report.model import Metric

    if any(image.truth is None for image in found.images):
        return []
    try:
        both = task.metrics(found)
    except HarnessError:
        return []  # nothing annotated to measure against; a gate that needs it says so
    rows = []
    for key in task.METRICS:
        if key in both.parent:
            published = entry.published.get(key)
            source, origin = (published.value, published.origin) if published else (None, "")
            measured = (both.parent[key], both.optimized.get(key))
            rows.append(Metric(task.METRICS[key].title, source, *measured, origin))
    return rows


def _budget(run: Run) -> int:
    """Bytes of pictures for one model: an equal share of the run's."""
    return int(run.manifest.report.budget_mb * _MEGABYTE / max(1, len(run.manifest.models)))


def _lay(folder: Path, directory: Path) -> None:
    """Copy the drawn files into the run's directory.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    if not (folder / _PICTURES).is_dir():
        return
    try:
        shutil.copytree(folder / _PICTURES, directory / _PICTURES, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise ReportError(
            f"cannot copy pictures to {directory}: {error}; give a writable folder with --reports"
        ) from error
