"""What a gate shows besides its number: counts, the worst image, tables and pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from harness.errors import MeasurementError

if TYPE_CHECKING:
    from harness.core.estimate import Estimate
    from harness.core.profile import Profile
    from harness.core.timing import Timing
    from harness.entries import ModelEntry
    from harness.pair import Pair
    from harness.pipeline.comparing import Compared
    from harness.report.evidence import Evidence
    from harness.report.picture import Picture

#: Answers that a metric of classification counts as right: what guessing hits, over the classes.
GUESSES = {"top1": 1, "top5": 5}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate found besides the number: for the verdict's second line and its evidence.

    ``pictures`` are those that a reader should see first; they are drawn already.
    """

    detail: str = ""
    remedy: str = ""
    evidence: tuple[Evidence, ...] = ()
    pictures: tuple[Picture, ...] = ()


NOTHING = Finding()


def judged_quantity(entry: ModelEntry, key: str, compared: Compared) -> tuple[Estimate, Finding]:
    """Take what the limit judges, and collect its evidence."""
    from harness.core.table import Table
    from harness.pipeline.derived import quantity
    from harness.report.codec import decode
    from harness.report.evidence import table_csv
    from harness.report.picture import Picture

    derived = compared.derived
    refuse_blind(entry, key, compared)
    known = derived.judged.get(key)
    estimate, detail = known or quantity(entry, key, compared.comparison)
    tables = [decode(Table, table) for table in derived.fields["tables"][:2]]
    pictures = tuple(decode(Picture, picture) for picture in derived.fields["pictures"])
    return estimate, Finding(detail, "", tuple(map(table_csv, tables)), pictures)


def refuse_blind(entry: ModelEntry, key: str, compared: Compared) -> None:
    """Refuse to judge a drop that is larger than all that the parent has to lose.

    A parent fed in the wrong colours or scale finds nothing, and nothing is lost from nothing: that
    gate would be green for ever. A classifier has only to lose what is above guessing.

    Raises
    ------
    MeasurementError
        Where no optimized model could breach the limit.
    """
    from harness.limits import METRICS_FROM_ZERO, limit_for, limit_place
    from harness.tasks.catalog import TASKS

    task, limit = TASKS[entry.task], limit_for(entry, key, None)
    metric = entry.evaluate.metric or task.DEFAULT_METRIC
    threshold = None if limit is None else limit.threshold
    if key != "max_accuracy_drop" or threshold is None or metric not in METRICS_FROM_ZERO:
        return
    title, classes = task.METRICS[metric], len(compared.comparison.labels)
    guessed = min(1.0, GUESSES.get(metric, 0) / classes) if classes > 1 else 0.0
    rows = compared.derived.fields["metrics"]
    found = [float(row["parent"]) for row in rows if row["title"] == title]
    if not found or found[0] - guessed > threshold:
        return
    guessing = f", where guessing among {classes} classes gives {guessed:.3f}" if guessed else ""
    raise MeasurementError(
        f"the parent's {title} is only {found[0]:.3f}{guessing}: no model could drop by more than the "
        f"{threshold:g} of {limit_place(entry, key)}; check preprocess (colour, mean, scale, layout), the "
        "decoder, the annotations and the class numbers, or set a smaller limit"
    )


def timing_finding(timing: Timing, profiles: Pair[Profile]) -> Finding:
    """Say what keeps a model from being faster; attach every window, to compute the verdict again."""
    from harness.core.advice import advise
    from harness.core.speed import speedup
    from harness.report.evidence import json_evidence
    from harness.report.wording import sentences

    advice = advise(profiles, speedup(timing, "parent_default"))
    document = [asdict(item) for item in advice]
    return Finding(
        detail=sentences([item.with_layers for item in advice]),
        evidence=(
            json_evidence("timing.json", timing.to_dict()),
            json_evidence("why-slower.json", document),
        ),
    )
