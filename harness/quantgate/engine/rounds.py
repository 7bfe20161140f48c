"""Rounds in random order over compiled copies, until every limit is decided.

Nothing here knows a model library: arms are whatever fits the protocol, the clock is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.looks import PLAN, TestPlan
from quantgate.core.sequential import replay
from quantgate.core.timing import ArmFacts, ArmName, Conditions, Timing, Window
from quantgate.core.verdict import Outcome
from quantgate.engine.executed import executed_problem
from quantgate.engine.windows import Arm, WindowSample, costs_ns, thinned
from quantgate.errors import MeasurementError
from quantgate.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quantgate.core.speed import SpeedTarget
    from quantgate.progress import Progress

#: Rounds on each compiled copy: four copies by the first look, nine by the third (12, 20, 32 …).
COPIES = (3, 3, 3, 3, 4, 4, 4, 4, 4, 8, 8, 8, 8)
#: Rounds measured where no limit asks for more or fewer.
ROUNDS_WITHOUT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """How to measure.

    Parameters
    ----------
    targets
        Limits that shall be decided; without any, ``rounds`` rounds are measured.
    window_s
        Length of a window; 0.03 to 0.1 (longer windows see more of the machine's drift).
    budget_s
        Most time that the windows may take together.
    control_miss
        What the session's control missed: part of the guard δ.
    settled
        Asked at every look instead of the targets whether the rounds suffice.
    """

    targets: Sequence[SpeedTarget] = ()
    window_s: float = 0.05
    budget_s: float = 60.0
    seed: int = 0
    control_miss: float = 0.0
    test: TestPlan = PLAN
    settled: Callable[[Timing], bool] | None = None
    rounds: int = ROUNDS_WITHOUT_LIMIT

    @property
    def most_rounds(self) -> int:
        """Rounds after which nothing more is measured."""
        return self.test.looks[-1] if self.targets or self.settled else self.rounds


@dataclass(slots=True)
class _Ledger:
    """What was measured so far."""

    windows: list[Window]
    facts: dict[ArmName, ArmFacts]
    spent_ns: int = 0
    rounds: int = 0
    problem: str = ""

    def add_copy(self, arms: Sequence[Arm]) -> None:
        """Note compile and first-inference time, and what the arms really execute."""
        for fresh in (arm.facts for arm in arms):
            before = self.facts.get(fresh.name)
            self.facts[fresh.name] = ArmFacts(
                fresh.name,
                dict(fresh.executed),
                (
                    *(before.compile_ns if before else ()),
                    *(() if fresh.compile_ns is None else (fresh.compile_ns,)),
                ),
                (*(before.first_ns if before else ()), fresh.first_ns),
                fresh.streams,
                fresh.threads,
                fresh.requests,
            )
            self.problem = self.problem or executed_problem(fresh.name, fresh.executed)

    def timing(self, conditions: Conditions, plan: RoundPlan) -> Timing:
        return Timing(
            tuple(self.facts.values()),
            tuple(self.windows),
            conditions,
            control_miss=plan.control_miss,
            problem=self.problem,
        )


def measure_rounds(
    build: Callable[[int], Sequence[Arm]],
    plan: RoundPlan,
    conditions: Conditions,
    *,
    progress: Progress | None = None,
) -> Timing:
    """Measure rounds until every target is decided, or rounds or time are spent.

    Parameters
    ----------
    build
        Makes the n-th compiled copy of every arm, warmed up; the copy before it is let go first.
    conditions
        Recorded with the result.

    Raises
    ------
    MeasurementError
        When there is nothing to compare: fewer than two arms, or a window without an inference.
    """
    ledger = _Ledger([], {})
    order = np.random.default_rng(plan.seed)
    told = progress or Silent()
    told.start("timing", plan.most_rounds)
    for copy, size in enumerate(COPIES):
        if _finished(ledger, plan, conditions):
            break
        arms = build(copy)
        if len(arms) <= 1:
            raise MeasurementError(f"a paired timing needs two arms, found {len(arms)}")
        ledger.add_copy(arms)
        for _ in range(min(size, plan.most_rounds - ledger.rounds)):
            _one_round(ledger, arms, (copy, order), plan)
            told.advance()
        del arms
    told.close()
    return ledger.timing(conditions, plan)


def _finished(ledger: _Ledger, plan: RoundPlan, conditions: Conditions) -> bool:
    """Stop at the last round, on a problem that no round can cure, or once all is decided."""
    if ledger.rounds >= plan.most_rounds or ledger.problem:
        return True
    if ledger.spent_ns >= plan.budget_s * 1e9:
        return True
    if ledger.rounds not in plan.test.looks:
        return False
    timing = ledger.timing(conditions, plan)
    if plan.settled is not None:
        return plan.settled(timing)
    return bool(plan.targets) and all(_decided(timing, target, plan) for target in plan.targets)


def _decided(timing: Timing, target: SpeedTarget, plan: RoundPlan) -> bool:
    alone = target.against == "parent_default" and target.against not in timing.arm_names()
    ratios, copies = timing.log_ratios("parent_f32" if alone else target.against)
    if len(ratios) == 0:
        return True
    said = replay(ratios, copies, target.limit, control_miss=plan.control_miss, plan=plan.test)
    return said.outcome is not Outcome.UNDECIDED


def _one_round(
    ledger: _Ledger,
    arms: Sequence[Arm],
    drawn: tuple[int, np.random.Generator],
    plan: RoundPlan,
) -> None:
    """Run every arm once, in random order: neighbours in time, so that noise is shared."""
    if ledger.spent_ns >= plan.budget_s * 1e9:
        return
    copy, order = drawn
    turns = [arms[index] for index in order.permutation(len(arms))]
    samples = [_sample(arm, plan.window_s, ledger.rounds) for arm in turns]
    ledger.spent_ns += sum(sample.elapsed_ns for sample in samples)
    for position, (arm, sample, cost) in enumerate(
        zip(turns, samples, costs_ns(samples), strict=True)
    ):
        ledger.windows.append(
            Window(
                arm.facts.name,
                ledger.rounds,
                copy,
                position,
                sample.count,
                sample.elapsed_ns,
                cost,
                thinned(sample.latencies_ns),
            )
        )
    ledger.rounds += 1


def _sample(arm: Arm, seconds: float, number: int) -> WindowSample:
    sample = arm.run_window(seconds)
    if sample.count < 1 or sample.elapsed_ns < 1:
        raise MeasurementError(
            f"arm {arm.facts.name} finished no inference in round {number}: nothing was measured"
        )
    return sample
