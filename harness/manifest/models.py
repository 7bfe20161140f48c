"""Checks of one ``[models.NAME]`` against itself and against the datasets."""

from __future__ import annotations

import keyword
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from harness.decoders.catalog import DECODER_TASKS
from harness.entries import TaskName
from harness.errors import HarnessError
from harness.manifest import hints
from harness.manifest.datasets import has_truth, missing, paths_of
from harness.manifest.known import omz_settings, zoo
from harness.manifest.problems import Problem, found, meant, names, unknown_dataset, unknown_name
from harness.sources.darknet.cfg_heads import heads_of
from harness.sources.specs import DarknetSource, OmzSource
from harness.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.entries import DatasetEntry, EvaluationPlan, Preprocess, Recipe
    from harness.manifest.draft import Draft
    from harness.manifest.problems import Place

#: Tasks that a kind of dataset has the truth for; without annotations it serves them all.
TRUTHS: Mapping[str, tuple[str, ...]] = {
    "coco": ("detection", "instance_segmentation", "generic"),
    "voc": ("detection", "generic"),
    "imagenet": ("classification", "generic"),
    "yolo-txt": ("detection", "generic"),
    "wider": ("detection", "generic"),
    "open-images": ("detection", "generic"),
    "masks": ("semantic_segmentation", "generic"),
    "pairs": ("image_to_image", "generic"),
    "folder": tuple(TASKS),
    'digits with subject = "scenes"': ("detection", "instance_segmentation", "generic"),
    'digits with subject = "single"': ("classification", "generic"),
    'digits with subject = "class-maps"': ("semantic_segmentation", "generic"),
    'digits with subject = "clean"': ("image_to_image", "generic"),
}
#: Marks with a meaning of their own: pytest's, and those of the plugins that come with quantgate.
RESERVED_MARKS = frozenset(
    {
        *("filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast"),
        *("usefixtures", "xfail", "benchmark", "xdist_group", "limit", "speed"),
    }
)
_MARK = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_CHANNELS = {"bgr": 3, "rgb": 3, "gray": 1}


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of one model.

    Parameters
    ----------
    values
        Validated values by key; a value is absent, and its table in ``broken``, where it was wrong.
    datasets
        Every declared dataset; ``None`` where it could not be read.
    """

    draft: Draft
    values: Mapping[str, Any]
    datasets: Mapping[str, DatasetEntry | None] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()

    def problem(self, *parts: str, say: str) -> Problem:
        """Make a problem at the place where a key was written."""
        return Problem(self.draft.where(*parts), say)

    def dataset(self, key: str) -> DatasetEntry | None:
        """Dataset that ``calibrate`` or ``evaluate`` names, if it could be read."""
        plan: Recipe | EvaluationPlan | None = self.values.get(key)
        return None if plan is None else self.datasets.get(plan.dataset)


def check_model(reading: Reading) -> Iterator[Problem]:
    """Run every check of a model but those of its limits."""
    for check in _CHECKS:
        yield from check(reading)


def _references(reading: Reading) -> Iterator[Problem]:
    for key in ("calibrate", "evaluate"):
        plan: Recipe | EvaluationPlan | None = reading.values.get(key)
        if plan is not None and plan.dataset not in reading.datasets:
            say = unknown_dataset(plan.dataset, reading.datasets)
            yield reading.problem(key, "dataset", say=say)


def _source(reading: Reading) -> Iterator[Problem]:
    source = reading.values.get("source")
    name = getattr(source, "zoo", None)
    if name is not None and name not in zoo():
        yield reading.problem("source", "zoo", say=unknown_name("built-in model", name, zoo()))
    if isinstance(source, OmzSource):
        yield from _omz(reading, source)
    if isinstance(source, DarknetSource) and os.path.isfile(source.cfg):  # noqa: PTH113 - as in `missing`
        try:
            heads_of(source.cfg)
        except HarnessError as error:
            yield reading.problem("source", "cfg", say=str(error))


def _omz(reading: Reading, source: OmzSource) -> Iterator[Problem]:
    """Refuse what Open Model Zoo does not have, and what cannot be a parent."""
    try:
        known = omz_settings(source.omz)
    except HarnessError as error:
        yield reading.problem("source", "omz", say=str(error))
        return
    if known.support == "none":
        yield reading.problem("source", "omz", say=f"cannot be judged here: {known.missing}")
    elif known.support == "tensors" and "task" not in reading.values:
        say = f'{known.missing}; or set task = "generic", which compares raw outputs'
        yield reading.problem("source", "omz", say=say)


def _optimized(reading: Reading) -> Iterator[Problem]:
    """Demand one way to the optimized model: made here, or given."""
    if reading.broken & {"calibrate", "optimized"}:
        return
    made, given = reading.values.get("calibrate"), reading.values.get("optimized")
    if made is None and given is None:
        say = "missing, expected a string or a table (or `optimized`, a model quantized elsewhere)"
        yield reading.problem("calibrate", say=say)
    if made is not None and given is not None:
        say = "expected either `calibrate` or `optimized`, found both: the model is made here or given"
        yield reading.problem("optimized", say=say)


def _files(reading: Reading) -> Iterator[Problem]:
    for table in ("source", "optimized", "decoder"):
        value = reading.values.get(table)
        if isinstance(value, DarknetSource):
            continue  # like other networks that have to be fetched, it is skipped where it is not here
        for key, path in paths_of(value).items():
            if not os.path.exists(path):  # noqa: PTH110 - as in `missing`
                kind: type = type(value)
                hint = hints.fields(kind)[key]
                yield _no_file(reading.draft.where(table, key), path, hints.choices(hint))


def _no_file(place: Place, path: Path, words: tuple[str, ...]) -> Problem:
    """Say that a file is not there, and suggest the nearest of the words that may stand for one."""
    expected = f"one of {names(words)}, or a file" if words else "a file or folder"
    problem = missing(place, path, expected)
    return Problem(problem.place, problem.sentence + meant(path.name, words))


def _decoder(reading: Reading) -> Iterator[Problem]:
    decoder, task = reading.values.get("decoder"), reading.values.get("task")
    if decoder is None or task is None or task in DECODER_TASKS[decoder.kind]:
        return
    fitting = [kind for kind, tasks in DECODER_TASKS.items() if task in tasks]
    say = f"expected a decoder for {task} ({names(fitting)}), found {decoder.kind}"
    yield reading.problem("decoder", "kind", say=say)


def _truth(reading: Reading) -> Iterator[Problem]:
    data, task = reading.dataset("evaluate"), reading.values.get("task")
    if data is None or task is None or not data.annotated:
        return
    kind = f'digits with subject = "{data.subject}"' if data.kind == "digits" else data.kind
    if task not in TRUTHS[kind]:
        fit = [one for one in get_args(TaskName) if one in TRUTHS[kind]]
        say = (
            f"expected a dataset for {task}, found {kind}, which is for {names(fit)}; with annotated = "
            "false its images serve every task"
        )
        yield reading.problem("evaluate", "dataset", say=say)


def _plan(reading: Reading) -> Iterator[Problem]:
    plan: EvaluationPlan | None = reading.values.get("evaluate")
    task = reading.values.get("task")
    if plan is None or task is None or plan.metric in {None, *TASKS[task].METRICS}:
        return
    say = f"expected a metric of {task} ({names(TASKS[task].METRICS)}), found {plan.metric}"
    yield reading.problem("evaluate", "metric", say=say)


def _recipe(reading: Reading) -> Iterator[Problem]:
    recipe: Recipe | None = reading.values.get("calibrate")
    if recipe is None or "calibrate" in reading.broken:
        return
    if recipe.method != "accuracy-aware":
        if recipe.max_drop is not None:
            say = 'expected only with method = "accuracy-aware"'
            yield reading.problem("calibrate", "max_drop", say=say)
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


def _overlap(reading: Reading) -> Iterator[Problem]:
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


def _preprocess(reading: Reading) -> Iterator[Problem]:
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
    channels = _CHANNELS[steps.colour]
    for key in ("mean", "scale"):
        given: float | tuple[float, ...] = getattr(steps, key)
        if isinstance(given, tuple) and len(given) not in {1, channels}:
            several = "1 number" if channels == 1 else f"1 or {channels} numbers"
            say = f"expected {several} for colour {steps.colour}, found {len(given)}"
            yield reading.problem("preprocess", key, say=say)


def _tags(reading: Reading) -> Iterator[Problem]:
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


_CHECKS: tuple[Callable[[Reading], Iterator[Problem]], ...] = (
    _references,
    _source,
    _optimized,
    _decoder,
    _files,
    _truth,
    _plan,
    _recipe,
    _overlap,
    _preprocess,
    _tags,
)
