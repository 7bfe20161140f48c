"""``quantgate init``: from a model that nobody has described to an entry with measured limits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.core.predictions import Identity
from quantgate.datasets.catalog import DATASETS
from quantgate.engine.worker.client import Step
from quantgate.errors import HarnessError, SourceUnavailableError, UsageError
from quantgate.manifest import load_manifest
from quantgate.manifest.known import known_of
from quantgate.onboarding.accuracy_check import (
    hints_by,
    metric_of,
    plan_of,
    published_by,
    reading_of,
    said_by,
    settings_by,
)
from quantgate.onboarding.entry import Draft, entry_text
from quantgate.onboarding.guess import find, inputs_of, look, outputs_of
from quantgate.onboarding.images import as_identities, images_of
from quantgate.onboarding.limits import measure
from quantgate.run import Run
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.engine.worker.client import Worker
    from quantgate.entries import DatasetEntry, ModelEntry
    from quantgate.onboarding.accuracy_check import Told
    from quantgate.onboarding.guess import Found
    from quantgate.onboarding.images import Images
    from quantgate.onboarding.limits import Measured
    from quantgate.onboarding.subject import Subject
    from quantgate.onboarding.trial import Guess
    from quantgate.sources.omz.knowledge import OmzSettings
    from quantgate.store import Store

#: Share of the images that calibrates, and most of them; images that a first measurement judges on.
_SHARE, _MOST, _JUDGED = 0.4, 300, 100
#: Seconds that the inferences of one model on these may take, and the fewest images.
_MEASURING_S, _FEWEST = 6.0, 20
_STEP_S = 600.0


@dataclass(frozen=True, slots=True)
class Result:
    """An entry, and what it rests on; ``found`` is None where the source knows its model."""

    draft: Draft
    found: Found | None
    measured: Measured | None
    problem: str = ""
    labels: tuple[str, ...] = ()


def interface(subject: Subject, store: Store, worker: Worker) -> tuple[str, tuple[str, ...]]:
    """Say what a model's graph alone tells, where there are no images."""
    return worker.call(Step("reading the model", _STEP_S), look, subject, store)


def described(
    subject: Subject,
    given: tuple[Path, Path | None, Path | None],
    means: tuple[Store, Worker],
    told: Told | None = None,
) -> Result:
    """Guess, without limits; ``given`` are the folder of images, their annotations, and a file of class names.

    Parameters
    ----------
    told
        What an accuracy-check.yml says of the model; the rest alone is guessed then.

    Raises
    ------
    HarnessError
        Where model or images cannot be read; UsageError where they are of no kind that is judged.
    """
    store, worker = means
    folder, annotations, labels = given
    images = images_of(folder, annotations, labels or _labels(subject, 0), store.root)
    if told is not None:
        ports = worker.call(Step("reading the model", _STEP_S), inputs_of, subject, store)
        settings = settings_by(told, ports)
        if settings.support == "task":
            draft = _by_accuracy_check(subject, images, (told, settings))
            return Result(draft, None, None, labels=_names(images, draft))
        subject = replace(subject, hints=hints_by(told, settings, subject.hints))
    known = known_of(
        dict(subject.table) | {k: str(v) for k, v in subject.table.items()}, store.root
    )
    if "task" in known:
        return Result(_known(subject, images, known), None, None)
    ports = worker.call(Step("reading the model", _STEP_S), outputs_of, subject, store)
    images = as_identities(images, ports, store.root)
    found = worker.call(Step("looking for what fits", _STEP_S), find, subject, images, store)
    draft = _guessed(subject, images, found)
    return Result(draft, found, None, labels=_names(images, draft))


def _names(images: Images, draft: Draft) -> tuple[str, ...]:
    """Give the class names that an entry's images have, for its page."""
    own = images.sets[draft.task or "generic"].labels
    chosen = draft.dataset.labels
    by_path = dict(draft.subject.hints.labels)
    return own or (by_path.get(chosen, ()) if isinstance(chosen, Path) else chosen or ())


def _labels(subject: Subject, classes: int) -> Path | None:
    """Choose the file of names beside the model: of as many as there are classes, or the only one."""
    fitting = [path for path, names in subject.hints.labels if classes in {0, len(names)}]
    return fitting[0] if len(fitting) == 1 else None


def _subset(images: Images) -> int:
    return max(1, min(_MOST, round(_SHARE * len(images.sets["generic"]))))


def _known(subject: Subject, images: Images, known: Mapping[str, Any]) -> Draft:
    """Write an entry of a model whose source knows how it is fed and read."""
    origin = next(
        said
        for key, said in (("omz", "Open Model Zoo"), ("zoo", "built in"), ("cfg", "the cfg"))
        if key in subject.table
    )
    task = str(known["task"])
    comments = {"source": f"{origin} says task, decoder and preprocess: {task}"}
    return Draft(
        subject,
        _dataset(images, task),
        _name(images),
        _subset(images),
        metric=_metric(images, task),
        comments=comments,
    )


def _by_accuracy_check(subject: Subject, images: Images, told: tuple[Told, OmzSettings]) -> Draft:
    """Write an entry of a model that an accuracy-check.yml describes; what it approximates is unsure."""
    task = str(told[1].task)
    origin = said_by(told[0])
    return Draft(
        subject,
        _dataset(images, task),
        _name(images),
        _subset(images),
        task,
        reading_of(*told),
        plan_of(*told),
        metric=metric_of(told[1]) if images.annotated(task) else "",
        published=published_by(*told),
        comments={
            "decoder": origin,
            "preprocess": f"{told[0].file.name}: reader and preprocessing",
        },
        unsure={"preprocess": "; ".join(told[1].notes)} if told[1].notes else {},
    )


