"""What the gates of a model will ask the store for, made before they ask."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from quantgate.pair import Pair
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Collection

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.run import Run


def make_ahead(entry: ModelEntry, run: Run, asked: Collection[str]) -> float:
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
        Where a step fails: the gate fails in the same way when it is its turn, and says so.
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
    optimized = optimized_artifact(entry, run, parent, data, progress=SILENT)
    pair = Pair(parent, optimized)
    if "fidelity" in asked:
        _compare(entry, run, pair, data, compared="comparison" in asked)
    if "memory" in asked:
        from quantgate.pipeline.performance import memory_of_roles

        memory_of_roles(entry, pair, store)
    return time.perf_counter() - began_s


def _compare(
    entry: ModelEntry, run: Run, pair: Pair[Artifact], data: Data, *, compared: bool
) -> None:
    from quantgate.pipeline.accuracy import compare_roles, compare_to_baseline
    from quantgate.pipeline.baseline import baseline_artifact
    from quantgate.pipeline.explained import executed_entry
    from quantgate.pipeline.repeats import repeated_artifacts, repeated_comparisons

    executed_entry(entry, run.store_of(entry.id), pair, data)
    if not compared:
        return
    repeats = repeated_artifacts(entry, run, pair.parent, data, progress=SILENT)
    baseline = baseline_artifact(entry, run, pair.parent)
    compare_roles(entry, run, pair, data, baseline=baseline, progress=SILENT)
    for reference in filter(None, (pair.parent, baseline)):
        again = [Pair(reference, one) for one in repeats]
        repeated_comparisons(entry, run, again, data, progress=SILENT)
    if baseline is not None:
        released = Pair(baseline, pair.optimized)
        compare_to_baseline(entry, run, released, data, progress=SILENT)
