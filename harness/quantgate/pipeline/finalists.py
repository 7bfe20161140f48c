"""The finalists of a search: quantized cleanly, timed in pairs, and judged once on the evaluation images."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS
from quantgate.core.remedy import Point, Remedy, doubt, front, need, worth
from quantgate.core.speed import BASELINES, speedup
from quantgate.core.verdict import Outcome, judge
from quantgate.declared import declared_limits, limit_for
from quantgate.errors import HarnessError
from quantgate.pair import Pair
from quantgate.pipeline.feeding import bench_of

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.core.timing import Timing
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import Recipe
    from quantgate.pipeline.searching import Searching
    from quantgate.progress import Progress
    from quantgate.remedy.course import Finalist, Found

_TIMED = "timing.json"
_AGREEMENTS = ("min_agreement", "min_match_rate")


@dataclass(frozen=True, slots=True)
class _Made:
    """A finalist's model, quantized on all calibration images, and its speed: nothing of the images that judge."""

    title: str
    recipe: Recipe
    artifact: Artifact
    timing: Timing
    lacks: float | None
    share: Estimate | None
    chance: float = 1.0

    def resources(self, parent: Artifact) -> dict[str, Estimate]:
        """What limits judge of the model alone, speed included."""
        found = {key: speedup(self.timing, of) for key, of in BASELINES.items()}
        found["max_size_ratio"] = Estimate.exact(
            self.artifact.size_bytes / parent.size_bytes, 1, of="models"
        )
        found["min_int8_share"] = self.share
        return {key: estimate for key, estimate in found.items() if estimate is not None}


def measured(task: Searching, found: Found, *, left_s: float, progress: Progress) -> Remedy:
    """Measure the finalists; the winner is chosen before an evaluation image is opened.

    Parameters
    ----------
    left_s
        Time that is left; the first finalist and the declared recipe are measured in any case.
    """
    notes = [*found.notes, *_one_draw(task)]
    made: list[_Made] = []
    progress.start("finalists", 2 * len(found.finalists) + 2)
    clock = _Clock(left_s)
    for finalist in found.finalists:
        if made and clock.over():
            notes.append(
                f"time was over after {len(made)} of {len(found.finalists)} finalists: --minutes sets it"
            )
            break
        try:
            made.append(_made(task, finalist))
        except HarnessError as error:
            notes.append(f"{finalist.title} could not be measured: {error}")
        progress.advance()
    winner = _chosen(task, made)
    declared = _declared(task, made)
    progress.advance()
    points = [*_points(task, made, winner, progress), *_others(task, declared, made)]
    points = [replace(one, optimal=best) for one, best in zip(points, front(points), strict=True)]
    progress.close()
    calibrating, choosing = task.split()
    return Remedy(
        model=task.entry.id,
        of=_of(task),
        calibrated_on=len(calibrating),
        chosen_on=len(choosing),
        judged_on=len(task.data.evaluation),
        points=tuple(points),
        tried=found.tried,
        limits=_thresholds(task),
        notes=tuple(notes),
        machine=_measured_where(),
    )


def _one_draw(task: Searching) -> list[str]:
    """Say that a gate demands more of a recipe than was measured here."""
    repeats = task.recipe.repeats
    if repeats == 1:
        return []
    return [
        (
            f"calibrate.repeats has a gate judge the worst of {repeats} draws; the search measured the first one"
        )
    ]


class _Clock:
    def __init__(self, left_s: float) -> None:
        import time

        self._now, self._end = time.monotonic, time.monotonic() + left_s

    def over(self) -> bool:
        return self._now() > self._end


def _made(task: Searching, finalist: Finalist) -> _Made:
    found = _measured(task, finalist.title, finalist.recipe, finalist.need)
    return replace(found, chance=finalist.chance)


def _measured(task: Searching, title: str, recipe: Recipe, lacks: float | None) -> _Made:
    artifact = task.whole(recipe)
    return _Made(title, recipe, artifact, _timed(task, artifact), lacks, _share(task, artifact))


def _share(task: Searching, artifact: Artifact) -> Estimate | None:
    """Share of the multiply-accumulates that executes in INT8; None where a model has none."""
    from quantgate.engine.profile import int8_share, profile

    found = profile(artifact.path, task.entry.benchmark.device, task.input())
    return int8_share(found) if found.total_macs else None


def _declared(task: Searching, made: list[_Made]) -> _Made | None:
    """The recipe as it stands, unless it is a finalist."""
    plain = replace(task.recipe, method="default", max_drop=None)
    if any(one.recipe == plain for one in made):
        return None
    return _measured(task, "as declared", plain, None)