def _name(images: Images) -> str:
    path = images.entry.path
    name = path.name if path is not None else "images"
    if name.lower() in {"images", "val", "data", "jpegimages", "train"} and path is not None:
        name = path.parent.name or name
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name).strip(
        "-_"
    )
    return kept or "images"


def _guessed(subject: Subject, images: Images, found: Found) -> Draft:
    guess = found.guess
    if guess is None:
        entry = _dataset(images, "generic")
        unsure = found.unsure | {
            "all": "no decoder reads the outputs as it promises; raw outputs are compared instead"
        }
        draft = Draft(
            subject, entry, _name(images), _subset(images), task="generic", plan=found.plan
        )
        return replace(draft, unsure=unsure)
    task, best = guess.best.option.task, guess.best
    labels = _labels(subject, found.classes) if not images.annotated(task) else None
    entry = _dataset(images, task)
    if entry.kind == "folder" and entry.labels is None:
        entry = replace(entry, labels=labels)
    unsure = {**guess.unsure, **found.unsure}
    whole = unsure.pop("all", None)
    unsure = {"all": whole, **unsure} if whole is not None else unsure
    draft = Draft(
        subject, entry, _name(images), _subset(images), task, best.option.reading, best.plan
    )
    return replace(draft, metric=_metric(images, task), comments=_comments(guess), unsure=unsure)


def _metric(images: Images, task: str) -> str:
    """Name what models are judged by on annotations of this kind; empty for the task's own."""
    if any(_is_sought(one.truth) for one in images.sets[task].samples):
        return "map"
    said = DATASETS[images.entry.kind].metric
    return said if images.annotated(task) and said in TASKS[task].METRICS else ""


def _is_sought(truth: object) -> bool:
    return isinstance(truth, Identity) and truth.side == "query"


def _dataset(images: Images, task: str) -> DatasetEntry:
    """Give the images with the annotations that serve a task, or say that they are not to be used."""
    unused = any(one.annotated for one in images.sets.values()) and not images.annotated(task)
    return replace(images.entry, annotated=False) if unused else images.entry


def _comments(guess: Guess) -> dict[str, str]:
    """Write the evidence of each line."""
    measure_ = "fit to annotations" if guess.annotated else "steadiness"
    said = {k: v for k, v in guess.evidence.items() if k != "decoder"}
    note = f" ({guess.best.option.note})" if guess.best.option.note else ""
    comments = {
        "task": f"by the outputs; {measure_} on {guess.images} images {guess.best.mean:.2f}"
    }
    if "decoder" in guess.evidence:
        comments["decoder"] = guess.evidence["decoder"] + note
    elif note:
        comments["decoder"] = note.strip(" ()")
    if said:
        comments["preprocess"] = "; ".join(f"{key}: {text}" for key, text in said.items())
    return comments


def with_limits(result: Result, store: Store, worker: Worker, scratch: Path) -> Result:
    """Measure once and propose limits; what hinders that is said in the entry."""
    try:
        measured = _measured(result, store, worker, scratch)
    except SourceUnavailableError as error:
        return replace(result, problem=str(error))
    except HarnessError as error:
        unsure = {**result.draft.unsure, "limits": f"nothing could be measured: {error}"}
        return replace(result, draft=replace(result.draft, unsure=unsure), problem=str(error))
    comments = {**result.draft.comments, "limits": _said(measured)}
    draft = replace(result.draft, limits=measured.limits, comments=comments)
    return replace(result, draft=draft, measured=measured)


def _said(measured: Measured) -> str:
    """Say what the limits rest on, and which of them are missed."""
    said = [f"measured on {measured.images} images"]
    said += [f"{name} {a:.3f} → {b:.3f}" for name, (a, b) in measured.metrics.items()]
    said += [f"missed: {key} is {value:.3g}" for key, value in measured.missed.items()]
    return "; ".join(said)


def _measured(result: Result, store: Store, worker: Worker, scratch: Path) -> Measured:
    from quantgate.engine.artifact import parent_artifact
    from quantgate.pipeline.data import load_data

    path = scratch / "models.toml"
    path.write_text(entry_text(result.draft, None), encoding="utf-8")
    manifest = load_manifest(path)
    entry = _bounded(manifest.models[result.draft.subject.name], result)
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    run = Run(
        scratch / "run", manifest=manifest, store=store.root, strict_sources=True, started=started
    )
    run.open()
    data = load_data(entry, manifest, store.root)
    place = (entry.source, entry.preprocess, manifest.root, run.store_of(entry.id))
    step = Step("reading the model", _STEP_S)
    parent = worker.call(step, parent_artifact, *place, name=entry.id)
    return measure(entry, run, worker, (data, parent))


def _bounded(entry: ModelEntry, result: Result) -> ModelEntry:
    """Judge, and calibrate, on as many images as a minute allows."""
    each = result.found.seconds if result.found is not None else 0.0
    most = max(_FEWEST, min(_JUDGED, int(_MEASURING_S / max(each, 1e-4))))
    recipe = entry.calibrate
    if recipe is not None:
        recipe = replace(recipe, subset=min(recipe.subset, most))
    plan = replace(entry.evaluate, subset=most)
    return replace(entry, evaluate=plan, calibrate=recipe, time_limit_s=_STEP_S)


def refuse_no_images(subject: Subject, said: tuple[str, tuple[str, ...]]) -> UsageError:
    """Say what the graph alone tells, and how to go on without images of one's own."""
    what, kinds = said
    fits = f"; by their shapes the outputs may be {', '.join(kinds[:4])}" if kinds else ""
    return UsageError(
        f"{subject.name} {what}{fits}: how it is fed shows on images only. Next: name some with --images DIR (50 are "
        "enough, --annotations FILE makes it surer); or get public ones: quantgate fetch --dataset coco-val2017:200"
    )
