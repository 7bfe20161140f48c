"""Checks of one ``[models.NAME]`` against itself and against the datasets."""

from __future__ import annotations

import keyword
import re
from dataclasses import fields
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.datasets.catalog import DATASETS
from quantgate.decoders.catalog import kinds_for
from quantgate.entries import DeviceLimits, SmoothQuantAlphas
from quantgate.entries.lane import misnamed
from quantgate.manifest.datasets import has_truth
from quantgate.manifest.origins import check_files, check_optimized, check_source
from quantgate.manifest.problems import ManifestProblem, found, names, unknown_dataset
from quantgate.tasks.catalog import TASKS, needs_others

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from quantgate.entries import DatasetEntry, EvaluationPlan, Limits, Preprocess, Recipe
    from quantgate.manifest.reading import Reading

#: Marks with a meaning of their own: pytest's, and those of the plugins that come with quantgate.
RESERVED_MARKS = frozenset(
    {
        *("filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast"),
        *("usefixtures", "xfail", "benchmark", "xdist_group", "limit", "models", "speed"),
    }
)
_MARK = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def check_model(reading: Reading) -> Iterator[ManifestProblem]:
    """Run every check of a model but those of its limits."""
    for check in _CHECKS:
        yield from check(reading)


def _references(reading: Reading) -> Iterator[ManifestProblem]:
    for key in ("calibrate", "evaluate"):
        plan: Recipe | EvaluationPlan | None = reading.values.get(key)
        if plan is not None and plan.dataset not in reading.datasets:
            say = unknown_dataset(plan.dataset, reading.datasets)
            yield reading.problem(key, "dataset", say=say)


def _decoder(reading: Reading) -> Iterator[ManifestProblem]:
    decoder, task = reading.values.get("decoder"), reading.values.get("task")
    if decoder is None or task is None or task in decoder.tasks:
        return
    say = f"expected a decoder for {task} ({names(kinds_for(task))}), found {decoder.kind}"
    yield reading.problem("decoder", "kind", say=say)


def _truth(reading: Reading) -> Iterator[ManifestProblem]:
    data, task = reading.dataset("evaluate"), reading.values.get("task")
    if data is None or task is None or not data.annotated:
        return
    kind = DATASETS[data.kind]
    if not kind.truths:
        return
    condition = kind.condition_of(data)
    told = kind.truths[condition]
    # The class of a region is that of its object, and an object has no mask there.
    fit = told if data.region is None else ("class", *(t for t in told if t != "masks"))
    if not _is_for(task, fit):
        held = f"{data.kind} with {condition}" if condition else data.kind
        say = (
            f"expected a dataset for {task}, found {held}, which is for {names(tasks_of(fit))}; with annotated = "
            "false its images serve every task"
        )
        yield reading.problem("evaluate", "dataset", say=say)


def tasks_of(truths: Sequence[str]) -> tuple[str, ...]:
    """Name the tasks that these annotations are for; a task without a truth takes any."""
    return tuple(task for task in TASKS if _is_for(task, truths))


def _is_for(task: str, truths: Sequence[str]) -> bool:
    return TASKS[task].TRUTH in {None, *truths}


def _plan(reading: Reading) -> Iterator[ManifestProblem]:
    plan: EvaluationPlan | None = reading.values.get("evaluate")
    task = reading.values.get("task")
    if plan is None or task is None or plan.metric is None:
        return
    judged = [key for key, kind in TASKS[task].METRICS.items() if kind.judged]
    if plan.metric in judged:
        return
    say = f"expected a metric of {task} ({names(judged)}), found {plan.metric}"
    yield reading.problem("evaluate", "metric", say=say)


def _devices(reading: Reading) -> Iterator[ManifestProblem]:
    plan: EvaluationPlan | None = reading.values.get("evaluate")
    task = reading.values.get("task")
    yield from _named(reading, "benchmark", reading.timed_on())
    if plan is None or not plan.device:
        return
    yield from _named(reading, "evaluate", plan.device)
    asked = {kind.asks for kind in LIMITS.values() if kind.between_devices}
    if task is not None and asked.isdisjoint(TASKS[task].LIMITS):
        say = f"answers of {task} are not compared between devices: leave it out"
        yield reading.problem("evaluate", "device", say=say)


def _named(reading: Reading, key: str, devices: Sequence[str]) -> Iterator[ManifestProblem]:
    for name in devices:
        if say := misnamed(name):
            yield reading.problem(key, "device", say=say)
    if len({*devices}) < len(devices):
        say = f"expected each device once, found {', '.join(devices)}"
        yield reading.problem(key, "device", say=say)


def _timed(reading: Reading) -> Iterator[ManifestProblem]:
    """Check that further devices of ``benchmark`` have something to judge, and limits of devices a device.

    What ``[defaults]`` say is for the models that it fits.
    """
    devices = reading.timed_on()
    limits: Limits | None = reading.values.get("limits")
    if not devices or limits is None or "benchmark" in reading.broken:
        return
    first, *further = devices
    if "@" in first:
        say = (
            f'expected the device of both roles first, such as "CPU", and {found(first)} behind it'
        )
        yield reading.problem("benchmark", "device", say=say)
    for name in limits.devices if reading.draft.is_own("limits", "devices") else ():
        if name not in further:
            listed = ", ".join(further) or "names none"
            say = f"expected a further device of benchmark.device ({listed}), found {found(name)}"
            yield reading.problem("limits", "devices", name, say=say)
    for name in further if reading.draft.is_own("benchmark", "device") else ():
        own = limits.devices.get(name)
        keys = [one.name for one in fields(DeviceLimits)]
        if not any(getattr(of, key, None) is not None for of in (limits, own) for key in keys):
            say = f"nothing to judge on {name}: set a limit of speed or execution ({names(keys)})"
            yield reading.problem("benchmark", "device", say=say)


