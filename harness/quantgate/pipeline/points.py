"""Points of an answer: models judged by every declared limit on the evaluation images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS
from quantgate.core.remedy import Point
from quantgate.core.speed import BASELINES, speedup
from quantgate.core.verdict import Outcome, judge
from quantgate.declared import declared_limits, limit_for
from quantgate.errors import HarnessError
from quantgate.pair import Pair
from quantgate.pipeline.feeding import bench_of

if TYPE_CHECKING:
    from quantgate.core.comparison import Comparison
    from quantgate.core.timing import Timing
    from quantgate.pipeline.made import Made
    from quantgate.pipeline.searching import Searching

_AGREEMENTS = ("min_agreement", "min_match_rate", "min_role_delta1")


def point_of(task: Searching, one: Made, role: Any) -> Point:
    """Judge a model by every declared limit on the evaluation images, in the store where a gate looks."""
    from quantgate.engine.comparing import compare
    from quantgate.engine.runtime import Target
    from quantgate.machine import isa_class
    from quantgate.remedy.recipes import lines

    entry = task.entry
    target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
    bench = bench_of(entry, task.data.evaluation)
    pair = Pair(task.parent, one.artifact)
    compared = compare(pair, bench, task.store, target=target, isa=isa_class())
    speeds = {
        against: estimate
        for against in ("parent_f32", "parent_default")
        if (estimate := speedup(one.timing, against)) is not None
    }
    size = one.artifact.size_bytes / task.parent.size_bytes
    judged = {**_answers(task, compared), **one.resources(task.parent)}
    judged = {key: judged[key] for key in declared_limits(entry) if key in judged}
    missed, undecided = _verdicts(task, judged)
    return Point(
        title=one.title,
        role=role,
        loss=_loss(task, compared),
        speedups=speeds,
        size=size,
        int8_share=None if one.share is None else one.share.value,
        judged=judged,
        missed=missed,
        undecided=undecided,
        lines=lines(entry.id, one.recipe, task.recipe),
        need=one.lacks,
    )


def _answers(task: Searching, compared: Comparison[Any]) -> dict[str, Estimate]:
    bench = bench_of(task.entry, task.data.evaluation)
    found = {}
    for key in task.limits():
        try:
            found[key] = bench.task.judge_quantity(key, compared, task.entry.evaluate)
        except HarnessError:
            continue
    return found


def _verdicts(
    task: Searching, judged: dict[str, Estimate]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys of the limits that are missed, and of those that are not decided, as a gate would judge."""
    from quantgate.machine import isa_class

    outcomes = {}
    for key, estimate in judged.items():
        limit = limit_for(task.entry, key, isa_class())
        if limit is None:
            continue
        demanded = task.entry.judge == "interval" and estimate.sampled
        mode: Any = "interval" if demanded or estimate.timed else "value"
        verdict = judge(estimate, limit, model=task.entry.id, quantity=key, mode=mode)
        outcomes[key] = verdict.outcome
    return tuple(key for key, told in outcomes.items() if told is Outcome.FAILED), tuple(
        key for key, told in outcomes.items() if told is Outcome.UNDECIDED
    )


def _loss(task: Searching, compared: Comparison[Any]) -> Estimate:
    """What is lost, with its interval: of the metric, of agreement, or of the raw outputs."""
    judging, plan = bench_of(task.entry, task.data.evaluation).task, task.entry.evaluate
    for key in ("max_accuracy_drop", *_AGREEMENTS, "max_tensor_distance"):
        if key not in judging.LIMITS:
            continue
        try:
            found = judging.judge_quantity(key, compared, plan)
        except HarnessError:
            continue
        if key in _AGREEMENTS:
            value, low, high = 1 - found.value, 1 - found.high, 1 - found.low
            return Estimate(value, low, high, found.n, of=found.of)
        return found
    raise HarnessError(
        f"models.{task.entry.id}: nothing that is lost can be measured on these images"
    )


def loss_name(task: Searching) -> str:
    """Say in words what the loss of a point is."""
    judging = bench_of(task.entry, task.data.evaluation).task
    metric = task.entry.evaluate.metric or judging.DEFAULT_METRIC
    annotated = all(sample.truth is not None for sample in task.data.evaluation.samples)
    if metric and annotated and "max_accuracy_drop" in judging.LIMITS:
        return f"drop of {judging.METRICS[metric].title}"
    key = next((key for key in _AGREEMENTS if key in judging.LIMITS), None)
    return "tensor distance" if key is None else f"1 − {LIMITS[key].name}"


def native_points(task: Searching, timing: Timing) -> list[Point]:
    """The parent in the precision that the device chooses, where that is not f32."""
    fast = speedup(timing, "parent_f32", "parent_default")
    if timing.native_is_f32 or "parent_default" not in timing.arm_names() or fast is None:
        return []
    from quantgate.engine.evaluate import compare_models
    from quantgate.engine.runtime import Target, compile_model

    def compiled(precision: Any) -> Any:
        return compile_model(task.parent, Target(task.entry.benchmark.device, precision))

    pair = Pair(compiled("f32"), compiled("default"))
    compared = compare_models(pair, bench_of(task.entry, task.data.evaluation))
    told = ", ".join(timing.facts("parent_default").executed) or "default"
    one = Estimate.exact(1.0, 1, of="models")
    answers = _answers(task, compared)
    speeds = {"parent_f32": fast, "parent_default": one}
    judged = {**answers, **{key: speeds[of] for key, of in BASELINES.items() if of in speeds}}
    judged = {key: judged[key] for key in declared_limits(task.entry) if key in judged}
    missed, undecided = _verdicts(task, judged)
    return [
        Point(
            f"the parent in {told}",
            "parent",
            _loss(task, compared),
            speeds,
            1.0,
            judged=judged,
            missed=missed,
            undecided=undecided,
        )
    ]
