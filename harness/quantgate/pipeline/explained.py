"""What explains an entry's loss, one answer a pair of models, kept in the store."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from quantgate.borders import reason_of
from quantgate.core.explained import Execution, Explanation
from quantgate.errors import ReportError
from quantgate.pipeline.feeding import bench_of
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run
    from quantgate.store import Store

T = TypeVar("T", Execution, Explanation)

#: Images that every gate holds execution against the graph on; more where a limit judges it.
LOOKED_AT, JUDGED = 8, 64
_FILE, _PART = "explained.json", "part"


@dataclass(frozen=True, slots=True)
class Budget:
    """Budget of an explanation: images, seconds, groups measured both ways."""

    images: int = 64
    seconds: float = 60.0
    groups: int = 10


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How truly the device executes the quantized graph; None with the reason where that is not known."""

    execution: Execution | None
    problem: str = ""


def executed_entry(
    entry: ModelEntry,
    store: Store,
    artifacts: Pair[Artifact],
    data: Data,
    *,
    judged: bool | None = None,
) -> Execution:
    """Hold the executed model against its own graph on a few images, or find that in the store.

    Parameters
    ----------
    judged
        Whether as many images are wanted as a limit is judged on; None: whether the entry has one.

    Raises
    ------
    HarnessError
        Where an arm does not run, or its outputs cannot be read.
    """
    from quantgate.attribution.ask import Ask
    from quantgate.attribution.explain import look_at_execution

    wanted = entry.limits.max_execution_error is not None if judged is None else judged
    count = JUDGED if wanted else LOOKED_AT
    target, key = _conditions(entry, artifacts, data)
    paths, bench = artifacts.map(lambda artifact: artifact.path), bench_of(entry, data.evaluation)

    def build(folder: Path) -> Execution:
        ask = Ask(
            images=count,
            seed=entry.evaluate.seed,
            execute=_device(target),
            folder=folder / _PART,
        )
        return look_at_execution(paths, bench, entry.evaluate, ask)

    place = ("executed", {**key, "images": count})
    folder, found = _kept(store, place, build, Execution)
    return _placed(found, folder)


def explain_entry(
    entry: ModelEntry,
    store: Store,
    artifacts: Pair[Artifact],
    data: Data,
    *,
    budget: Budget,
    progress: Progress = SILENT,
) -> Explanation:
    """Explain where a pair of models loses accuracy, or find that in the store.

    Raises
    ------
    HarnessError
        Where the models cannot be run on any image.
    """
    from quantgate.attribution.ask import Ask, asked
    from quantgate.attribution.explain import explain

    target, key = _conditions(entry, artifacts, data)
    told = executed_entry(entry, store, artifacts, data)

    def build(_: Path) -> Explanation:
        ask = Ask(
            entry.id,
            budget.images,
            budget.seconds,
            entry.evaluate.seed,
            asked(budget.groups),
            execute=_device(target),
            execution=told,
            progress=progress,
        )
        paths = artifacts.map(lambda artifact: artifact.path)
        return explain(paths, bench_of(entry, data.evaluation), entry.evaluate, ask)

    place = ("explained", {**key, "budget": asdict(budget)})
    _, found = _kept(store, place, build, Explanation)
    return replace(found, execution=told)


def lay_part(found: Execution, folder: Path) -> Execution:
    """Copy the smallest failing part to where a report is: the store may be emptied.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    if found.first is None or not found.first.subgraph:
        return found
    part = Path(found.first.subgraph)
    try:
        shutil.copytree(part.parent, folder, dirs_exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"cannot copy {part.name} to {folder}: {reason_of(error)}; free some space or choose another folder"
        ) from error
    path, here = folder / part.name, Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return replace(found, first=replace(found.first, subgraph=str(shown)))


def keep_execution(entry: ModelEntry, run: Run, found: Fidelity) -> None:
    """Keep for the report how truly the graph was executed, with a note where it was not."""
    from quantgate.report.codec import encode
    from quantgate.report.words.explained import execution_fact, execution_sentences

    told = found.execution
    fact = execution_fact(told) if told else f"not held against the graph: {found.problem}"
    faulty = told is not None and told.cause == "execution"
    run.keep(
        entry.id,
        "executed",
        {
            "facts": [["execution against the quantized graph", fact]],
            "notes": [" ".join(execution_sentences(told))] if faulty else [],
            "execution": encode(told),
        },
    )


def keep_explanation(
    entry: ModelEntry, run: Run, found: Explanation | None, problem: str = ""
) -> None:
    """Keep for the report which layers lose accuracy, or why that could not be determined."""
    from quantgate.report.codec import encode

    notes = [f"which layers lose the accuracy could not be told: {problem}"] if problem else []
    run.keep(entry.id, "explained", {"explanation": encode(found), "notes": notes})


def _conditions(
    entry: ModelEntry, artifacts: Pair[Artifact], data: Data
) -> tuple[Any, dict[str, Any]]:
    """The executed arm's target, and everything that can change an answer."""
    from quantgate.engine.evaluate import comparison_key
    from quantgate.engine.runtime import Target
    from quantgate.machine import isa_class
    from quantgate.sourcecode import code_digest

    target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
    compared = comparison_key(artifacts, bench_of(entry, data.evaluation), target, isa_class())
    plan, code = asdict(entry.evaluate), code_digest("attribution")
    return target, {"comparison": compared, "plan": plan, "code": code, "model": entry.id}


def _device(target: Any) -> Any:
    from quantgate.attribution.execution import Device

    return Device(target.device, target.config())


def _kept(
    store: Store, place: tuple[str, Mapping[str, Any]], build: Callable[[Path], T], of: type[T]
) -> tuple[Path, T]:
    """Find what was built for a kind and key in the store, or build it; return its folder too."""
    from quantgate.report.codec import decode, encode

    def write(folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps(encode(build(folder))), encoding="utf-8")

    folder = store.get_or_build(*place, write)
    return folder, decode(of, json.loads((folder / _FILE).read_text("utf-8")))


def _placed(found: Execution, folder: Path) -> Execution:
    """Name the failing part where it lies now: it was written before the entry had its place."""
    if found.first is None or not found.first.subgraph:
        return found
    path = folder / _PART / Path(found.first.subgraph).name
    return replace(found, first=replace(found.first, subgraph=str(path)))
