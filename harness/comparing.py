"""Both roles over the evaluation set, and what the report keeps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.optimizing import bench_of
from harness.pictures import worst_pictures

if TYPE_CHECKING:
    from harness.core.comparison import Comparison
    from harness.data import Data
    from harness.engine.artifact import Artifact
    from harness.engine.progress import Progress
    from harness.entries import ModelEntry
    from harness.pair import Pair
    from harness.run import Run

_MEGABYTE = 1_000_000


def compare_roles(
    entry: ModelEntry, run: Run, artifacts: Pair[Artifact], data: Data, *, progress: Progress
) -> Comparison[Any]:
    """Evaluate both roles on the same images, or find that in the store."""
    from harness.engine.evaluate import compare
    from harness.engine.runtime import Target
    from harness.machine import isa_class
    from harness.store import Store

    target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
    return compare(
        artifacts,
        bench_of(entry, data.evaluation),
        Store(run.store),
        target=target,
        isa=isa_class(),
        progress=progress,
    )


def keep_comparison(entry: ModelEntry, run: Run, found: Comparison[Any], data: Data) -> None:
    """Draw the worst images and keep tables and metrics for the report."""
    from harness.report.codec import encode
    from harness.report.model import Metric
    from harness.report.publish import draw_worst
    from harness.tasks import tensors
    from harness.tasks.catalog import TASKS

    task = TASKS[entry.task]
    plan, report = entry.evaluate, run.manifest.report
    changed, more = worst_pictures(entry, task, found, data.evaluation, most=report.images)
    share = report.budget_mb * _MEGABYTE / max(1, len(run.manifest.models))
    drawn, dropped = draw_worst(changed, run.directory, model=entry.id, budget_bytes=int(share))
    metrics: list[Metric] = []
    if all(image.truth is not None for image in found.images):
        both = task.metrics(found)
        metrics = [
            Metric(task.METRICS[key], None, both.parent.get(key), both.optimized.get(key))
            for key in task.METRICS
            if key in both.parent
        ]
    skipped = [f"{name} was left out: {reason}" for name, reason in found.skipped]
    run.keep(
        entry.id,
        "comparing",
        {
            "metrics": encode(metrics),
            "tables": encode([*task.tables(found, plan), tensors.tensor_table(found)]),
            "pictures": encode(drawn),
            "omitted": more + dropped,
            "notes": skipped,
            "facts": [
                ["evaluation images", str(len(found))],
                ["evaluation set digest", found.images_digest[:16]],
                ["evaluation precision", plan.precision],
            ],
        },
    )
