"""Checks of ``limits``, ``expected_failure`` and ``published``: whether each can be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from quantgate.core.limits import LIMITS
from quantgate.declared import task_limits
from quantgate.manifest.datasets import has_truth
from quantgate.manifest.problems import ManifestProblem, meant, names, unknown_name
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from quantgate.entries import ExpectedFailure, Limits
    from quantgate.manifest.reading import Reading


def declared(limits: Limits) -> dict[str, float | Mapping[str, float]]:
    """Map the limits that are set to their thresholds."""
    return {key: value for key in LIMITS if (value := getattr(limits, key)) is not None}


def without_shared(reading: Reading) -> Limits:
    """Drop limits of ``[defaults]`` that this model's task or data cannot judge."""
    limits: Limits = reading.values["limits"]
    dropped = [
        key
        for key in declared(limits)
        if not reading.draft.is_own("limits", key) and not _judgeable(reading, key)
    ]
    nothing: dict[str, Any] = dict.fromkeys(dropped)
    return dataclasses.replace(limits, **nothing)


def check_limits(reading: Reading) -> Iterator[ManifestProblem]:
    """Check every declared limit; those that ``without_shared`` drops must be dropped before."""
    limits: Limits = reading.values["limits"]
    task = reading.values.get("task")
    for key, threshold in declared(limits).items():
        if task is not None and key not in task_limits(task):
            say = f"cannot be judged by {task}, which judges {names(task_limits(task))}"
            yield reading.problem("limits", key, say=say)
        elif not _judgeable(reading, key):
            say = f"needs {_needed(reading, key)}"
            yield reading.problem("limits", key, say=say)
        yield from _breachable(reading, key, threshold, "limits", key)
    for name, own in limits.devices.items():
        for field in dataclasses.fields(own):
            limit = getattr(own, field.name)
            if limit is not None:
                place = ("limits", "devices", name, field.name)
                yield from _breachable(reading, field.name, limit, *place)


def _breachable(
    reading: Reading, key: str, threshold: float | Mapping[str, float], *place: str
) -> Iterator[ManifestProblem]:
    """Check that a limit, in a table of each class, can be missed at all."""
    kind, unit = LIMITS[key], _unit(reading)
    for isa, one in threshold.items() if isinstance(threshold, Mapping) else [("", threshold)]:
        if kind.is_vacuous(one, unit):
            side = "below" if kind.worse_side > 0 else "above"
            say = f"expected a number {side} {kind.end(unit):g}, found {one:g}: nothing could breach it"
            yield reading.problem(*place, *filter(None, [isa]), say=say)


def check_expected(reading: Reading) -> Iterator[ManifestProblem]:
    """Check that known misses are of declared limits, and have a floor beyond the limit."""
    limits: Limits = reading.values["limits"]
    expected: Mapping[str, ExpectedFailure] = reading.values.get("expected_failure") or {}
    known = declared(limits)
    for key, failure in expected.items():
        if key in reading.broken:
            continue
        if key not in known:
            listed = f"expected one of the declared limits ({names(known)})" if known else ""
            say = (
                f"no such limit of this model, {listed or 'which declares none'}{meant(key, known)}"
            )
            yield reading.problem("expected_failure", key, say=say)
        elif not _beyond(key, failure.floor, known[key]):
            side = "above" if key.startswith("max_") else "below"
            say = (
                f"expected a number {side} the limit {_shown(known[key])}, because a miss lies "
                f"there, found {failure.floor:g}"
            )
            yield reading.problem("expected_failure", key, "floor", say=say)


def check_published(reading: Reading) -> Iterator[ManifestProblem]:
    """Check that published figures are of metrics that the task measures."""
    task = reading.values.get("task")
    if task is None or "published" in reading.broken:
        return
    metrics = TASKS[task].METRICS
    for metric in reading.values.get("published") or ():
        if metric not in metrics:
            say = unknown_name(f"metric of {task}", metric, metrics)
            yield reading.problem("published", metric, say=say)


def _judgeable(reading: Reading, key: str) -> bool:
    task, data = reading.values.get("task"), reading.dataset("evaluate")
    if task is not None and key not in task_limits(task):
        return False
    if LIMITS[key].needs_truth and data is not None and not has_truth(data):
        return False
    missing = (_without_segments, _without_baseline, _without_devices)
    return not any(lacks(reading, key) for lacks in missing)


def _without_devices(reading: Reading, key: str) -> bool:
    plan = reading.values.get("evaluate")
    return LIMITS[key].between_devices and plan is not None and not plan.device


def _without_baseline(reading: Reading, key: str) -> bool:
    return LIMITS[key].to_baseline and reading.values.get("baseline") is None


def _without_segments(reading: Reading, key: str) -> bool:
    """Whether a limit on the worst segment has none: only objects have sizes."""
    task, data = reading.values.get("task"), reading.dataset("evaluate")
    if LIMITS[key].of_worst != "segment" or task is None or data is None:
        return False
    plan = reading.values.get("evaluate")
    sized = TASKS[task].TRUTH in {"objects", "masks", "points"}
    metric = plan.metric if plan is not None else None
    by_size = sized and metric in {None, "ap", "ap50", "ap75"}
    return data.segments is None and not by_size


def _needed(reading: Reading, key: str) -> str:
    if _without_devices(reading, key):
        return f"devices to compare: set models.{reading.draft.id}.evaluate.device"
    if _without_baseline(reading, key):
        return f"a model to compare with: set models.{reading.draft.id}.baseline"
    if _without_segments(reading, key) and not _unread(reading):
        return "segments: a csv of groups of images in evaluate.dataset's `segments`"
    return f"annotated images, but evaluate.dataset {_unannotated(reading)}"


def _unread(reading: Reading) -> bool:
    data = reading.dataset("evaluate")
    return data is not None and not has_truth(data)


def _unannotated(reading: Reading) -> str:
    data = reading.dataset("evaluate")
    unread = data is None or data.kind == "folder"
    return 'is of kind = "folder"' if unread else "says annotated = false"


def _unit(reading: Reading) -> str:
    """Unit of a drop of the metric that the entry asks for."""
    plan, task = reading.values.get("evaluate"), reading.values.get("task")
    if plan is None or task is None:
        return ""
    metric = TASKS[task].METRICS.get(plan.metric or TASKS[task].DEFAULT_METRIC)
    return metric.unit if metric else ""


def _beyond(key: str, floor: float, limit: float | Mapping[str, float]) -> bool:
    """Whether a miss as bad as the floor breaches the limit of at least one ISA class."""
    thresholds = limit.values() if isinstance(limit, Mapping) else (limit,)
    if key.startswith("max_"):
        return any(floor > threshold for threshold in thresholds)
    return any(floor < threshold for threshold in thresholds)


def _shown(limit: float | Mapping[str, float]) -> str:
    if isinstance(limit, Mapping):
        return ", ".join(f"{isa} {value:g}" for isa, value in limit.items())
    return f"{limit:g}"
