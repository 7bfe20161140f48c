"""The last step of every gate: judge, publish the evidence, then raise the outcome."""

from __future__ import annotations

import datetime as dt
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS, quantity_name
from quantgate.core.verdict import Limit, Outcome, Verdict, judge
from quantgate.declared import limit_for, limit_place
from quantgate.errors import MeasurementError, UndecidedError
from quantgate.pipeline.evidence import NOTHING, Finding, Standing, expectation
from quantgate.pipeline.lanes import lane_remedy
from quantgate.pipeline.remedies import Known, remedy_for, wants_attention
from quantgate.session.missed import with_explanation, with_recipe
from quantgate.session.outcomes import STRICT, fails_run, raise_outcome
from quantgate.session.repeating import repeating
from quantgate.session.stash import TOLD
from quantgate.session.states import note_end
from quantgate.session.terminal import LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quantgate.core.comparison import Comparison
    from quantgate.core.explained import Explanation
    from quantgate.core.limit_kind import LimitKind, Scope
    from quantgate.core.timing import Timing
    from quantgate.core.verdict import JudgeMode
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.interface import Integrity
    from quantgate.engine.memory import Memory
    from quantgate.engine.profile import Profile
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.accuracy import Compared
    from quantgate.pipeline.evidence import Expectation
    from quantgate.pipeline.explained import Fidelity
    from quantgate.report.model import Judged, KnownFailure
    from quantgate.run import Run
    from quantgate.session.remedied import Found


