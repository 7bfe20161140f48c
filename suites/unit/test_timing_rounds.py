from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.speed import SpeedTarget, judge_speed, latency_ratio, speedup, throughput
from quantgate.core.timing import ArmName, Conditions, Timing, timing_from_dict
from quantgate.core.verdict import Limit, Outcome, Verdict
from quantgate.engine.rounds import COPIES, ROUNDS_WITHOUT_LIMIT, RoundPlan, measure_rounds
from quantgate.engine.windows import Arm, CopyFacts, WindowSample, costs_ns, thinned
from quantgate.errors import MeasurementError
from quantgate.report.model import Judged
from quantgate.report.words.verdicts import verdict_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CONDITIONS = Conditions("CPU", "latency", 1, 1, 0, 50.0)
EXECUTED: dict[ArmName, Mapping[str, int]] = {
    "optimized": {"i8": 50, "bf16": 2},
    "parent_f32": {"f32": 52},
    "parent_default": {"bf16": 52},
    "parent_copy": {"f32": 52},
}


@dataclass
class FakeArm:
    """An arm whose inferences take a drawn time: nothing is slept."""

    facts: CopyFacts
    mean_ns: float
    rng: np.random.Generator
    noise: float = 0.02

    def run_window(self, seconds: float) -> WindowSample:
        """Pretend to infer for ``seconds``."""
        count = max(2, int(seconds * 1e9 / self.mean_ns))
        factor = np.exp(self.noise * self.rng.normal())
        latencies = [int(self.mean_ns * factor)] * count
        return WindowSample(count, sum(latencies), latencies)


@dataclass
class Workshop:
    """Builds fake copies: mean inference times in ms by arm, and what each arm executes."""

    times_ms: dict[ArmName, float]
    executed: dict[ArmName, Mapping[str, int]] = field(default_factory=lambda: dict(EXECUTED))
    noise: float = 0.02
    built: int = 0

    def build(self, copy: int) -> Sequence[Arm]:
        """Make one copy of every arm."""
        self.built += 1
        rng = np.random.default_rng(1000 + copy)
        return [
            FakeArm(CopyFacts(name, self.executed[name], 10, 20), ms * 1e6, rng, self.noise)
            for name, ms in self.times_ms.items()
        ]


FAST: dict[ArmName, float] = {"optimized": 4.0, "parent_f32": 8.0, "parent_default": 5.0}
SLOWED: dict[ArmName, float] = {"optimized": 8.8, "parent_f32": 8.0, "parent_default": 5.0}


def verdict(timing: Timing, limit: float, key: str = "min_speedup") -> Verdict:
    """Judge a timing against one number."""
    return judge_speed(
        timing, limit, Limit(key, limit, f"models.m.limits.{key}"), model="m", isa="amx"
    )


def measured(
    workshop: Workshop,
    *targets: SpeedTarget,
    build: Callable[[int], Sequence[Arm]] | None = None,
    **plan: float,
) -> Timing:
    """Measure fake arms."""
    return measure_rounds(build or workshop.build, RoundPlan(targets, **plan), CONDITIONS)  # type: ignore[arg-type]


def test_clear_case_stops_at_the_first_look() -> None:
    """A model twice as fast is decided after twelve rounds on four compiled copies."""
    workshop = Workshop(FAST)
    timing = measured(workshop, SpeedTarget("parent_f32", 1.5), SpeedTarget("parent_default", 1.1))

    assert (timing.rounds(), workshop.built) == (12, 4)
    assert verdict(timing, 1.5).outcome is Outcome.PASSED
    assert verdict(timing, 1.1, "min_native_speedup").outcome is Outcome.PASSED


def test_slowed_down_model_fails() -> None:
    """A model made 10 % slower than its parent fails a limit of 1, with its speedup below 1."""
    said = verdict(measured(Workshop(SLOWED), SpeedTarget("parent_f32", 1.0)), 1.0)

    assert said.outcome is Outcome.FAILED
    assert said.estimate is not None
    assert said.estimate.high < 1.0


