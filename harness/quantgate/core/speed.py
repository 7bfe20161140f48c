"""Speed verdicts and figures, read from a stored Timing: nothing here measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS, threshold_on
from quantgate.core.looks import PLAN, TestPlan
from quantgate.core.ranks import hodges_lehmann, signed_rank_interval
from quantgate.core.sequential import SpeedDecision, replay
from quantgate.core.timing import Baseline
from quantgate.core.verdict import Limit, Outcome, Verdict, judge

if TYPE_CHECKING:
    from quantgate.core.timing import ArmName, Timing

#: Which baseline each limit of models.toml means.
BASELINES: Mapping[str, Baseline] = {
    key: cast("Baseline", kind.statistic)
    for key, kind in LIMITS.items()
    if kind.scope == "speed" and kind.statistic in get_args(Baseline)
}
#: Error of each side of the intervals that are shown but not judged.
SHOWN_ALPHA = 0.01
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class SpeedTarget:
    """A speedup limit as the measurement needs it: the baseline and the smallest ratio wanted."""

    against: Baseline
    limit: float


def decision(timing: Timing, target: SpeedTarget, plan: TestPlan = PLAN) -> SpeedDecision | None:
    """Judge the rounds of a timing against one limit; None where no round has both arms."""
    ratios, copies = timing.log_ratios(target.against)
    if len(ratios) == 0:
        return None
    return replay(ratios, copies, target.limit, control_miss=timing.control_miss, plan=plan)


def judge_speed(
    timing: Timing,
    declared: float | Mapping[str, float],
    limit: Limit,
    *,
    model: str,
    isa: str,
) -> Verdict:
    """Judge one speed limit, ``min_speedup`` or ``min_native_speedup``.

    Parameters
    ----------
    declared
        The manifest's value: a number, or a table by ISA class.
    limit
        Key and path of the limit; its threshold is replaced by the one that applies here.
    isa
        This machine's class, see :func:`quantgate.machine.isa_class`.

    Returns
    -------
    Verdict
        UNDECIDED, with the reason, where the timing has a problem, where this class of machine is
        not listed, or where the rounds do not decide. Never passed without a measurement.
    """
    against = BASELINES[limit.key]
    wanted = threshold_on(declared, isa)
    estimate = speedup(timing, against)
    if wanted is None and isinstance(declared, Mapping):
        shown = Limit(limit.key, None, limit.path)
        reason = _unlisted(limit.path, declared, isa, estimate)
        return Verdict(model, "speedup", shown, estimate, Outcome.UNDECIDED, reason)
    threshold = float(wanted or math.nan)
    applied = Limit(limit.key, threshold, limit.path)
    said = decision(timing, SpeedTarget(against, threshold))
    problem = timing.problem or timing.unfit
    if problem or said is None or said.outcome is None:
        reason = problem or f"no round of optimized and {against} was measured"
        return Verdict(model, "speedup", applied, estimate, Outcome.UNDECIDED, reason)
    return Verdict(model, "speedup", applied, said.estimate, said.outcome, said.reason)


def judge_latency(timing: Timing, limit: Limit, *, model: str) -> Verdict:
    """Judge ``max_latency_ratio``: the whole interval of the p90 ratio has to clear the limit.

    UNDECIDED, with the reason, where the timing has a problem or holds no latency of both arms.
    """
    ratio = latency_ratio(timing)
    problem = timing.problem or timing.unfit
    if ratio is None or problem:
        reason = problem or "no round with latencies of both roles was measured"
        return Verdict(model, "latency ratio", limit, ratio, Outcome.UNDECIDED, reason)
    return judge(ratio, limit, model=model, quantity="latency ratio", mode="interval")


def _unlisted(path: str, table: Mapping[str, float], isa: str, estimate: Estimate | None) -> str:
    listed = ", ".join(f"{name} {value:g}" for name, value in table.items())
    said = f"there is no limit for this machine's ISA class, {isa}: {path} lists {listed}"
    if estimate is None:
        return f"{said}, and nothing was measured; add `{isa} = …` to it"
    proposal = math.floor(estimate.low * 0.95 * 100) / 100
    return f"{said}; add `{isa} = {proposal:g}` to it to demand what was measured here less 5 %"


def speedup(timing: Timing, against: Baseline, subject: ArmName = "optimized") -> Estimate | None:
    """Speedup with its exact interval over all rounds, not judged; None where nothing was measured."""
    ratios, _ = timing.log_ratios(against, subject)
    if len(ratios) == 0:
        return None
    low, value, high = _interval(ratios)
    return Estimate(math.exp(value), math.exp(low), math.exp(high), len(ratios), of="rounds")


def throughput(timing: Timing, name: ArmName) -> Estimate | None:
    """Images a second of one arm, with the interval over its windows."""
    costs = timing.costs_ns(name)
    if len(costs) == 0:
        return None
    low, value, high = (math.exp(bound) for bound in _interval(-np.log(costs)))
    scale = NS_PER_S * timing.conditions.batch
    return Estimate(value * scale, low * scale, high * scale, len(costs), unit="1/s", of="rounds")


def latency_ns(timing: Timing, name: ArmName, percent: float) -> float | None:
    """Compute a percentile of one arm's latency samples, ns; None where there are none."""
    samples = timing.latencies_ns(name)
    return float(np.percentile(samples, percent)) if len(samples) else None


