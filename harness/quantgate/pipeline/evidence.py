"""What a gate shows besides its number: counts, the worst image, tables and pictures."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.core.verdict import Outcome, Verdict
from quantgate.errors import MeasurementError
from quantgate.pipeline.repeats import seeds_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from quantgate.core.estimate import Estimate
    from quantgate.core.explained import Explanation
    from quantgate.core.profile import Profile
    from quantgate.core.timing import Timing
    from quantgate.core.verdict import Limit
    from quantgate.entries import ExpectedFailure, ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.accuracy import Compared
    from quantgate.report.evidence import Evidence
    from quantgate.report.picture import Picture


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate found besides the number: for the verdict's second line and its evidence.

    ``pictures`` are those that a reader should see first; they are drawn already. ``draws`` are the values by
    seed of the calibration, where it is repeated: the worst is judged.
    """

    detail: str = ""
    remedy: str = ""
    evidence: tuple[Evidence, ...] = ()
    pictures: tuple[Picture, ...] = ()
    draws: Mapping[str, float] = field(default_factory=dict)


NOTHING = Finding()
_TO_CHECK = (
    "check preprocess (colour, mean, scale, layout), the decoder, the annotations and the class "
    "numbers, or set a smaller limit"
)


def judged_quantity(entry: ModelEntry, key: str, compared: Compared) -> tuple[Estimate, Finding]:
    """Take what the limit judges, and collect its evidence."""
    from quantgate.core.table import Table
    from quantgate.pipeline.accuracy import quantity
    from quantgate.report.allure.results import is_on
    from quantgate.report.codec import decode
    from quantgate.report.evidence import table_csv
    from quantgate.report.picture import Picture

    derived = compared.derived
    refuse_blind(entry, key, compared)
    known = None if compared.again else derived.judged.get(key)
    estimate, detail = known or quantity(entry, key, compared.comparison)
    if not is_on():
        return estimate, Finding(detail)
    tables = [decode(Table, table) for table in derived.fields["tables"][:2]]
    drawn = [picture for picture in derived.fields["pictures"] if picture["overlay"]]
    pictures = tuple(decode(Picture, picture) for picture in drawn)
    return estimate, Finding(detail, "", tuple(map(table_csv, tables)), pictures)


def worst_draw(
    entry: ModelEntry, key: str, compared: Compared
) -> tuple[Estimate, Finding, Limit | None, str]:
    """Take what the limit judges of each calibration, and of these the worst.

    Returns
    -------
    tuple
        What is judged, its evidence, and limit and name of the raw output that has its own, if one has.
    """
    first = _one_draw(entry, key, compared)
    if not compared.repeats:
        return first
    draws = [first, *(_one_draw(entry, key, again) for again in compared.each_repeat())]
    values = [one[0].value for one in draws]
    told = dict(zip(map(str, seeds_of(entry)), values, strict=True))
    side = LIMITS[key].worse_side
    worst = max(
        draws, key=lambda one: side * one[0].value if one[2] is None else -_room(one[0], one[2])
    )
    return worst[0], replace(worst[1], draws=told), *worst[2:]


def _one_draw(
    entry: ModelEntry, key: str, compared: Compared
) -> tuple[Estimate, Finding, Limit | None, str]:
    own = judged_output(entry, key, compared)
    return own or (*judged_quantity(entry, key, compared), None, "")


def explanation_evidence(found: Explanation) -> tuple[Evidence, ...]:
    """Tables of an explanation, for Allure."""
    from quantgate.report.evidence import table_csv
    from quantgate.report.html.explained import explained_tables

    return tuple(table_csv(table) for table in explained_tables(found) if table.rows)


def judged_output(
    entry: ModelEntry, key: str, compared: Compared
) -> tuple[Estimate, Finding, Limit, str] | None:
    """Take the raw output that is nearest to its limit, where outputs have limits of their own.

    Returns
    -------
    tuple or None
        What is judged, its evidence, its limit and its name; None where one limit is for all.

    Raises
    ------
    MeasurementError
        Where models.toml names an output that was not compared.
    """
    from quantgate.declared import limit_for, output_limits
    from quantgate.report.evidence import table_csv
    from quantgate.tasks import tensors

    own = output_limits(entry, key)
    if not own:
        return None
    found, shared = compared.comparison, limit_for(entry, key, None)
    names = tensors.output_names(found)
    unknown = [name for name in own if name not in names]
    if unknown:
        raise MeasurementError(
            f"{own[unknown[0]].path}: no such output was compared, found {', '.join(names)}"
        )
    limits = {name: own.get(name, shared) for name in names}
    judged = [
        (tensors.judge_quantity(key, found, name), limit, name)
        for name, limit in limits.items()
        if limit is not None
    ]
    estimate, limit, name = min(judged, key=lambda one: _room(one[0], one[1]))
    detail = tensors.output_sentence(key, found, name)
    return estimate, Finding(detail, "", (table_csv(tensors.outputs_table(found)),)), limit, name


