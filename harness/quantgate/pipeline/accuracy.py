"""All that follows from a comparison: judged numbers, tables, metrics and the worst images drawn.

Bootstraps and drawings cost more than everything else of a repeated run, so they are kept in the
store under the key of the comparison they follow from.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.borders import reason_of
from quantgate.core.limit_kind import TO_BASELINE
from quantgate.core.limits import LIMITS
from quantgate.errors import HarnessError, ReportError
from quantgate.pair import ROLES
from quantgate.pipeline.baseline import BASELINE_ROLES, named_after_baseline, said_of_baseline
from quantgate.pipeline.feeding import bench_of
from quantgate.pipeline.pictures import changed_pictures
from quantgate.pipeline.suspicions import told_doubts
from quantgate.sourcecode import code_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.core.estimate import Estimate
    from quantgate.core.explained import Execution
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.comparison_file import Kept
    from quantgate.engine.evaluate import Bench
    from quantgate.engine.runtime import Target
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.report.model import Metric
    from quantgate.run import Run
    from quantgate.store import Store
    from quantgate.tasks.protocol import Task


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison with everything derived from it, and how truly the device executed it, where known.

    ``repeats`` are comparisons of the same recipe on other draws of calibration images; ``again``: it is one.
    """

    kept: Kept
    derived: Derived
    execution: Execution | None = None
    repeats: tuple[Kept, ...] = ()
    again: bool = False

    @property
    def comparison(self) -> Comparison[Any]:
        """Both roles over the same images, read where something of them is asked for."""
        return self.kept.comparison

    def each_repeat(self) -> Iterator[Compared]:
        """Give each repeat in the place of the first: its pictures and tables stay the first one's."""
        for other in self.repeats:
            yield replace(self, kept=other, repeats=(), again=True)

    def widened(self, estimate: Estimate) -> Estimate:
        """Widen an estimate by what compilations of the one file differ among themselves."""
        told = self.execution
        if told is None or told.repeats or estimate.unit or told.of == "noise":
            return estimate
        low, high = estimate.low - told.spread, estimate.high + told.spread
        return replace(estimate, low=low, high=high)


def compare_roles(
    entry: ModelEntry,
    run: Run,
    artifacts: Pair[Artifact],
    data: Data,
    *,
    baseline: Artifact | None = None,
    progress: Progress,
) -> Compared:
    """Evaluate both roles on the same images, or find that in the store; keep it for the report.

    A baseline is evaluated in the same pass, for :func:`compare_to_baseline`.
    """
    from quantgate.engine.comparing import compare_with_baseline

    conditions = Conditions.of(entry, run, data)
    if baseline is not None:
        how = conditions.keywords(progress)
        three = (*artifacts, baseline)
        compare_with_baseline(three, conditions.bench, conditions.store, **how)
    found, key = conditions.compared(artifacts, progress)
    derived = derive(entry, run, found, data=data, key=key)
    run.keep(entry.id, "comparing", derived.fields)
    # Parts are joined by their names: what the look at the parent found ("looking") stays first.
    run.keep(entry.id, "suspecting", {"doubts": derived.doubts})
    return Compared(found, derived)