def test_the_two_baselines_are_never_mixed() -> None:
    """Twice as fast as f32 and 1.25 as fast as the device's default are two numbers."""
    timing = measured(Workshop(FAST))
    f32, native = speedup(timing, "parent_f32"), speedup(timing, "parent_default")

    assert f32 is not None
    assert native is not None
    assert f32.value == pytest.approx(2.0, rel=0.03)
    assert native.value == pytest.approx(1.25, rel=0.03)


def test_rounds_go_on_until_every_limit_is_decided() -> None:
    """A clear limit does not stop the rounds while another is still open."""
    timing = measured(
        Workshop(FAST), SpeedTarget("parent_f32", 1.5), SpeedTarget("parent_default", 1.25)
    )

    assert timing.rounds() >= 32
    assert verdict(timing, 1.5).outcome is Outcome.PASSED


def test_without_a_limit_a_fixed_number_is_measured() -> None:
    """Nothing declared, twenty rounds."""
    assert measured(Workshop(FAST)).rounds() == ROUNDS_WITHOUT_LIMIT


def test_spent_budget_is_undecided() -> None:
    """When the seconds are over before an interval exists, the verdict is undecided, not a guess."""
    timing = measured(Workshop(FAST), SpeedTarget("parent_f32", 1.5), budget_s=0.5)
    said = verdict(timing, 1.5)

    assert timing.rounds() < 9
    assert said.outcome is Outcome.UNDECIDED
    assert "too few" in said.reason


def test_order_is_random_and_seeded() -> None:
    """Arms change places from round to round, and the same seed gives the same order."""
    first, again = (measured(Workshop(FAST)) for _ in range(2))
    orders = {
        tuple(window.arm for window in first.windows[start : start + 3])
        for start in range(0, len(first.windows), 3)
    }

    assert len(orders) >= 4
    assert [window.arm for window in first.windows] == [window.arm for window in again.windows]


@pytest.mark.parametrize(
    ("arm", "executed", "reason"),
    [
        ("parent_f32", {"bf16": 52}, "was to execute in f32"),
        ("optimized", {"f32": 52}, "none of the optimized"),
        ("parent_default", {"i8": 50, "f32": 2}, "swapped"),
    ],
    ids=["parent silently in bf16", "INT8 lost", "arms swapped"],
)
def test_arm_that_executed_otherwise_is_undecided(
    arm: ArmName, executed: dict[str, int], reason: str
) -> None:
    """An arm that did not execute as declared: undecided with that reason, after one copy."""
    workshop = Workshop(FAST, {**EXECUTED, arm: executed})
    said = verdict(measured(workshop, SpeedTarget("parent_f32", 1.5)), 1.5)

    assert said.outcome is Outcome.UNDECIDED
    assert reason in said.reason
    assert workshop.built == 1


def test_measurement_that_never_ran_is_not_green() -> None:
    """Without a single round the verdict is undecided and says that nothing was measured."""
    said = verdict(Timing((), (), CONDITIONS), 0.1)

    assert said.outcome is Outcome.UNDECIDED
    assert "no round" in said.reason


@dataclass
class DeadArm:
    """An arm that infers nothing."""

    facts: CopyFacts

    def run_window(self, seconds: float) -> WindowSample:  # noqa: ARG002
        """Return without an inference."""
        return WindowSample(0, 1, ())


def test_window_without_inference_raises() -> None:
    """An arm that finishes no inference breaks the measurement instead of counting as infinite."""
    names: tuple[ArmName, ...] = ("optimized", "parent_f32")
    dead = [DeadArm(CopyFacts(name, EXECUTED[name], 1, 1)) for name in names]

    with pytest.raises(MeasurementError, match="nothing was measured"):
        measured(Workshop(FAST), build=lambda _: dead)


def test_one_arm_is_no_pair() -> None:
    """A single arm cannot be compared with anything."""
    with pytest.raises(MeasurementError, match="two arms"):
        measured(Workshop({"optimized": 4.0}))


def test_one_measurement_stands_for_both_baselines_where_default_is_f32() -> None:
    """On a device whose default is f32 the native limit is judged on the same rounds."""
    times: dict[ArmName, float] = {
        name: ms for name, ms in FAST.items() if name != "parent_default"
    }
    timing = measured(Workshop(times), SpeedTarget("parent_default", 1.5))
    stored = timing_from_dict({**timing.to_dict(), "native_is_f32": True})

    assert timing.rounds() == 12
    assert verdict(stored, 1.5, "min_native_speedup").outcome is Outcome.PASSED
    assert verdict(timing, 1.5, "min_native_speedup").outcome is Outcome.UNDECIDED


