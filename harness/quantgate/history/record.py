"""What a history keeps of one run, as frozen plain values: made of its report, exported as JSON."""

from __future__ import annotations

import datetime as dt

# The codec reads the annotations at run time.
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantgate.core.estimate import Estimate  # noqa: TC001
from quantgate.core.series import CONTROL
from quantgate.machine import machine_class
from quantgate.stack import stack_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.report.model import Judged, RunReport


@dataclass(frozen=True, slots=True)
class Number:
    """One judged number.

    Parameters
    ----------
    quantity
        Key of the limit, e.g. ``min_speedup``.
    estimate
        None where nothing could be measured: kept, because a hole is an answer too.
    outcome
        ``passed``, ``failed`` or ``undecided``; empty for a number without a limit.
    threshold
        The limit of that night, in the estimate's unit.
    segment
        Digest of everything declared that can change the number, see `history.segment`.
    duration_s
        How long the test took, seconds.
    reason
        Of the verdict.
    """

    model: str
    quantity: str
    estimate: Estimate | None
    outcome: str = ""
    threshold: float | None = None
    segment: str = ""
    duration_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelState:
    """What a model was made of that night: digests by name, and its entry of the manifest as JSON."""

    id: str
    digests: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run.

    Parameters
    ----------
    run
        Its id, unique in a history.
    started
        ISO 8601 in UTC, to the microsecond.
    machine
        Digest of ``facts``: the class of machines whose numbers may be compared.
    stack
        ``default`` or ``omz``.
    facts, versions
        The machine's stable facts; libraries to versions.
    commit, branch
        Of the judged repository; empty where unknown.
    place
        Where its report lies. Not part of what the run *is*: the same run reported elsewhere is the
        same run.
    command
        How it was started.
    """

    run: str
    started: str
    duration_s: float
    isa: str
    machine: str
    stack: str
    facts: Mapping[str, str]
    versions: Mapping[str, str]
    commit: str
    branch: str
    manifest: str
    manifest_digest: str
    numbers: tuple[Number, ...]
    models: tuple[ModelState, ...] = ()
    place: str = ""
    command: str = ""


def run_record(report: RunReport, *, place: str = "") -> RunRecord:
    """Make the record of a finished run: every judged number, and the session's control.

    Parameters
    ----------
    place
        Where the report lies: the address of the pipeline's job, or a folder.
    """
    started = dt.datetime.fromisoformat(report.started).astimezone(dt.UTC)
    return RunRecord(
        run=report.run,
        started=started.isoformat(timespec="microseconds"),
        # A clock that was set back during the run gives no negative duration.
        duration_s=max(0.0, report.duration_s),
        isa=report.machine.get("isa", ""),
        machine=machine_class(report.machine),
        stack=stack_of(report.versions),
        facts=dict(report.machine),
        versions=dict(report.versions),
        commit=report.commit,
        branch=report.branch,
        manifest=report.manifest,
        manifest_digest=report.manifest_digest,
        numbers=tuple(_numbers(report)),
        models=tuple(
            ModelState(model.id, dict(model.digests), model.declared)
            for model in sorted(report.models, key=lambda model: model.id)
            if model.digests  # others were skipped, or broke before anything of them was known
        ),
        place=place,
        command=report.command,
    )


def _numbers(report: RunReport) -> Iterator[Number]:
    """Give them in the order in which a history gives them back."""
    segments = {model.id: model.segments for model in report.models}
    if report.control is not None:
        yield Number(*CONTROL, report.control)
    # A test that was repeated judged a limit twice: the later answer counts, as it does for the run.
    last = {(one.verdict.model, one.verdict.limit.key): one for one in report.judged}
    for (model, quantity), judged in sorted(last.items()):
        yield _number(judged, segments.get(model, {}).get(quantity, ""))


def _number(judged: Judged, segment: str) -> Number:
    verdict = judged.verdict
    return Number(
        model=verdict.model,
        quantity=verdict.limit.key,
        estimate=verdict.estimate,
        outcome=verdict.outcome.value,
        threshold=verdict.limit.threshold,
        segment=segment,
        duration_s=judged.duration_s,
        reason=verdict.reason,
    )