def _recipe(reading: Reading) -> Iterator[ManifestProblem]:
    recipe: Recipe | None = reading.values.get("calibrate")
    if recipe is None or "calibrate" in reading.broken:
        return
    if recipe.advanced.smooth_quant_alphas != SmoothQuantAlphas() and recipe.model_type is None:
        say = 'acts only on what has model_type = "transformer": set it, or leave the alphas out'
        yield reading.problem("calibrate", "advanced", "smooth_quant_alphas", say=say)
    if len({*recipe.augment}) < len(recipe.augment):
        say = f"expected each kind once, found {', '.join(recipe.augment)}"
        yield reading.problem("calibrate", "augment", say=say)
    if recipe.method != "accuracy-aware":
        if recipe.max_drop is not None:
            say = 'expected only with method = "accuracy-aware"'
            yield reading.problem("calibrate", "max_drop", say=say)
        return
    task = reading.values.get("task")
    if isinstance(task, str) and needs_others(task):
        say = (
            f"accuracy-aware ranks layers image by image, and one image of {task} alone has no metric: leave it out, "
            f"and let `quantgate remedy` search"
        )
        yield reading.problem("calibrate", "method", say=say)
        return
    limits = reading.values.get("limits")
    if recipe.max_drop is None and limits is not None and limits.max_accuracy_drop is None:
        say = 'missing, expected with method = "accuracy-aware" (or limits.max_accuracy_drop)'
        yield reading.problem("calibrate", "max_drop", say=say)
    data = reading.dataset("calibrate")
    if data is not None and not has_truth(data):
        found_here = 'kind = "folder"' if data.kind == "folder" else "annotated = false"
        say = f'expected annotated images with method = "accuracy-aware", found {found_here}'
        yield reading.problem("calibrate", "dataset", say=say)


def _overlap(reading: Reading) -> Iterator[ManifestProblem]:
    plan: EvaluationPlan | None = reading.values.get("evaluate")
    calibration, evaluation = reading.dataset("calibrate"), reading.dataset("evaluate")
    if plan is None or calibration is None or evaluation is None or "evaluate" in reading.broken:
        return
    if plan.hold_out or plan.allow_overlap:
        return
    same = plan.subset is None and calibration == evaluation
    if same or _renders_the_same(calibration, evaluation):
        say = (
            f"expected images that evaluate does not judge, found those of evaluate.dataset "
            f"{found(plan.dataset)}: use another dataset or split, or set evaluate.hold_out = true"
        )
        yield reading.problem("calibrate", "dataset", say=say)


def _renders_the_same(one: DatasetEntry, other: DatasetEntry) -> bool:
    """Whether two built-in datasets hold the same scenes, whatever their number or size."""
    if {one.kind, other.kind} != {"digits"}:
        return False
    return _scenes(one) == _scenes(other)


def _scenes(entry: DatasetEntry) -> tuple[str, int, bool]:
    # Only single digits are other images: the other subjects differ in what is annotated.
    return entry.split or "evaluate", entry.seed, entry.subject == "single"


def _preprocess(reading: Reading) -> Iterator[ManifestProblem]:
    steps: Preprocess | None = reading.values.get("preprocess")
    if steps is None or "preprocess" in reading.broken:
        return
    if steps.short_side is not None and steps.resize != "crop":
        say = f'expected only with resize = "crop", found resize = "{steps.resize}"'
        yield reading.problem("preprocess", "short_side", say=say)
    elif steps.short_side is not None and steps.size and steps.short_side < min(steps.size):
        say = f"expected at least {min(steps.size)}, to cut {list(steps.size)} from, found {steps.short_side}"
        yield reading.problem("preprocess", "short_side", say=say)
    scales = steps.scale if isinstance(steps.scale, tuple) else (steps.scale,)
    if 0 in scales:
        say = "expected numbers other than 0, because the image is divided by them, found 0"
        yield reading.problem("preprocess", "scale", say=say)
    channels = steps.channels
    for key in ("mean", "scale"):
        given: float | tuple[float, ...] = getattr(steps, key)
        if isinstance(given, tuple) and len(given) not in {1, channels}:
            several = "1 number" if channels == 1 else f"1 or {channels} numbers"
            say = f"expected {several} for colour {steps.colour}, found {len(given)}"
            yield reading.problem("preprocess", key, say=say)


def _tags(reading: Reading) -> Iterator[ManifestProblem]:
    for tag in reading.values.get("tags") or ():
        if not _MARK.fullmatch(tag) or keyword.iskeyword(tag):
            say = (
                "expected names of pytest marks (letters, digits, _ and -, a letter first, no word "
                f"of Python), found {found(tag)}"
            )
            yield reading.problem("tags", say=say)
        elif tag in RESERVED_MARKS:
            say = f"expected marks without a meaning of their own in pytest, found {found(tag)}"
            yield reading.problem("tags", say=say)


_CHECKS: tuple[Callable[[Reading], Iterator[ManifestProblem]], ...] = (
    _references,
    check_source,
    check_optimized,
    _decoder,
    check_files,
    _truth,
    _plan,
    _devices,
    _timed,
    _recipe,
    _overlap,
    _preprocess,
    _tags,
)