def _room(estimate: Estimate, limit: Limit) -> float:
    """How far an output is on the good side of its limit: decibels, also of ratios."""
    assert limit.threshold is not None
    if limit.relation == "min":
        return estimate.value - limit.threshold
    return 10 * (math.log10(max(limit.threshold, 1e-15)) - math.log10(max(estimate.value, 1e-15)))


def refuse_blind(entry: ModelEntry, key: str, compared: Compared) -> None:
    """Refuse to judge a drop that is larger than all that the parent has to lose.

    A parent fed in the wrong colours or scale finds nothing, and nothing is lost from nothing: that
    gate would be green for ever. A classifier has only to lose what is above guessing.

    Raises
    ------
    MeasurementError
        Where no optimized model could breach the limit.
    """
    from quantgate.declared import limit_for, limit_place
    from quantgate.tasks.catalog import TASKS
    from quantgate.tasks.doubts.suspected import doubts

    task, limit = TASKS[entry.task], limit_for(entry, key, None)
    metric = entry.evaluate.metric or task.DEFAULT_METRIC
    threshold = None if limit is None else limit.threshold
    if (
        LIMITS[key].asks != "max_accuracy_drop"
        or threshold is None
        or task.METRICS[metric].worst is None
    ):
        return
    kind, classes = task.METRICS[metric], len(compared.kept.dataset.labels)
    guessed = min(1.0, kind.guesses / classes) if classes > 1 else 0.0
    rows = compared.derived.fields["metrics"]
    found = [float(row["parent"]) for row in rows if row["title"] == kind.title]
    if not found or kind.room(found[0]) - guessed > threshold:
        return
    whose = "baseline" if LIMITS[key].to_baseline else "parent"
    suspected = doubts(entry.task, compared.comparison)
    guessing = f", where guessing among {classes} classes gives {guessed:.3f}" if guessed else ""
    raise MeasurementError(
        f"the {whose}'s {kind.title} is {'' if kind.is_error else 'only '}{found[0]:.3f}{guessing}: no model could drop by more than the "
        f"{threshold:g} of {limit_place(entry, key)}; {'; '.join([*suspected, _TO_CHECK])}"
    )


def timing_finding(timing: Timing, profiles: Pair[Profile]) -> Finding:
    """Say what keeps a model from being faster; attach every window, to compute the verdict again."""
    from quantgate.core.advice import advise
    from quantgate.core.speed import speedup
    from quantgate.report.evidence import json_evidence
    from quantgate.report.words.verdicts import sentences

    advice = advise(profiles, speedup(timing, "parent_default"))
    document = [asdict(item) for item in advice]
    return Finding(
        detail=sentences([item.with_layers for item in advice]),
        evidence=(
            json_evidence("timing.json", timing.to_dict()),
            json_evidence("why-slower.json", document),
        ),
    )


class Standing(Enum):
    """How a verdict relates to what models.toml expects of it."""

    PLAIN = "plain"
    KNOWN = "known"
    FIXED = "fixed"
    WORSE = "worse"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Expectation:
    """The standing of one verdict with the sentence that explains it (empty where plain)."""

    standing: Standing
    sentence: str = ""


def expectation(verdict: Verdict, known: ExpectedFailure | None, today: dt.date) -> Expectation:
    """Hold a verdict against its expected failure.

    A known failure that passes is an error too: the entry is stale and would hide the next miss.
    """
    if known is None or verdict.outcome is Outcome.UNDECIDED or verdict.estimate is None:
        return Expectation(Standing.PLAIN)
    path = f"models.{verdict.model}.expected_failure.{verdict.limit.key}"
    if verdict.outcome is Outcome.PASSED:
        return Expectation(
            Standing.FIXED, f"the limit is met, but {path} expects a miss: remove the entry"
        )
    if today >= known.expires:
        return Expectation(
            Standing.EXPIRED,
            f"the miss was expected only until {known.expires} ({path}.expires): fix the model, or "
            "set a new date",
        )
    beyond = (
        verdict.estimate.value < known.floor
        if verdict.limit.relation == "min"
        else verdict.estimate.value > known.floor
    )
    if beyond:
        return Expectation(
            Standing.WORSE,
            f"{verdict.estimate.value:.3g} is worse than the floor {known.floor:g} that {path} allows",
        )
    return Expectation(Standing.KNOWN, f"known until {known.expires}: {known.reason}")
