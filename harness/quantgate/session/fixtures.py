"""The fixture graph: from a model's id to everything that its gates judge.

Session fixtures that depend on ``model_id`` are built once a model and dropped before the next, so
one model is resident at a time. A fixture that raises breaks the gates of its model only.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import HarnessError, ManifestError, SourceUnavailableError
from quantgate.pair import Pair
from quantgate.session import devices
from quantgate.session.gate import Gate
from quantgate.session.stash import AHEAD, RUN, STOPWATCH
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quantgate.core.comparison import Comparison
    from quantgate.core.explained import Explanation
    from quantgate.core.timing import Timing
    from quantgate.datasets.sample import Dataset
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.interface import Integrity
    from quantgate.engine.memory import Memory
    from quantgate.engine.profile import Profile
    from quantgate.engine.timing import Control
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.accuracy import Compared
    from quantgate.pipeline.data import Data
    from quantgate.pipeline.explained import Fidelity
    from quantgate.run import Run
    from quantgate.session.remedied import Found
    from quantgate.session.steps import Steps

#: Datasets that are kept for the next model: two sets of two truths.
_SHARED = 4


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    """The run that this session is."""
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def entry(model_id: str, run: Run) -> ModelEntry:
    """What models.toml says about the model."""
    return run.entry(model_id)


@pytest.fixture(scope="session")
def steps(entry: ModelEntry, pytestconfig: pytest.Config) -> Iterator[Steps]:
    """Runs the steps of the model in the session's worker."""
    from quantgate.session.steps import Steps

    yield Steps(entry, pytestconfig)
    beside_s = pytestconfig.stash[AHEAD].leave(entry.id)
    pytestconfig.stash[STOPWATCH].seconds[owner_of(entry.id)] += beside_s


@pytest.fixture(scope="session")
def loaded(run: Run) -> Callable[[str, str | None], Dataset]:
    """Loads a dataset by its name and the truth that is wanted; the latest few are shared by models."""
    from quantgate.pipeline.data import load_named

    return lru_cache(maxsize=_SHARED)(partial(load_named, run.manifest, run.store))


@pytest.fixture(scope="session")
def data(entry: ModelEntry, run: Run, loaded: Callable[[str, str | None], Dataset]) -> Data:
    """The calibration and the evaluation set, disjoint."""
    from quantgate.pipeline.data import keep_digests, load_data
    from quantgate.session.run_report import keep_segments

    found = load_data(entry, run.manifest, run.store, loaded)
    keep_digests(entry, run, found)
    keep_segments(entry, run)
    return found


@pytest.fixture(scope="session")
def parent(entry: ModelEntry, run: Run, steps: Steps) -> Artifact:
    """The model before quantization, with its preprocessing embedded."""
    from quantgate.engine.artifact import parent_artifact

    place = (entry.source, entry.preprocess, run.manifest.root, run.store_of(entry.id))
    try:
        return steps.found("reading the model", parent_artifact, *place, name=entry.id)
    except SourceUnavailableError as error:
        if run.strict_sources:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def looked(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, steps: Steps
) -> tuple[str, ...]:
    """What a look at the parent's first answers gives to note; nonsense ends here."""
    from quantgate.pipeline.looking import look_at_parent

    if entry.lane:  # seen with the model that it is of
        return ()
    return steps.found("looking at the parent", look_at_parent, entry, run, parent, data)


@pytest.fixture(scope="session")
def artifacts(
    entry: ModelEntry,
    run: Run,
    looked: tuple[str, ...],
    parent: Artifact,
    data: Data,
    steps: Steps,
) -> Pair[Artifact]:
    """The parent and the model optimized from it."""
    from quantgate.pipeline.optimize import optimized_artifact
    from quantgate.pipeline.performance import keep_explored

    del looked
    given = (entry, run, parent, data)
    with steps.bars() as progress:
        made = steps.found("quantizing", optimized_artifact, *given, progress=progress)
    pair = Pair(parent, made)
    keep_explored(entry, run, pair)
    return pair


@pytest.fixture(scope="session")
def repeated(
    entry: ModelEntry,
    run: Run,
    looked: tuple[str, ...],
    parent: Artifact,
    data: Data,
    steps: Steps,
) -> tuple[Artifact, ...]:
    """The same recipe on the further draws of ``calibrate.repeats``."""
    from quantgate.pipeline.repeats import repeated_artifacts

    del looked
    if not data.repeats:
        return ()
    with steps.bars() as progress:
        given = (entry, run, parent, data)
        return steps.found("quantizing again", repeated_artifacts, *given, progress=progress)


