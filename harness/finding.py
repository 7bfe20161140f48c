"""What a gate shows besides its number: counts, the worst image, tables and pictures."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.gate import Finding

if TYPE_CHECKING:
    from harness.core.comparison import Comparison
    from harness.core.estimate import Estimate
    from harness.core.profile import Profile
    from harness.core.timing import Timing
    from harness.entries import ModelEntry
    from harness.pair import Pair
    from harness.report.model import Picture
    from harness.run import Run


def judged_quantity(
    run: Run, entry: ModelEntry, key: str, comparison: Comparison[Any]
) -> tuple[Estimate, Finding]:
    """Compute what the limit judges, and collect its evidence."""
    from harness.report.evidence import table_csv
    from harness.report.wording import counts_sentence
    from harness.tasks.catalog import TASKS

    task, plan = TASKS[entry.task], entry.evaluate
    estimate = task.judge_quantity(key, comparison, plan)
    counts = task.detail(key, comparison, plan)
    worst = task.worst(comparison, plan)[:1]
    detail = counts_sentence(asdict(counts))
    if worst:
        detail += f"; worst: {comparison.images[worst[0].index].name} ({worst[0].sentence})"
    tables = task.tables(comparison, plan)
    return estimate, Finding(
        detail=detail,
        evidence=tuple(table_csv(table) for table in tables[:2]),
        pictures=drawn_pictures(run, entry),
    )


def timing_finding(timing: Timing, profiles: Pair[Profile]) -> Finding:
    """Say what keeps a model from being faster; attach every window, to compute the verdict again."""
    from harness.core.advice import advise
    from harness.core.speed import speedup
    from harness.report.evidence import json_evidence

    advice = advise(profiles, speedup(timing, "parent_default"))
    document = [asdict(item) for item in advice]
    return Finding(
        detail=" ".join(item.sentence for item in advice),
        evidence=(
            json_evidence("timing.json", timing.to_dict()),
            json_evidence("why-slower.json", document),
        ),
    )


def drawn_pictures(run: Run, entry: ModelEntry) -> tuple[Picture, ...]:
    """Find the worst images of a model, drawn when it was compared."""
    from harness.report.codec import decode
    from harness.report.model import Picture

    return tuple(decode(Picture, fields) for fields in run.kept(entry.id).get("pictures", []))
