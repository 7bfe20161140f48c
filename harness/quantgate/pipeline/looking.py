"""The look at the parent before anything is quantized: a problem ends the gate, notes go into the report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.borders import reason_of
from quantgate.errors import DecoderError, ReportError
from quantgate.pipeline.feeding import bench_of
from quantgate.sourcecode import code_digest

if TYPE_CHECKING:
    from quantgate.core.predictions import ClassScores
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.look.examine import Look
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.report.overlays.answers import Answered
    from quantgate.run import Run

_NOTES, _PICTURE = "notes.json", "parent.webp"
_OBJECTS, _LEAST_SCORE, _CLASSES = 30, 0.25, 3


def look_at_parent(entry: ModelEntry, run: Run, parent: Artifact, data: Data) -> tuple[str, ...]:
    """Look at the parent on a few images, or find that in the store; return what is to be noted.

    A picture of the first answers is left in the run's directory, as ``report.pictures`` allows.

    Raises
    ------
    DecoderError
        Where the outputs are not what the decoder takes them for; names what would fit, and the
        picture.
    """
    from quantgate.engine.evaluate import comparison_key
    from quantgate.engine.look.calibration import health
    from quantgate.engine.look.examine import examine
    from quantgate.engine.runtime import Target
    from quantgate.machine import isa_class
    from quantgate.pair import Pair

    target = Target(
        device=entry.benchmark.device, precision=entry.evaluate.precision, hint="latency"
    )
    private = run.manifest.report.pictures
    bench = bench_of(entry, data.evaluation)
    key = comparison_key(Pair(parent, parent), bench, target, isa_class())
    key |= {
        "look": code_digest("engine/look", "report/overlays"),
        "calibration": None if data.calibration is None else data.calibration.digest,
        "pictures": private,
    }

    def build(folder: Path) -> None:
        look = examine(parent, bench, target)
        if private != "none":
            _draw(look, data.evaluation.labels, folder / _PICTURE, blurred=private == "blurred")
        if look.problem:
            seen = _lay(folder, entry, run)
            run.keep(entry.id, "looking", {"seen": seen})
            said = f"; what the parent sees: {_short(run.directory / seen)}" if seen else ""
            raise DecoderError(f"{look.problem}{said}")
        calibration = data.calibration
        told = health(calibration, judged=data.evaluation) if calibration is not None else ()
        notes = [*look.notes, *told]
        (folder / _NOTES).write_text(json.dumps(notes), encoding="utf-8")

    folder = run.store_of(entry.id).get_or_build("look", key, build)
    notes = tuple(json.loads((folder / _NOTES).read_text("utf-8")))
    seen = _lay(folder, entry, run)
    run.keep(entry.id, "looking", {"notes": list(notes), "doubts": list(notes), "seen": seen})
    return notes


def picture_of(entry: ModelEntry, run: Run) -> Path:
    """Name the file of the parent's first answers."""
    from quantgate.report.files import file_name

    return run.directory / "pictures" / file_name(entry.id) / _PICTURE


def _lay(folder: Path, entry: ModelEntry, run: Run) -> str:
    """Copy the picture into the run's directory; return its path there, empty where there is none."""
    target = picture_of(entry, run)
    if not (folder / _PICTURE).is_file():
        return ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / _PICTURE, target)
    except OSError as error:
        raise ReportError(
            f"cannot write {target}: {reason_of(error)}; give a writable folder with free space with --reports"
        ) from error
    return target.relative_to(run.directory).as_posix()


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _draw(look: Look, labels: tuple[str, ...], target: Path, *, blurred: bool) -> None:
    """Draw the first answers, where there are any."""
    from quantgate.report.drawing import blur
    from quantgate.report.overlays.answers import answers_picture

    answers = [
        answered(name, blur(image) if blurred else image, found, labels)
        for name, image, found in look.seen
    ]
    if answers:
        target.write_bytes(answers_picture(answers))  # the store says where its disk is full


def answered(name: str, image: object, prediction: object, labels: tuple[str, ...]) -> Answered:
    """Prepare one answer for drawing: image [height, width, 3] in BGR, prediction in its pixels."""
    import numpy as np

    from quantgate.core.predictions import (
        Attributes,
        ClassScores,
        Detections,
        Embedding,
        LabelMap,
        Transcript,
    )
    from quantgate.pipeline.head_bars import single_bars
    from quantgate.pipeline.pictures import seen
    from quantgate.report.overlays.answers import Answered
    from quantgate.report.picture import ClassBar

    pixels = np.asarray(image, np.uint8)
    if isinstance(prediction, Detections):
        shown = np.flatnonzero(prediction.scores >= _LEAST_SCORE)[:_OBJECTS]
        objects = (seen(prediction, int(index), labels) for index in shown)
        return Answered(name, pixels, tuple(filter(None, objects)))
    if isinstance(prediction, ClassScores | Attributes):
        told = (
            _best(prediction, labels)
            if isinstance(prediction, ClassScores)
            else single_bars(prediction)
        )
        return Answered(name, pixels, classes=tuple(ClassBar(*bar) for bar in told))
    if isinstance(prediction, LabelMap):
        return Answered(name, pixels, labels=prediction.labels)
    if isinstance(prediction, Transcript):
        return Answered(name, pixels, text=repr(prediction.text))
    if isinstance(prediction, Embedding):
        return Answered(name, pixels, text=f"a vector of {len(prediction.vector)} numbers")
    return Answered(name, pixels)


def _best(prediction: ClassScores, labels: tuple[str, ...]) -> list[tuple[str, float]]:
    """Name the best classes, with their scores."""
    order = (-prediction.scores).argsort(kind="stable")[:_CLASSES].tolist()
    names = [labels[k] if k < len(labels) else f"class {k}" for k in order]
    return [(name, float(prediction.scores[k])) for name, k in zip(names, order, strict=True)]