@pytest.fixture(scope="session")
def optimized(artifacts: Pair[Artifact]) -> Artifact:
    """The model that is judged against its parent."""
    return artifacts.optimized


@pytest.fixture(scope="session")
def fidelity(
    entry: ModelEntry, run: Run, artifacts: Pair[Artifact], data: Data, steps: Steps
) -> Fidelity:
    """How truly the device executes the quantized graph, on a few images; or why that is not known."""
    from quantgate.pipeline.explained import Fidelity, executed_entry, keep_execution, lay_part
    from quantgate.report.files import file_name

    if entry.lane:  # the lane's own limits say how truly its device executes
        return Fidelity(None, "")
    given = (entry, run.store_of(entry.id), artifacts, data)
    try:
        told = steps.found("holding execution against the graph", executed_entry, *given)
        found = Fidelity(lay_part(told, run.directory / "failing" / file_name(entry.id)))
    except HarnessError as error:
        found = Fidelity(None, str(error))
    keep_execution(entry, run, found)
    return found


@pytest.fixture(scope="session")
def baseline(entry: ModelEntry, run: Run, parent: Artifact, steps: Steps) -> Artifact | None:
    """The released model that the optimized one is judged against; None where there is none."""
    from quantgate.pipeline.baseline import baseline_artifact

    if entry.baseline is None:
        return None
    return steps.found("reading the baseline", baseline_artifact, entry, run, parent)


@pytest.fixture(scope="session")
def comparison(
    entry: ModelEntry,
    run: Run,
    artifacts: Pair[Artifact],
    repeated: tuple[Artifact, ...],
    baseline: Artifact | None,
    data: Data,
    fidelity: Fidelity,
    steps: Steps,
) -> Compared:
    """Both roles over the evaluation set, with the worst images drawn."""
    from quantgate.pipeline.accuracy import compare_roles

    if entry.lane or entry.evaluate.device:
        devices.note_alone(entry, run)
        own = devices.own_answers(steps, run, artifacts.optimized, data)
    if entry.lane:
        return devices.compared(steps, run, artifacts.parent, data, own=own)
    given = (entry, run, artifacts, data)
    with steps.bars() as progress:
        found = steps.found(
            "comparing both roles", compare_roles, *given, baseline=baseline, progress=progress
        )
    again = _compared_again(artifacts.parent, repeated, (entry, run, data), steps)
    return replace(found, execution=fidelity.execution, repeats=again)


@pytest.fixture(scope="session")
def between(
    run: Run, artifacts: Pair[Artifact], data: Data, steps: Steps
) -> Mapping[str, Comparison[Any]]:
    """The optimized model on a lane's device against itself on those before it."""
    return devices.compared_with_others(steps, run, artifacts.optimized, data)


def _compared_again(
    reference: Artifact,
    repeated: tuple[Artifact, ...],
    place: tuple[ModelEntry, Run, Data],
    steps: Steps,
) -> tuple[Comparison[Any], ...]:
    from quantgate.pipeline.repeats import repeated_comparisons

    if not repeated:
        return ()
    entry, run, data = place
    pairs = tuple(Pair(reference, artifact) for artifact in repeated)
    with steps.bars() as progress:
        given = (entry, run, pairs, data)
        return steps.found("comparing repeats", repeated_comparisons, *given, progress=progress)


@pytest.fixture(scope="session")
def released(
    entry: ModelEntry,
    run: Run,
    artifacts: Pair[Artifact],
    baseline: Artifact | None,
    repeated: tuple[Artifact, ...],
    comparison: Compared,
    data: Data,
    steps: Steps,
) -> Compared:
    """The optimized model against the baseline, on the same images and from the same pass."""
    from quantgate.pipeline.accuracy import compare_to_baseline

    if baseline is None:
        raise ManifestError(str(run.manifest.path), (f"models.{entry.id}.baseline: missing",))
    given = (entry, run, Pair(baseline, artifacts.optimized), data)
    with steps.bars() as progress:
        found = steps.found(
            "comparing with the baseline", compare_to_baseline, *given, progress=progress
        )
    again = _compared_again(baseline, repeated, (entry, run, data), steps)
    return replace(found, execution=comparison.execution, repeats=again)