def compare_to_baseline(
    entry: ModelEntry, run: Run, released: Pair[Artifact], data: Data, *, progress: Progress
) -> Compared:
    """Compare the optimized model with the baseline, which is in the parent's place; keep it."""
    with said_of_baseline():
        found, key = Conditions.of(entry, run, data).compared(released, progress)
    derived = derive(entry, run, found, data=data, key=key, to_baseline=True)
    shown = {key: derived.fields[key] for key in _COMPARED}
    told = {"digest": released.parent.digest, **shown}
    run.keep(entry.id, "released", {"released": told})
    return Compared(found, derived)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What every comparison of an entry is made with."""

    bench: Bench
    store: Store
    target: Target
    isa: str

    @classmethod
    def of(cls, entry: ModelEntry, run: Run, data: Data) -> Conditions:
        """Collect them on this machine."""
        from quantgate.engine.runtime import Target
        from quantgate.machine import isa_class

        target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
        store = run.store_of(entry.id)
        return cls(bench_of(entry, data.evaluation), store, target, isa_class())

    def keywords(self, progress: Progress) -> dict[str, Any]:
        """Give what ``engine.evaluate`` asks for by name."""
        return {"target": self.target, "isa": self.isa, "progress": progress}

    def compared(self, pair: Pair[Artifact], progress: Progress) -> tuple[Kept, Mapping[str, Any]]:
        """Compare a pair, or find that in the store; with the key of what was found."""
        from quantgate.engine.comparing import stored
        from quantgate.engine.evaluate import comparison_key

        found = stored(pair, self.bench, self.store, **self.keywords(progress))
        return found, comparison_key(pair, self.bench, self.target, self.isa)


_MEGABYTE = 1_000_000
_FILE = "derived.json"
#: Folders of files that lie beside the run's page.
_PICTURES, _TALLIES = "pictures", "tallies"
#: What a baseline's report has of a model's.
_COMPARED = ("metrics", "tables", "pictures", "omitted", "tally")


@dataclass(frozen=True, slots=True)
class Derived:
    """What was derived from the comparison of one entry.

    Parameters
    ----------
    judged
        Limit key to ``(estimate, detail)``, for the limits that could be computed.
    fields
        Of the model's report, as JSON values.
    doubts
        Suspicions about the annotations; ``fields["notes"]`` lists them, too.
    """

    judged: Mapping[str, tuple[Estimate, str]]
    fields: Mapping[str, Any]
    doubts: Sequence[str] = ()


def derive(
    entry: ModelEntry,
    run: Run,
    kept: Kept,
    *,
    data: Data,
    key: Mapping[str, Any],
    to_baseline: bool = False,
) -> Derived:
    """Compute it, or find it in the store; its pictures are laid into the run's directory.

    Parameters
    ----------
    key
        Everything that can change the comparison, see ``engine.evaluate.comparison_key``.
    to_baseline
        Whether the comparison's parent is the baseline.
    """
    from quantgate.core.estimate import Estimate
    from quantgate.declared import declared_limits

    wanted = {
        "comparison": key,
        "to baseline": to_baseline,
        "plan": asdict(entry.evaluate),
        "limits": declared_limits(entry),
        "images": run.manifest.report.images,
        "pictures": run.manifest.report.pictures,
        "budget": _budget(run),
        "labels": kept.dataset.labels,
        "segments": sorted(kept.dataset.segments.items()),
        "published": {name: asdict(one) for name, one in entry.published.items()},
        "code": code_digest("core", "tasks", "report"),
    }

    def build(folder: Path) -> None:
        found = kept.comparison
        document = {
            "judged": _judged(entry, found, to_baseline=to_baseline),
            "fields": _fields(entry, run, (found, data), folder, to_baseline=to_baseline),
            "doubts": () if entry.lane else told_doubts(entry, found, data.evaluation),
        }
        (folder / _FILE).write_text(json.dumps(document), encoding="utf-8")

    folder = run.store_of(entry.id).get_or_build("derived", wanted, build)
    document = json.loads((folder / _FILE).read_text("utf-8"))
    _lay(folder, run.directory)
    judged = {
        name: (Estimate(**item["estimate"]), item["detail"])
        for name, item in document["judged"].items()
    }
    fields = {**document["fields"]}
    fields["notes"] = [*fields["notes"], *document["doubts"]]
    return Derived(judged, fields, document["doubts"])


def quantity(entry: ModelEntry, key: str, found: Comparison[Any]) -> tuple[Estimate, str]:
    """Compute what one limit judges, and what changed, in words.

    Raises
    ------
    HarnessError
        Where it is not defined on these images.
    """
    from quantgate.report.words.objects import counts_sentence
    from quantgate.tasks import tensors
    from quantgate.tasks.catalog import TASKS

    task, plan = TASKS[entry.task], entry.evaluate
    asked = LIMITS[key].asks
    estimate = task.judge_quantity(asked, found, plan)
    remarks = _told(task, "remarks", found, plan)
    said = [*remarks] or [counts_sentence(asdict(task.detail(asked, found, plan)))]
    subject = task.subject(asked, found, plan)
    if LIMITS[key].of_metric and not subject and not remarks:
        metric = plan.metric or task.DEFAULT_METRIC
        parent, optimized = task.metrics(found).map(lambda of: of[metric])
        said.insert(0, f"{task.METRICS[metric].title} {parent:.3f} → {optimized:.3f}")
    if subject:
        said.insert(0, f"worst {LIMITS[key].of_worst}: {subject}")
    if LIMITS[key].scope == "outputs":
        said.insert(0, tensors.output_sentence(key, found))
    worst = task.worst(found, plan)[:1]
    if worst:
        said.append(f"worst: {found.images[worst[0].index].name} ({worst[0].sentence})")
    return estimate, "; ".join(said)


def _judged(entry: ModelEntry, found: Comparison[Any], *, to_baseline: bool) -> dict[str, Any]:
    from quantgate.declared import declared_limits
    from quantgate.tasks.catalog import TASKS

    judged = {}
    for key in declared_limits(entry):
        kind = LIMITS[key]
        if kind.to_baseline != to_baseline or kind.asks not in TASKS[entry.task].LIMITS:
            continue
        if kind.between_devices:
            continue  # of another comparison
        try:
            estimate, detail = quantity(entry, key, found)
        except HarnessError:
            continue  # the gate of this limit computes it again and says what is wrong
        judged[key] = {"estimate": asdict(estimate), "detail": detail}
    return judged


def _fields(
    entry: ModelEntry,
    run: Run,
    compared: tuple[Comparison[Any], Data],
    folder: Path,
    *,
    to_baseline: bool,
) -> dict[str, Any]:
    from quantgate.report.codec import encode
    from quantgate.report.publish import draw_worst
    from quantgate.tasks import tensors
    from quantgate.tasks.catalog import TASKS

    found, data = compared
    task, plan = TASKS[entry.task], entry.evaluate
    changed, more = changed_pictures(entry, task, found, data.evaluation)
    private = run.manifest.report.pictures
    tables = [*task.tables(found, plan)]
    if entry.lane is None:  # no raw output of a lane is kept
        tables += [tensors.outputs_table(found), tensors.tensor_table(found)]
    metrics = _metrics(entry, task, found)
    place = entry.id
    if to_baseline:
        place, tables = f"{entry.id}{TO_BASELINE}", [named_after_baseline(one) for one in tables]
        metrics = [replace(metric, source=None, origin="") for metric in metrics]
        changed = [(replace(one, roles=BASELINE_ROLES), load) for one, load in changed]
    drawn, dropped = draw_worst(
        changed,
        folder,
        model=place,
        budget_bytes=0 if private == "none" else _budget(run),
        most=run.manifest.report.images,
        blurred=private == "blurred",
    )
    return {
        "metrics": encode(metrics),
        "tables": encode(tables),
        "pictures": encode(drawn),
        "omitted": more + dropped,
        "tally": _tally(entry, found, folder, place),
        "notes": [
            *(f"{name} was left out: {reason}" for name, reason in found.skipped),
            *tensors.output_notes(found),
            *_told(task, "notes", found),
        ],
        "facts": [
            ["evaluation images", str(len(found))],
            ["evaluation set digest", found.images_digest[:16]],
            ["evaluation precision", plan.precision],
            *([] if private == "all" else [["pictures", private]]),
        ],
    }


def _tally(entry: ModelEntry, found: Comparison[Any], folder: Path, place: str) -> str:
    """Write what the numbers are made of; its path in the run's directory, empty where there is none."""
    from quantgate.report.files import file_name
    from quantgate.tasks.tallies import save_tally

    path = f"{_TALLIES}/{file_name(place)}.npz"
    try:
        return path if save_tally(entry.task, found, entry.evaluate, folder / path) else ""
    except HarnessError:
        return ""  # not annotated: a gate that needs it says so


