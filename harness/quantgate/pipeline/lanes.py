"""A model's answers on further devices: given, handed on with the run, and compared."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from quantgate.borders import border
from quantgate.core.limits import LIMITS
from quantgate.entries.lane import cap_of, device_of
from quantgate.errors import MeasurementError
from quantgate.pipeline.feeding import bench_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.core.estimate import Estimate
    from quantgate.core.table import Cell, Table
    from quantgate.engine.answers import Answers
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.comparison_file import Kept
    from quantgate.engine.evaluate import Bench
    from quantgate.engine.passes import Pass
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.accuracy import Compared
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run

#: Folder of a run that holds answers for other machines, and what says whose they are.
FOLDER, ABOUT = "answers", "about.json"
#: What answers have to have in common, as sentences name it.
_ALIKE = {
    "task": "task",
    "dataset": "images",
    "preprocess": "preprocessing",
    "decoder": "decoder",
    "optimized": "optimized model",
}
_REMEDY = (
    "the answers on {first} are judged apart: if those are met, the device executes the model otherwise, and no "
    "calibration helps: leave the model on {first}, try another version of OpenVINO or of the device's driver, or "
    "keep the layers that differ out of INT8"
)
_EXECUTED = (
    "{name} has no INT8 kernels for some layers: its table of layers names them; if that is accepted there, give it "
    'a limit of its own, `limits.devices."{name}".{key}`'
)
_NO_VNNI = (
    '; INT8 without VNNI can saturate, which calibrate.advanced.overflow_fix = "enable" avoids'
)


def lane_answers(
    entry: ModelEntry, run: Run, artifact: Artifact, data: Data, *, name: str, progress: Progress
) -> Path:
    """Run a model on a device, or find in the store what that gave; the folder of the answers.

    Call it in a process whose instructions are capped as the name says.
    """
    planned = lane_pass(entry, run, artifact, data, name=name, progress=progress)
    planned.keep()
    return run.store_of(entry.id).address(planned.parts.kind.name, planned.parts.keys[0])


def lane_pass(
    entry: ModelEntry, run: Run, artifact: Artifact, data: Data, *, name: str, progress: Progress
) -> Pass[Answers]:
    """Plan what :func:`lane_answers` keeps."""
    from quantgate.engine.answers import pass_of
    from quantgate.engine.runtime import Target
    from quantgate.machine import isa_class

    target = Target(device=device_of(name), precision=entry.evaluate.precision)
    isa = cap_of(name) or isa_class()
    bench, store = bench_of(entry, data.evaluation), run.store_of(entry.id)
    return pass_of(artifact, bench, store, target=target, isa=isa, progress=progress)


def hand_on(
    entry: ModelEntry, run: Run, optimized: Artifact, data: Data, *, name: str, answers: Path
) -> None:
    """Lay answers into the run's folder, with what another machine holds against its own.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from quantgate.machine import isa_class
    from quantgate.report.files import file_name, on_disk, write_atomic

    model = entry.lane.model if entry.lane else entry.id
    folder = run.directory / FOLDER / file_name(f"{model}:{name}")
    with on_disk(folder):
        shutil.copytree(answers, folder, ignore=_records, dirs_exist_ok=True)
    about = {
        "model": model,
        "device": name,
        "isa": cap_of(name) or isa_class(),
        "run": run.directory.name,
    }
    about |= _judged_with(bench_of(entry, data.evaluation), optimized)
    write_atomic(folder / ABOUT, json.dumps(about, indent=1).encode())


def given_answers(entry: ModelEntry, optimized: Artifact, data: Data) -> Path:
    """Take the answers of another machine; the folder that holds them.

    Raises
    ------
    MeasurementError
        Where they are of another model or of other images, or were read by another decoder.
    """
    assert entry.lane is not None
    assert entry.lane.given is not None
    folder = entry.lane.given
    about = read_about(folder)
    for key, own in _judged_with(bench_of(entry, data.evaluation), optimized).items():
        if about.get(key) != own:
            theirs, ours = (_short(one) for one in (about.get(key), own))
            raise MeasurementError(
                f"models.{entry.lane.model}: the answers of {about.get('run')} on {about.get('device')} are of "
                f"another {_ALIKE[key]} ({theirs}, here {ours}): judge the same on both machines"
                f"{_SAME_MODEL if key == 'optimized' else ''}"
            )
    return folder


_SAME_MODEL = (
    ", for instance one `optimized` file, because calibration may differ between processors"
)


def read_about(folder: Path) -> dict[str, Any]:
    """Read whose answers lie in a folder.

    Raises
    ------
    MeasurementError
        Where that is damaged.
    """
    with border(
        MeasurementError, f"{folder / ABOUT} cannot be read", "judge again where it was made"
    ):
        about: dict[str, Any] = dict(json.loads((folder / ABOUT).read_text("utf-8")))
        str(about["model"]), str(about["device"]), str(about["isa"])
    return about