def latency_range_ns(
    timing: Timing, name: ArmName, percent: float, *, seed: int = 0, resamples: int = 1000
) -> tuple[float, float] | None:
    """Bootstrap interval (98 %) of a latency percentile, ns, whole rounds drawn; None without samples."""
    wanted = timing.resolved(name)
    turns = [window.latencies_ns for window in timing.windows if window.arm == wanted]
    sampled = [np.array(turn, dtype=np.float64) for turn in turns if turn]
    if not sampled:
        return None
    draws = np.random.default_rng(seed).integers(0, len(sampled), (resamples, len(sampled)))
    found = [np.percentile(np.concatenate([sampled[i] for i in draw]), percent) for draw in draws]
    low, high = np.percentile(found, [1, 99])
    value = float(np.percentile(np.concatenate(sampled), percent))
    return min(float(low), value), max(float(high), value)


def latency_ratio(
    timing: Timing,
    *,
    percent: float = 90.0,
    against: Baseline = "parent_f32",
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate | None:
    """Latency percentile of optimized / parent, with a bootstrap interval over rounds (98 %).

    Whole rounds are drawn, both arms together, so that noise which both share stays paired. None
    where a round with samples of both arms is missing.
    """
    base = timing.resolved(against)
    rounds: dict[int, dict[str, tuple[int, ...]]] = {}
    for window in timing.windows:
        rounds.setdefault(window.round, {})[window.arm] = window.latencies_ns
    both = [turn for _, turn in sorted(rounds.items()) if turn.get(base) and turn.get("optimized")]
    if not both:
        return None
    draws = np.random.default_rng(seed).integers(0, len(both), (resamples, len(both)))
    parent = [np.array(turn[base], dtype=np.float64) for turn in both]
    optimized = [np.array(turn["optimized"], dtype=np.float64) for turn in both]

    def ratio(chosen: list[int]) -> float:
        top = np.percentile(np.concatenate([optimized[i] for i in chosen]), percent)
        return float(top / np.percentile(np.concatenate([parent[i] for i in chosen]), percent))

    value = ratio(list(range(len(both))))
    low, high = np.percentile([ratio(list(draw)) for draw in draws], [1, 99])
    return Estimate(value, min(float(low), value), max(float(high), value), len(both), of="rounds")


def _interval(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Exact interval, or the range where so few values have none."""
    exact = signed_rank_interval(values, SHOWN_ALPHA)
    return exact or (float(values.min()), hodges_lehmann(values), float(values.max()))
