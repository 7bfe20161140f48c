"""Rounds in random order over compiled copies, until every limit is decided.

Nothing here knows a model library: arms are whatever fits the protocol, the clock is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from harness.core.sequential import PLAN, TestPlan, replay
from harness.core.timing import ArmFacts, ArmName, Conditions, Timing, Window
from harness.core.verdict import Outcome
from harness.engine.progress import Silent
from harness.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.core.speed import Target
    from harness.engine.progress import Progress

#: Rounds on each compiled copy: four copies by the first look, nine by the third (12, 20, 32 …).
COPIES = (3, 3, 3, 3, 4, 4, 4, 4, 4, 8, 8, 8, 8)
#: Rounds measured where no limit asks for more or fewer.
ROUNDS_WITHOUT_LIMIT = 20
#: From this many inferences in every window of a round their median is taken.
ENOUGH_FOR_MEDIAN = 8
#: At most this many latencies are kept of one window.
KEPT_LATENCIES = 64


@dataclass(frozen=True, slots=True)
class Sample:
    """What an arm returns of one window.

    Parameters
    ----------
    count, elapsed_ns
        Inferences that counted, and the time they took together.
    latencies_ns
        Latency of each of them.
    alone
        Whether each inference waited for the one before it, so that latencies are costs.
    """

    count: int
    elapsed_ns: int
    latencies_ns: Sequence[int]
    alone: bool = True


def costs_ns(samples: Sequence[Sample]) -> list[float]:
    """Cost of one inference in each window of a round, by the same statistic in all of them.

    The median of many inferences is least disturbed by a neighbour; of a few it jumps between
    disturbed and undisturbed ones, and the mean is steadier. With several requests in flight
    latencies overlap and only the mean is a cost. Mixing the two within a round would bias it.
    """
    if all(sample.alone and sample.count >= ENOUGH_FOR_MEDIAN for sample in samples):
        return [float(np.median(sample.latencies_ns)) for sample in samples]
    return [sample.elapsed_ns / sample.count for sample in samples]


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What is known of one compiled copy of an arm, see :class:`harness.core.timing.ArmFacts`."""

    name: ArmName
    executed: Mapping[str, int]
    compile_ns: int
    first_ns: int
    streams: int = 1
    threads: int = 0
    requests: int = 1


class Arm(Protocol):
    """One compiled model, warmed up and ready to be timed."""

    @property
    def facts(self) -> CopyFacts:
        """What is known of it before the first window."""
        ...

    def run_window(self, seconds: float) -> Sample:
        """Infer for about ``seconds``, the first inference after the switch not counted."""
        ...


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

    targets: Sequence[Target] = ()
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
                (*(before.compile_ns if before else ()), fresh.compile_ns),
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


def _decided(timing: Timing, target: Target, plan: RoundPlan) -> bool:
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


def _sample(arm: Arm, seconds: float, number: int) -> Sample:
    sample = arm.run_window(seconds)
    if sample.count < 1 or sample.elapsed_ns < 1:
        raise MeasurementError(
            f"arm {arm.facts.name} finished no inference in round {number}: nothing was measured"
        )
    return sample


def thinned(values: Sequence[int], most: int = KEPT_LATENCIES) -> tuple[int, ...]:
    """Keep at most ``most`` values, evenly by rank, so that percentiles stay."""
    if len(values) <= most:
        return tuple(values)
    ranked = sorted(values)
    return tuple(ranked[int((i + 0.5) * len(ranked) / most)] for i in range(most))


INT8 = frozenset({"i8", "u8"})


def executed_problem(name: ArmName, executed: Mapping[str, int]) -> str:
    """Say in one sentence why an arm did not execute as declared; empty where it did."""
    total = sum(executed.values())
    in_int8 = sum(count for precision, count in executed.items() if precision in INT8)
    if name == "optimized":
        if in_int8 == 0:
            return f"none of the optimized model's {total} computing layers executed in INT8"
        return ""
    if in_int8:
        return (
            f"{in_int8} of the parent's {total} computing layers executed in INT8: it is quantized "
            "already, or the two models are swapped"
        )
    other = {key: count for key, count in executed.items() if key in {"bf16", "f16"}}
    if name != "parent_default" and other:
        said = ", ".join(f"{count} in {key}" for key, count in sorted(other.items()))
        return f"the parent was to execute in f32, and of its {total} computing layers {said}"
    return ""
