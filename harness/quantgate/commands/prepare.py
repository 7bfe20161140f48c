"""One entry's pair of models, for the verbs that measure outside of a run of gates."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from quantgate.engine.worker.client import Step, Worker
from quantgate.errors import UsageError
from quantgate.pair import Pair

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.run import Run

P = ParamSpec("P")
T = TypeVar("T")

_WARM = ("cv2", "openvino", "quantgate.engine.evaluate", "quantgate.pipeline.accuracy")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model ready to be measured: its entry, both artifacts, its images and a real input.

    Parameters
    ----------
    worker
        The process in which it is run: what crashes there is an error here.
    """

    entry: ModelEntry
    run: Run
    worker: Worker
    data: Data
    artifacts: Pair[Artifact]
    inputs: Mapping[str, NDArray[np.generic]]

    @property
    def paths(self) -> Pair[Path]:
        """IR files of both roles."""
        return self.artifacts.map(lambda artifact: artifact.path)

    def call(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the worker, within the entry's time limit; ``name`` as in "timing".

        Raises
        ------
        WorkerError
            Where the worker crashes, is killed or takes too long.
        """
        step = Step(name, self.entry.time_limit_s)
        return self.worker.call(step, function, *args, **kwargs)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name a model."""
    parser.add_argument("model", help="model id: the NAME in [models.NAME]")
    parser.add_argument(
        "--manifest",
        type=Path,
        default=Path("models.toml"),
        help="manifest of the model (default: models.toml)",
    )
    parser.add_argument(
        "--store",
        metavar="DIR",
        help="keep built models in this store, a folder or a shared one's address (default: QUANTGATE_STORE, or your cache folder)",
    )


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Prepared]:
    """Load, quantize or find in the store what ``options`` name.

    Raises
    ------
    UsageError
        Where the manifest has no such model.
    WorkerError
        Where the model crashes the process that reads and quantizes it.
    """
    with opened(options) as (entry, run, worker):
        yield _prepared(entry, run, worker)


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[tuple[ModelEntry, Run, Worker]]:
    """Find the model that ``options`` name; its run's folder is temporary, its worker starts meanwhile.

    Raises
    ------
    UsageError
        Where the manifest has no such model.
    """
    from quantgate.manifest import load_manifest
    from quantgate.run import scratch_run
    from quantgate.stack import check_stack
    from quantgate.store import store_root

    check_stack()
    manifest = load_manifest(options.manifest)
    entry = _entry(options, manifest.models)
    root = store_root(options.store)
    worker = Worker(_WARM)
    worker.start()
    try:
        with scratch_run(manifest, root) as run:
            yield entry, run, worker
    finally:
        worker.close()


def _prepared(entry: ModelEntry, run: Run, worker: Worker) -> Prepared:
    from quantgate.engine.artifact import parent_artifact
    from quantgate.pipeline.data import load_data
    from quantgate.pipeline.optimize import optimized_artifact
    from quantgate.pipeline.performance import real_input
    from quantgate.progress import SILENT

    def step(name: str) -> Step:
        return Step(name, entry.time_limit_s)

    data = load_data(entry, run.manifest, run.store)
    place = (entry.source, entry.preprocess, run.manifest.root, run.store_of(entry.id))
    parent = worker.call(step("reading the model"), parent_artifact, *place, name=entry.id)
    given = (entry, run, parent, data)
    made = worker.call(step("quantizing"), optimized_artifact, *given, progress=SILENT)
    inputs = worker.call(step("preparing an input"), real_input, entry, parent, data)
    return Prepared(entry, run, worker, data, Pair(parent, made), inputs)


def _entry(options: argparse.Namespace, models: Mapping[str, Any]) -> ModelEntry:
    if options.model in models:
        found: ModelEntry = models[options.model]
        return found
    near = difflib.get_close_matches(options.model, models, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(models)}"
    raise UsageError(f"{options.manifest} has no model {options.model!r}{hint}")