def test_unlisted_isa_class_is_undecided_with_a_proposal() -> None:
    """A class of machine without its own limit gets no guess, but a line to paste."""
    limit = Limit("min_speedup", 0.0, "models.m.limits.min_speedup")
    timing = measured(Workshop(FAST))
    said = judge_speed(timing, {"vnni": 1.6, "avx2": 1.1}, limit, model="m", isa="amx")

    assert said.outcome is Outcome.UNDECIDED
    assert "no limit for this machine's ISA class, amx" in said.reason
    assert "models.m.limits.min_speedup lists vnni 1.6, avx2 1.1" in said.reason
    assert "add `amx = 1.8" in said.reason
    assert "against" not in verdict_line(Judged(said))


def test_listed_isa_class_gets_its_own_limit() -> None:
    """The limit of this class of machine is the one that the verdict names."""
    limit = Limit("min_speedup", 0.0, "models.m.limits.min_speedup")
    said = judge_speed(
        measured(Workshop(FAST)), {"amx": 2.5, "avx2": 1.1}, limit, model="m", isa="amx"
    )

    assert (said.limit.threshold, said.outcome) == (2.5, Outcome.FAILED)


def test_timing_survives_json() -> None:
    """Every fact of a timing is in its JSON."""
    timing = measured(Workshop(FAST), SpeedTarget("parent_f32", 1.5))

    assert timing_from_dict(json.loads(json.dumps(timing.to_dict()))) == timing


def test_records_are_flat() -> None:
    """One row a window with plain cells, ready for CSV."""
    timing = measured(Workshop(FAST))
    rows = timing.records()

    assert len(rows) == 3 * ROUNDS_WITHOUT_LIMIT
    assert all(isinstance(cell, (str, int, float)) for row in rows for cell in row.values())


def test_figures_of_an_arm() -> None:
    """Throughput counts images, and the latency ratio is that of the percentiles."""
    timing = measured(Workshop(FAST))
    rate, ratio = throughput(timing, "optimized"), latency_ratio(timing)

    assert rate is not None
    assert ratio is not None
    assert rate.value == pytest.approx(250, rel=0.03)
    assert ratio.value == pytest.approx(0.5, rel=0.05)
    assert ratio.low <= ratio.value <= ratio.high


def test_thinning_keeps_percentiles() -> None:
    """A thousand latencies thinned to 64 keep their median and their tails."""
    values = list(range(1000))
    kept = thinned(values)

    assert len(kept) == 64
    assert np.percentile(kept, 50) == pytest.approx(500, abs=10)
    assert np.percentile(kept, 99) == pytest.approx(990, abs=10)


def test_copies_are_spread_over_the_rounds() -> None:
    """Rounds name the compiled copy they used, in the planned sizes."""
    timing = measured(Workshop(FAST))
    _, copies = timing.log_ratios("parent_f32")

    assert np.unique(copies, return_counts=True)[1].tolist() == list(COPIES[:6])


def test_cost_of_many_inferences_is_their_median() -> None:
    """One disturbed inference among many does not move the cost."""
    calm, disturbed = WindowSample(9, 90, [10] * 9), WindowSample(9, 1080, [10] * 8 + [1000])

    assert costs_ns([calm, disturbed]) == [10.0, 10.0]


def test_both_arms_of_a_round_use_one_statistic() -> None:
    """Where one window holds few inferences both costs are means, else the ratio would be biased."""
    few, many = WindowSample(2, 40, [10, 30]), WindowSample(9, 1080, [10] * 8 + [1000])

    assert costs_ns([few, many]) == [20.0, 120.0]


def test_overlapping_requests_cost_their_share_of_the_time() -> None:
    """With several requests in flight the latency of one is not its cost."""
    busy = WindowSample(20, 1000, [200] * 20, alone=False)

    assert costs_ns([busy, busy]) == [50.0, 50.0]