def _timed(task: Searching, artifact: Artifact) -> Timing:
    """Time a pair, or find what was measured today: a search that was killed goes on."""
    from quantgate.core.timing import timing_from_dict
    from quantgate.engine.timing import targets_of, time_pair
    from quantgate.machine import fingerprint, isa_class

    pair = Pair(task.parent, artifact)
    entry = task.entry

    def build(folder: Path) -> None:
        timing = time_pair(
            pair.map(lambda one: one.path),
            task.input(),
            entry.benchmark,
            targets=targets_of(entry.limits, isa_class()),
        )
        (folder / _TIMED).write_text(json.dumps(timing.to_dict()), encoding="utf-8")

    key = {
        "pair": [task.parent.digest, artifact.digest],
        "benchmark": asdict(entry.benchmark),
        "limits": {name: getattr(entry.limits, name) for name in BASELINES},
        "machine": fingerprint().digest,
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
    }
    folder = task.store.get_or_build("timed", key, build)
    return timing_from_dict(json.loads((folder / _TIMED).read_text("utf-8")))


def _chosen(task: Searching, made: list[_Made]) -> _Made | None:
    """Of what lacks nothing the best by its speed and chance; of those as fast within their intervals the likeliest.

    Where these are as likely too, what comes first changes less.
    """
    if not made:
        return None
    best = min(made, key=lambda one: _choice(task, one))
    lacks, fastest = _choice(task, best)[0], speedup(best.timing, "parent_f32")
    for one in made:
        fast = speedup(one.timing, "parent_f32")
        if (
            fast
            and fastest
            and fast.high >= fastest.low
            and doubt(one.chance) <= doubt(best.chance)
            and _choice(task, one)[0] <= lacks
        ):
            return one
    return best


def _choice(task: Searching, one: _Made) -> tuple[float, float]:
    """Sort key of finalists: what their worst limit lacks, of answers chosen on and of resources measured."""
    from quantgate.machine import isa_class

    lacks = [one.lacks or 0.0]
    for key, found in one.resources(task.parent).items():
        limit = limit_for(task.entry, key, isa_class())
        if limit is not None and limit.threshold is not None:
            lacks.append(need(found.value, limit.threshold, smallest=limit.relation == "min"))
    fast = speedup(one.timing, "parent_f32")
    return max(1.0, *lacks), -(0.0 if fast is None else worth(fast.value, one.chance))


def _points(
    task: Searching, made: list[_Made], winner: _Made | None, progress: Progress
) -> list[Point]:
    found = []
    for one in made:
        found.append(_point(task, one, "winner" if one is winner else "finalist"))
        progress.advance()
    return sorted(found, key=lambda point: point.role != "winner")


def _point(task: Searching, one: _Made, role: Any) -> Point:
    """Judge a model by every declared limit on the evaluation images, in the store where a gate looks."""
    from quantgate.engine.evaluate import compare
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


def _of(task: Searching) -> str:
    judging = bench_of(task.entry, task.data.evaluation).task
    metric = task.entry.evaluate.metric or judging.DEFAULT_METRIC
    annotated = all(sample.truth is not None for sample in task.data.evaluation.samples)
    if metric and annotated and "max_accuracy_drop" in judging.LIMITS:
        return f"drop of {judging.METRICS[metric].title}"
    key = next((key for key in _AGREEMENTS if key in judging.LIMITS), None)
    return "tensor distance" if key is None else f"1 − {LIMITS[key].name}"


def _others(task: Searching, declared: _Made | None, made: list[_Made]) -> list[Point]:
    """The recipe as declared, the parent in f32, and the parent as the device runs it by default."""
    found = [] if declared is None else [_point(task, declared, "declared")]
    timings = [one.timing for one in (*made, *([declared] if declared else []))]
    if not timings:
        return found
    one = Estimate.exact(1.0, 1, of="models")
    none = Estimate.exact(0.0, len(task.data.evaluation))
    native = _native(task, timings[0])
    return [*found, Point("the parent in f32", "parent", none, {"parent_f32": one}, 1.0), *native]


def _native(task: Searching, timing: Timing) -> list[Point]:
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


def _thresholds(task: Searching) -> dict[str, float]:
    from quantgate.machine import isa_class

    found = {key: limit_for(task.entry, key, isa_class()) for key in declared_limits(task.entry)}
    return {
        key: limit.threshold
        for key, limit in found.items()
        if limit is not None and limit.threshold is not None and math.isfinite(limit.threshold)
    }


def _measured_where() -> str:
    from quantgate.machine import fingerprint, isa_class

    facts = fingerprint()
    versions = ", ".join(f"{name} {facts.versions[name]}" for name in ("openvino", "nncf"))
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return f"{today} on {facts.machine['cpu']} ({isa_class()}), {versions}"
