"""Parts of a model's evaluation, made by themselves: by any process, on any machine that shares the store.

A part needs nothing but the manifest: whatever of the models the store lacks is made first. The gates take the
parts that are there, make what is missing, and join all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.errors import UsageError
from quantgate.progress import SILENT
from quantgate.shard import Part
from quantgate.store import NotStoredError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from quantgate.engine.artifact import Artifact
    from quantgate.engine.passes import Pass
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run

#: Values of ``--limit`` and ``--limits-from``: an accuracy-aware recipe may aim at a limit.
Given = tuple["Sequence[str]", "Sequence[Path]"]


def missing_parts(entry: ModelEntry, run: Run) -> tuple[Part, ...]:
    """List the parts of an entry's evaluation that nobody has made; none where the whole is in the store.

    One part, 1/1, is all of it: so few images are not worth more. Only the store is read, and the images'
    digests.
    """
    from quantgate.engine.parts import parts_worth
    from quantgate.pipeline.data import load_data
    from quantgate.run import scratch_run

    data = load_data(entry, run.manifest, run.store)
    count = parts_worth(len(data.evaluation))
    parts = tuple(Part(number, count) for number in range(1, count + 1))
    with scratch_run(run.manifest, run.store) as scratch:
        try:
            passes = list(_passes(entry, scratch.reading(), data, SILENT))
        except NotStoredError:
            return parts
        return tuple(part for part in parts if not all(one.holds(part) for one in passes))


def evaluate_parts(
    entry: ModelEntry, run: Run, parts: Sequence[Part], *, progress: Progress = SILENT
) -> None:
    """Put some parts of an entry's evaluation into the store, those that are not there.

    Several cost less at once than one by one: images are looked up, and models compiled, once.

    Raises
    ------
    HarnessError
        As its gates would; ShardError for a part that :func:`missing_parts` never lists.
    """
    from quantgate.pipeline.data import load_data

    data = load_data(entry, run.manifest, run.store)
    for one in _passes(entry, run, data, progress):
        for part in parts:
            one.keep_part(part)


def evaluate_parts_of(
    manifest: Path,
    model: str,
    parts: Sequence[Part],
    *,
    store: str | None = None,
    given: Given | None = None,
) -> None:
    """Do as :func:`evaluate_parts` in a process that knows no more than this.

    Parameters
    ----------
    store
        A folder or an address, as of ``--store``.
    """
    from quantgate.manifest import load_manifest
    from quantgate.run import scratch_run
    from quantgate.stack import check_stack
    from quantgate.store import store_root

    check_stack()
    loaded = load_manifest(manifest, given)
    if model not in loaded.models:
        raise UsageError(f"{manifest} has no model {model!r}; it has {', '.join(loaded.models)}")
    with scratch_run(loaded, store_root(store)) as run:
        evaluate_parts(run.entry(model), run, parts)


def _passes(entry: ModelEntry, run: Run, data: Data, progress: Progress) -> Iterator[Pass[Any]]:
    """Plan every pass of an entry's models over its images, those of its gates; of lanes what no cap is for."""
    from quantgate.engine.artifact import parent_artifact
    from quantgate.engine.comparing import pass_of
    from quantgate.pipeline.accuracy import Conditions
    from quantgate.pipeline.baseline import baseline_artifact
    from quantgate.pipeline.lanes import lane_pass
    from quantgate.pipeline.optimize import optimized_artifact
    from quantgate.pipeline.repeats import repeated_artifacts

    store = run.store_of(entry.id)
    place = (entry.source, entry.preprocess, run.manifest.root, store)
    parent = parent_artifact(*place, name=entry.id)
    optimized = optimized_artifact(entry, run, parent, data, progress=progress)
    repeats = repeated_artifacts(entry, run, parent, data, progress=progress)
    baseline = baseline_artifact(entry, run, parent)
    references = tuple(filter(None, (parent, baseline)))
    conditions = Conditions.of(entry, run, data)

    def planned(*artifacts: Artifact) -> Pass[Any]:
        how = conditions.keywords(progress)
        return pass_of(artifacts, conditions.bench, conditions.store, **how)

    yield planned(parent, optimized, *references[1:])
    yield from (planned(reference, again) for reference in references for again in repeats)
    first, lanes = entry.benchmark.device, entry.evaluate.device
    answering = [(optimized, first)] if lanes else []
    answering += [(parent, "CPU")] if set(lanes) - {first} else []
    for artifact, name in answering:
        yield lane_pass(entry, run, artifact, data, name=name, progress=progress)
