"""The fixture graph: from a model's id to everything that its gates judge.

Session fixtures that depend on ``model_id`` are built once a model and dropped before the next, so
one model is resident at a time. A fixture that raises breaks the gates of its model only.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import SourceUnavailableError
from quantgate.pair import Pair
from quantgate.session.gate import Gate
from quantgate.session.progress_bars import bars
from quantgate.session.stash import RUN
from quantgate.store import Store

if TYPE_CHECKING:
    from quantgate.core.timing import Timing
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.memory import Memory
    from quantgate.engine.profile import Profile
    from quantgate.engine.timing import Control
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.accuracy import Compared
    from quantgate.pipeline.data import Data
    from quantgate.run import Run


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    """The run that this session is."""
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def entry(model_id: str, run: Run) -> ModelEntry:
    """What models.toml says about the model."""
    return run.entry(model_id)


@pytest.fixture(scope="session")
def data(entry: ModelEntry, run: Run) -> Data:
    """The calibration and the evaluation set, disjoint."""
    from quantgate.pipeline.data import keep_digests, load_data

    found = load_data(entry, run.manifest, run.store)
    keep_digests(entry, run, found)
    return found


@pytest.fixture(scope="session")
def parent(entry: ModelEntry, run: Run) -> Artifact:
    """The model as it came, with its preprocessing embedded."""
    from quantgate.engine.artifact import parent_artifact

    try:
        return parent_artifact(
            entry.source,
            entry.preprocess,
            run.manifest.root,
            Store(run.store, model=entry.id),
            name=entry.id,
        )
    except SourceUnavailableError as error:
        if run.strict_sources:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def artifacts(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, pytestconfig: pytest.Config
) -> Pair[Artifact]:
    """The parent and the model optimized from it."""
    from quantgate.pipeline.optimize import optimized_artifact
    from quantgate.pipeline.performance import keep_explored

    with bars(pytestconfig, entry.id) as progress:
        pair = Pair(parent, optimized_artifact(entry, run, parent, data, progress=progress))
    keep_explored(entry, run, pair)
    return pair


@pytest.fixture(scope="session")
def comparison(
    entry: ModelEntry,
    run: Run,
    artifacts: Pair[Artifact],
    data: Data,
    pytestconfig: pytest.Config,
) -> Compared:
    """Both roles over the evaluation set, with the worst images drawn."""
    from quantgate.pipeline.accuracy import compare_roles

    with bars(pytestconfig, entry.id) as progress:
        return compare_roles(entry, run, artifacts, data, progress=progress)


@pytest.fixture(scope="session")
def control(run: Run) -> dict[str, Control]:
    """The session's control, measured with the first model that is timed."""
    del run
    return {}


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
    data: Data,
    control: dict[str, Control],
    pytestconfig: pytest.Config,
) -> Timing:
    """Paired interleaved rounds of the optimized model against its parent."""
    from quantgate.pipeline.performance import keep_timing, time_roles
    from quantgate.session.benchmarks import keep_records

    del fast_int8
    with bars(pytestconfig, entry.id) as progress:
        found = time_roles(entry, artifacts, data, control, run=run, progress=progress)
    keep_timing(entry, run, (artifacts, memory), found)
    keep_records(run, entry.id, found)
    return found


@pytest.fixture(scope="session")
def profiles(entry: ModelEntry, run: Run, artifacts: Pair[Artifact], data: Data) -> Pair[Profile]:
    """What each role really executed, layer by layer."""
    from quantgate.pipeline.performance import keep_profiles, profile_roles

    found = profile_roles(entry, artifacts, data)
    keep_profiles(entry, run, found)
    return found


@pytest.fixture(scope="session")
def memory(entry: ModelEntry, run: Run, artifacts: Pair[Artifact]) -> Pair[Memory]:
    """Peak memory of each role, each measured in a process of its own."""
    from quantgate.pipeline.performance import memory_of_roles

    return memory_of_roles(entry, artifacts, Store(run.store, model=entry.id))


@pytest.fixture
def gate(request: pytest.FixtureRequest, run: Run, entry: ModelEntry) -> Gate:
    """The limit that the running test judges."""
    from quantgate.machine import isa_class
    from quantgate.report.publish import begin_gate

    key = str(request.node.get_closest_marker("limit").args[0])
    begin_gate(entry.id, key, entry.task, entry.tags)
    return Gate(run, entry, key, isa_class(), request.node, time.perf_counter())