def _told(task: Task, name: str, *given: Any) -> tuple[str, ...]:
    """Ask a task for sentences that it may have besides (see ``Task``)."""
    own: Callable[..., tuple[str, ...]] | None = getattr(task, name, None)
    return () if own is None else own(*given)


def _metrics(entry: ModelEntry, task: Task, found: Comparison[Any]) -> list[Metric]:
    from quantgate.report.model import Metric

    if any(image.truth is None for image in found.images):
        return []
    try:
        both = task.metrics(found)
    except HarnessError:
        return []  # nothing annotated to measure against; a gate that needs it says so
    rows = []
    for key in task.METRICS:
        if key in both.parent:
            published = entry.published.get(key)
            source, origin = (published.value, published.origin) if published else (None, "")
            measured = (both.parent[key], both.optimized.get(key))
            own = _intervals(entry, task, found, key)
            kind = task.METRICS[key]
            rows.append(Metric(kind.title, source, *measured, origin, own, kind.is_error))
    return rows


def _intervals(
    entry: ModelEntry, task: Task, found: Comparison[Any], metric: str
) -> dict[str, tuple[float, float]]:
    """Give the interval of the judged metric by role; none for the other metrics."""
    if metric != (entry.evaluate.metric or task.DEFAULT_METRIC):
        return {}
    scores = task.role_scores(found, entry.evaluate)
    return {role: (scores[role].low, scores[role].high) for role in ROLES}


def _budget(run: Run) -> int:
    """Bytes of pictures for one model: an equal share of the run's."""
    return int(run.manifest.report.budget_mb * _MEGABYTE / max(1, len(run.manifest.models)))


def _lay(folder: Path, directory: Path) -> None:
    """Copy pictures and tallies into the run's directory.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    try:
        for name in (_PICTURES, _TALLIES):
            if (folder / name).is_dir():
                shutil.copytree(
                    folder / name,
                    directory / name,
                    dirs_exist_ok=True,
                    copy_function=shutil.copyfile,
                )
    except OSError as error:
        raise ReportError(
            f"cannot copy pictures to {directory}: {reason_of(error)}; give a writable folder with free "
            "space with --reports"
        ) from error