#: Fixture that measures what limits of a scope judge.
MEASURED: Mapping[Scope, str] = {
    "images": "comparison",
    "outputs": "comparison",
    "fidelity": "fidelity",
    "speed": "timing",
    "execution": "profiles",
    "size": "artifacts",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One limit of one model, as the running test judges it.

    Parameters
    ----------
    key
        The limit's key, e.g. ``min_match_rate``.
    isa
        ISA class of this machine.
    started_s
        Reading of ``time.perf_counter`` when the test began.
    explain
        Finds which layers lose the accuracy; None where that is not wanted or could not be told.
    remedied
        Searches a recipe that meets the limits; None where that is not wanted.
    attends
        Whether the parent has attention.
    """

    run: Run
    entry: ModelEntry
    key: str
    isa: str
    node: pytest.Item
    started_s: float
    explain: Callable[[], Explanation | None]
    remedied: Callable[[], Found | None]
    attends: Callable[[], bool]

    @property
    def limit(self) -> Limit | None:
        """The limit on this machine; None where a table by ISA class does not list it."""
        return limit_for(self.entry, self.key, self.isa)

    def quantity(self) -> str:
        """Name what is judged, as sentences name it."""
        return quantity_name(self.key)

    def judge(
        self,
        estimate: Estimate,
        finding: Finding = NOTHING,
        limit: Limit | None = None,
        output: str = "",
    ) -> None:
        """Judge a number that does not flicker, publish it, and raise the outcome.

        ``limit``: of one raw output, ``output``, where it has its own.
        """
        limit = limit or self.limit
        if limit is None:
            raise UndecidedError(self._unlisted())
        demanded = self.entry.judge == "interval" and estimate.sampled
        mode: JudgeMode = "interval" if demanded or estimate.timed else "value"
        quantity = f"{self.quantity()} of {output}" if output else self.quantity()
        verdict = judge(estimate, limit, model=self.entry.id, quantity=quantity, mode=mode)
        if verdict.outcome is Outcome.FAILED:
            recipe = self._searched()
            searched = recipe is not None and recipe.answered
            finding = with_recipe(self._explained(finding, searched=searched), recipe)
        self.conclude(verdict, finding)

    def _explained(self, finding: Finding, *, searched: bool) -> Finding:
        """Say why a limit was missed and what to try: the layers that lose the accuracy, where it is that."""
        kind = LIMITS[self.key]
        if self.entry.lane:
            return replace(finding, remedy=lane_remedy(self.entry, self.key))
        found = self.explain() if kind.of_images or kind.scope == "fidelity" else None
        kept = self.run.kept(self.entry.id)
        transformer = wants_attention(self.entry, self.key) and self.attends()
        known = Known(found, kept.get("put_back", ()), transformer, searched)
        remedy = remedy_for(self.entry, self.key, known, kept.get("doubts", ()))
        return with_explanation(replace(finding, remedy=remedy), found)

    def _searched(self) -> Found | None:
        """Search a recipe where that is wanted; a miss that is known is not searched for."""
        return None if self.key in self.entry.expected_failure else self.remedied()

    def conclude(
        self, verdict: Verdict, finding: Finding = NOTHING, *, excusable: bool = True
    ) -> None:
        """Publish a verdict, then raise its outcome: the evidence is safe before anything stops.

        ``excusable``: whether the manifest may turn UNDECIDED into a warning.
        """
        from quantgate.report.export import junit_properties
        from quantgate.report.publish import publish_verdict
        from quantgate.report.words.verdicts import verdict_line

        known = self.entry.expected_failure.get(self.key)
        standing = expectation(verdict, known, dt.datetime.now(dt.UTC).date())
        undecided = "fail" if not excusable else self.entry.undecided
        fails = fails_run(verdict, standing.standing, undecided=undecided)
        judged = replace(self._judged(verdict, finding, standing), fails=fails)
        note_end(self.run, self.node.nodeid, judged)
        text = verdict_line(judged)
        self.node.user_properties += [*junit_properties(judged), (LINE, text.splitlines()[0])]
        publish_verdict(
            judged, self.run.directory, evidence=finding.evidence, pictures=finding.pictures
        )
        with self._told():
            raise_outcome(verdict, standing.standing, text, fails=fails)

    def accuracy(self, compared: Compared) -> None:
        """Judge a limit of answers to images, or of raw outputs."""
        from quantgate.pipeline.evidence import worst_draw

        self._of("images", "outputs")
        estimate, finding, limit, output = worst_draw(self.entry, self.key, compared)
        # An output with a limit of its own is compared as it is: execution does not widen it.
        self.judge(
            compared.widened(estimate) if limit is None else estimate, finding, limit, output
        )

    def between(self, found: Mapping[str, Comparison[Any]]) -> None:
        """Judge a limit between devices: the worst of the other devices is judged."""
        from quantgate.pipeline.lanes import worst_device

        self._of("images")
        estimate, detail = worst_device(self.entry, self.key, found)
        self.judge(estimate, Finding(detail))

    def fidelity(self, found: Fidelity) -> None:
        """Judge what the device loses beyond the quantized graph."""
        from quantgate.report.words.explained import execution_fact

        self._of("fidelity")
        if found.execution is None:
            raise MeasurementError(
                f"{limit_place(self.entry, self.key)} cannot be judged: {found.problem}"
            )
        self.judge(found.execution.error, Finding(execution_fact(found.execution)))

    def speed(self, timing: Timing, profiles: Pair[Profile]) -> None:
        """Judge a limit of speed; nothing measured is never passed, and a miss says why.

        ``undecided = "warn"`` excuses a noisy or unfit machine, never an arm that did not execute as
        declared or a measurement that did not take place.
        """
        from quantgate.core.speed import BASELINES, judge_latency, judge_speed
        from quantgate.pipeline.evidence import timing_finding

        kind = self._of("speed")
        path, declared = limit_place(self.entry, self.key), getattr(self.entry.limits, self.key)
        if kind.statistic in BASELINES.values():
            limit = Limit(self.key, math.nan, path)
            verdict = judge_speed(timing, declared, limit, model=self.entry.id, isa=self.isa)
        elif kind.statistic == "p90":
            limit = Limit(self.key, float(declared), path)
            verdict = judge_latency(timing, limit, model=self.entry.id)
        else:
            raise self._unjudged("statistic", kind.statistic)
        finding = timing_finding(timing, profiles)
        if verdict.outcome is Outcome.FAILED:
            finding = with_recipe(finding, self._searched())
        else:
            finding = replace(finding, detail="")
        excusable = not timing.problem and timing.rounds() > 0
        self.conclude(replace(verdict, quantity=self.quantity()), finding, excusable=excusable)

    def execution(self, profiles: Pair[Profile]) -> None:
        """Judge what really executed."""
        from quantgate.engine.profile import int8_share, reorder_share
        from quantgate.pipeline.performance import skip_unlisted_share

        kind = self._of("execution")
        shares = {"int8": int8_share, "reorders": reorder_share}
        if kind.statistic not in shares:
            raise self._unjudged("statistic", kind.statistic)
        estimate = shares[kind.statistic](profiles.optimized)
        if self.limit is None:
            skip_unlisted_share(self.entry, estimate)
        self.judge(estimate)

    def plugged(self, measured: Any) -> None:
        """Judge a limit of another package by its own measure.

        ``measured`` is what the fixture of its scope gave, see :data:`MEASURED`.
        """
        kind = LIMITS[self.key]
        if kind.measure is None:
            raise self._unjudged("measure", kind.measure)
        arguments = (measured.comparison, self.entry.evaluate) if kind.of_images else (measured,)
        self.judge(kind.measure(*arguments))

    def _of(self, *scopes: Scope) -> LimitKind:
        """Find the limit's row, and refuse to judge one of another scope as if it were of these."""
        kind = LIMITS[self.key]
        if kind.scope not in scopes:
            raise self._unjudged("scope", kind.scope)
        return kind

    def _unjudged(self, what: str, found: object) -> MeasurementError:
        return MeasurementError(
            f"limits.{self.key}: no gate judges a limit of {what} {found!r} here: call the method of "
            "its scope, or give the row a measure"
        )

    def size(self, artifacts: Pair[Artifact], repeated: Sequence[Artifact] = ()) -> None:
        """Judge the bytes of the optimized IR against its parent's; of several calibrations the most."""
        from quantgate.pipeline.repeats import seeds_of

        self._of("size")
        parent = artifacts.parent.size_bytes
        ratios = [made.size_bytes / parent for made in (artifacts.optimized, *repeated)]
        draws = dict(zip(map(str, seeds_of(self.entry)), ratios, strict=False))
        self.judge(Estimate.exact(max(ratios), 1, of="models"), Finding(draws=draws))

    def memory(self, memory: Pair[Memory]) -> None:
        """Judge the peak memory of a run."""
        self._of("memory")
        parent, optimized = memory.map(lambda measured: measured.peak_bytes)
        self.judge(Estimate.exact(optimized / parent, 1, of="models"))

    def integrity(self, found: Integrity) -> None:
        """Demand quantized layers and the parent's interface."""
        if found.problems:
            self.failed("; ".join(found.problems))
        self.passed(found.text)

    def passed(self, sentence: str) -> None:
        """Keep a gate that has no number and holds."""
        self._answer("passed", sentence)

    def failed(self, sentence: str) -> None:
        """Keep a gate that has no number and does not hold, and fail the test."""
        line = self._answer("failed", sentence)
        with self._told():
            pytest.fail(
                f"{line}\n            Repeat: {repeating(self.node, self.run, self.entry)}",
                pytrace=False,
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Mark what the body raises as the outcome of a gate that is in the log already."""
        try:
            yield
        except BaseException as outcome:
            self.node.stash[TOLD] = outcome
            raise

    def _answer(self, status: Literal["failed", "passed"], sentence: str) -> str:
        from quantgate.report.model import Problem

        spent_s = time.perf_counter() - self.started_s
        problem = Problem(self.entry.id, self.key, status, sentence, duration_s=spent_s)
        note_end(self.run, self.node.nodeid, problem)
        line = f"{status.upper()}  {self.entry.id}: {sentence}"
        self.node.user_properties.append((LINE, line))
        return line

    def _judged(self, verdict: Verdict, finding: Finding, expected: Expectation) -> Judged:
        from quantgate.report.model import Judged

        return Judged(
            verdict=verdict,
            detail=finding.detail,
            remedy=finding.remedy,
            draws=finding.draws,
            repeat=repeating(self.node, self.run, self.entry),
            duration_s=time.perf_counter() - self.started_s,
            known=_known(self.entry, self.key) if expected.standing is Standing.KNOWN else None,
            unexpected=expected.sentence if expected.standing in STRICT else "",
        )

    def _unlisted(self) -> str:
        path = limit_place(self.entry, self.key)
        return (
            f"{path} lists no limit for this machine's ISA class, {self.isa}: measure here and add "
            f"`{self.isa} = …` to the table"
        )


def _known(entry: ModelEntry, key: str) -> KnownFailure:
    from quantgate.report.model import KnownFailure

    known = entry.expected_failure[key]
    return KnownFailure(known.reason, known.floor, known.expires.isoformat())
