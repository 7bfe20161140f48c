"""What the gates of a model will ask the store for, made before they ask."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from quantgate.errors import (
    DatasetError,
    DecoderError,
    HarnessError,
    PreprocessError,
    QuantizationError,
)
from quantgate.pair import Pair
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run

#: What follows from model, recipe and images alone: it fails again, and alike.
_LASTING = (DatasetError, DecoderError, PreprocessError, QuantizationError)
_FAILED = "failed_kind"


def make_ahead(
    entry: ModelEntry, run: Run, asked: Collection[str], *, progress: Progress = SILENT
) -> float:
    """Fill the store for one entry, step by step as its fixtures would; return the seconds that took.

    Nothing is measured here by time: speed and profiles want the machine for themselves.

    Parameters
    ----------
    run
        Whose folder takes what the steps keep for a report: nobody reads it.
    asked
        Names of the fixtures that the entry's gates ask for.

    Raises
    ------
    HarnessError
        Where a step fails; :func:`failed_kind` tells which one, where the gate would fail alike.
    """
    from quantgate.engine.artifact import parent_artifact
    from quantgate.pipeline.data import load_data
    from quantgate.pipeline.looking import look_at_parent
    from quantgate.pipeline.optimize import optimized_artifact

    began_s = time.perf_counter()
    store = run.store_of(entry.id)
    parent = parent_artifact(
        entry.source, entry.preprocess, run.manifest.root, store, name=entry.id
    )
    data = load_data(entry, run.manifest, run.store)
    look_at_parent(entry, run, parent, data)
    with _failing("optimized"):
        optimized = optimized_artifact(entry, run, parent, data, progress=progress)
    pair = Pair(parent, optimized)
    if "fidelity" in asked:
        _execute(entry, run, pair, data)
    if "fidelity" in asked and "comparison" in asked:
        with _failing("comparison"):
            _compare(entry, run, pair, data, progress=progress)
    if "memory" in asked:
        from quantgate.pipeline.performance import memory_of_roles

        memory_of_roles(entry, pair, store)
    return time.perf_counter() - began_s


def failed_kind(error: BaseException) -> str:
    """Name what of the store could not be made; empty where the gate has to try for itself."""
    return str(getattr(error, _FAILED, ""))


@contextmanager
def _failing(kind: str) -> Iterator[None]:
    """Note on an error that follows from the input alone what could not be made."""
    try:
        yield
    except _LASTING as error:
        setattr(error, _FAILED, kind)  # goes with it to the other process
        raise


def _execute(entry: ModelEntry, run: Run, pair: Pair[Artifact], data: Data) -> None:
    from quantgate.pipeline.explained import executed_entry

    # Why it is not known is told by the gate, which goes on without it.
    with suppress(HarnessError):
        executed_entry(entry, run.store_of(entry.id), pair, data)


def _compare(
    entry: ModelEntry, run: Run, pair: Pair[Artifact], data: Data, *, progress: Progress
) -> None:
    from quantgate.pipeline.accuracy import compare_roles, compare_to_baseline
    from quantgate.pipeline.baseline import baseline_artifact
    from quantgate.pipeline.repeats import repeated_artifacts, repeated_comparisons

    repeats = repeated_artifacts(entry, run, pair.parent, data, progress=progress)
    baseline = baseline_artifact(entry, run, pair.parent)
    compare_roles(entry, run, pair, data, baseline=baseline, progress=progress)
    for reference in filter(None, (pair.parent, baseline)):
        again = [Pair(reference, one) for one in repeats]
        repeated_comparisons(entry, run, again, data, progress=progress)
    if baseline is not None:
        released = Pair(baseline, pair.optimized)
        compare_to_baseline(entry, run, released, data, progress=progress)