@pytest.fixture(scope="session")
def explanation(
    entry: ModelEntry,
    run: Run,
    artifacts: Pair[Artifact],
    data: Data,
    fidelity: Fidelity,
    steps: Steps,
) -> Explanation | None:
    """Which layers lose accuracy, computed for the first accuracy gate that fails."""
    from quantgate.pipeline.explained import Budget, explain_entry, keep_explanation

    limit_s = run.manifest.report.explain_s
    if not limit_s or entry.lane:
        return None
    given = (entry, run.store_of(entry.id), artifacts, data)
    budget = Budget(seconds=limit_s)
    try:
        with steps.bars() as progress:
            found = steps.found(
                "explaining the loss", explain_entry, *given, budget=budget, progress=progress
            )
    except HarnessError as error:
        keep_explanation(entry, run, None, str(error))
        return None
    found = replace(found, execution=fidelity.execution)
    keep_explanation(entry, run, found)
    return found


@pytest.fixture(scope="session")
def remedied(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, request: pytest.FixtureRequest
) -> Found | None:
    """A recipe searched for the first gate that fails, where `--remedy` asks for it."""
    from quantgate.session.remedied import searched

    if entry.lane:
        return None
    return searched((entry, run, parent, data), request.config)


@pytest.fixture(scope="session")
def control() -> list[Control]:
    """The session's control, once it was measured with the first model that is timed."""
    return []


@pytest.fixture(scope="session")
def fast_int8(entry: ModelEntry) -> None:
    """Skip what is timed where INT8 cannot be fast, before anything is measured for it."""
    from quantgate.pipeline.performance import skip_without_int8

    skip_without_int8(entry)


@pytest.fixture(scope="session")
def timing(
    entry: ModelEntry,
    run: Run,
    fast_int8: None,
    artifacts: Pair[Artifact],
    memory: Pair[Memory],
    baseline: Artifact | None,
    data: Data,
    control: list[Control],
    steps: Steps,
) -> Timing:
    """Paired interleaved rounds of the optimized model against its parent."""
    from quantgate.pipeline.performance import keep_control, keep_timing, time_roles
    from quantgate.session.benchmarks import keep_records

    del fast_int8
    known = control[0] if control else None
    given = (entry, artifacts, data, known)
    with steps.bars() as progress, steps.alone():
        found, measured = steps.call(
            "timing", time_roles, *given, baseline=baseline, progress=progress
        )
    if known is None:
        keep_control(run, measured)
    control[:] = [measured]
    keep_timing(entry, run, (artifacts, memory), found, baseline=baseline)
    keep_records(run, entry.id, found)
    return found


@pytest.fixture(scope="session")
def profiles(
    entry: ModelEntry, run: Run, artifacts: Pair[Artifact], data: Data, steps: Steps
) -> Pair[Profile]:
    """What each role really executed, layer by layer."""
    from quantgate.pipeline.performance import keep_profiles, profile_roles

    given = (entry, artifacts, data, run.store_of(entry.id))
    with steps.alone():
        found = steps.found("profiling", profile_roles, *given)
    keep_profiles(entry, run, found)
    return found


@pytest.fixture(scope="session")
def memory(entry: ModelEntry, run: Run, artifacts: Pair[Artifact], steps: Steps) -> Pair[Memory]:
    """Peak memory of each role, measured in separate processes."""
    from quantgate.pipeline.performance import memory_of_roles

    given = (entry, artifacts, run.store_of(entry.id))
    return steps.found("measuring memory", memory_of_roles, *given)


@pytest.fixture(scope="session")
def graphs(entry: ModelEntry, run: Run, artifacts: Pair[Artifact], steps: Steps) -> Integrity:
    """What the graphs of both roles say before any number is measured."""
    from quantgate.pipeline.graphs import integrity_of_roles

    return steps.found("comparing the graphs", integrity_of_roles, entry, run, artifacts)


@pytest.fixture(scope="session")
def attention(artifacts: Pair[Artifact], steps: Steps) -> bool:
    """Whether the parent has attention, which a recipe has to be told; asked when a limit is missed."""
    from quantgate.pipeline.remedies import attends

    return steps.call("reading the parent", attends, artifacts.parent)


@pytest.fixture
def gate(request: pytest.FixtureRequest, run: Run, entry: ModelEntry) -> Gate:
    """The limit that the running test judges."""
    from quantgate.machine import isa_class

    key = str(request.node.get_closest_marker("limit").args[0])
    explain = partial(request.getfixturevalue, "explanation")
    remedy = partial(request.getfixturevalue, "remedied")
    attention = partial(request.getfixturevalue, "attention")
    found = (explain, remedy, attention)
    return Gate(run, entry, key, isa_class(), request.node, time.perf_counter(), *found)