def _judged_with(bench: Bench, optimized: Artifact) -> dict[str, Any]:
    told = bench.key()
    found = {key: told[key] for key in _ALIKE if key in told} | {"optimized": optimized.digest}
    plain: dict[str, Any] = json.loads(json.dumps(found))  # tuples as JSON has them
    return plain


def _records(_: str, names: list[str]) -> set[str]:
    """Leave the store's own account of an entry behind."""
    return {name for name in names if not name.startswith("answers.")}


def _short(value: object) -> str:
    return value[:12] if isinstance(value, str) else json.dumps(value)


def compare_lane(entry: ModelEntry, run: Run, data: Data, answers: Pair[Path]) -> Compared:
    """Compare the optimized model on the lane's device with its parent; keep it for the report."""
    from quantgate.pipeline.accuracy import Compared, derive

    assert entry.lane is not None
    found, key = _compared(entry, run, data, answers)
    derived = derive(entry, run, found, data=data, key=key)
    of = "answers of another machine" if entry.lane.given else "answers of this machine"
    facts = [*derived.fields["facts"], ["device", f"{entry.lane.name}, {of}"]]
    run.keep(entry.id, "comparing", {**derived.fields, "facts": facts})
    return Compared(found, derived)


def compare_devices(
    entry: ModelEntry, run: Run, data: Data, *, own: Path, others: Mapping[str, Path]
) -> Mapping[str, Comparison[Any]]:
    """Compare the optimized model on the lane's device with itself on others; keep the table of that."""
    from quantgate.pair import Pair
    from quantgate.report.codec import encode

    found = {
        name: _compared(entry, run, data, Pair(other, own))[0].comparison
        for name, other in others.items()
    }
    run.keep(entry.id, "against", {"tables": encode([_table(entry, found)])})
    return found


def worst_device(
    entry: ModelEntry, key: str, found: Mapping[str, Comparison[Any]]
) -> tuple[Estimate, str]:
    """Take what the limit judges of each other device, and of these the worst, in words."""
    from quantgate.pipeline.accuracy import quantity

    told = {name: quantity(entry, key, comparison) for name, comparison in found.items()}
    side = LIMITS[key].worse_side
    worst = max(told, key=lambda name: side * told[name][0].value)
    others = [f"{name} {one.value:.3f}" for name, (one, _) in told.items() if name != worst]
    said = f"against {worst}: {told[worst][1]}"
    return told[worst][0], "; ".join([said, *([f"others: {', '.join(others)}"] if others else [])])


def lane_remedy(entry: ModelEntry, key: str) -> str:
    """Say what to try where a lane misses a limit; empty for what is no lane."""
    if entry.lane is None:
        return ""
    if LIMITS[key].scope == "execution":
        return _EXECUTED.format(name=entry.lane.name, key=key)
    said = _REMEDY.format(first=entry.lane.others[0])
    return said + (_NO_VNNI if cap_of(entry.lane.name) == "avx2" and entry.calibrate else "")


def _table(entry: ModelEntry, found: Mapping[str, Comparison[Any]]) -> Table:
    """Make one row for each other device: what every limit between devices would judge."""
    from quantgate.core.table import Column, Table
    from quantgate.tasks.catalog import TASKS

    task = TASKS[entry.task]
    kinds = [kind for kind in LIMITS.values() if kind.between_devices and kind.asks in task.LIMITS]
    columns = (
        Column("device", "Device"),
        Column("images", "Images", "count"),
        *(Column(kind.asks, LIMITS[kind.asks].title, "fraction") for kind in kinds),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.items():
        values = (task.judge_quantity(kind.asks, one, entry.evaluate).value for kind in kinds)
        rows.append((name, len(one), *values))
    return Table("devices", "Against other devices", columns, tuple(rows))


def _compared(
    entry: ModelEntry, run: Run, data: Data, answers: Pair[Path]
) -> tuple[Kept, Mapping[str, Any]]:
    """Compare two files of answers, or find that in the store; with the key of what was found."""
    from quantgate.engine import comparison_file
    from quantgate.engine.answers import compare_answers, load_answers
    from quantgate.store.entry import digest_of_file

    bench, store = bench_of(entry, data.evaluation), run.store_of(entry.id)
    files = ("answers.npz", "answers.json")
    digests = [[digest_of_file(folder / name) for name in files] for folder in answers]
    key = {**bench.key(), "answers": digests}

    def build(folder: Path) -> None:
        with border(MeasurementError, "answers cannot be read", "judge again where they were made"):
            both = answers.map(load_answers)
        comparison_file.save(compare_answers(both, bench), bench.task, folder)

    folder = store.get_or_build("comparison", key, build)
    return comparison_file.Kept(folder, bench.task_name, bench.dataset), key
