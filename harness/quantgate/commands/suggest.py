"""``quantgate suggest``: suggest limits from several measurements, with margins and provenance."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from quantgate.commands.arguments import count
from quantgate.commands.console import say
from quantgate.commands.prepare import Prepared, add_arguments, prepared
from quantgate.errors import HarnessError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from quantgate.core.comparison import Comparison
    from quantgate.core.estimate import Estimate
    from quantgate.core.suggest import Provenance
    from quantgate.engine.artifact import Artifact


def add(verbs: Any) -> None:
    """Declare the verb."""
    suggest = verbs.add_parser("suggest", help="suggest limits for a model, ready to paste")
    add_arguments(suggest)
    suggest.add_argument(
        "--runs", type=count, default=3, help="measure speed this many times (default: 3)"
    )
    suggest.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Measure everything that this model can be judged by, and propose a limit for each."""
    from quantgate.core.suggest import snippet, suggest

    with prepared(options) as model:
        measured = dict(_exact(model))
        for _number in range(options.runs):
            for key, estimate in _timed(model):
                measured.setdefault(key, []).append(estimate)
        found = [suggest(key, runs) for key, runs in measured.items()]
        say(snippet(model.entry.id, found, _provenance()).rstrip())
    return 0


def _exact(model: Prepared) -> Iterator[tuple[str, list[Estimate]]]:
    """Measure what does not flicker: once is enough."""
    from quantgate.core.estimate import Estimate
    from quantgate.core.limits import LIMITS
    from quantgate.engine.profile import int8_share
    from quantgate.pipeline.accuracy import compare_roles
    from quantgate.pipeline.performance import profile_roles
    from quantgate.progress import SILENT
    from quantgate.tasks.catalog import TASKS

    entry, task = model.entry, TASKS[model.entry.task]
    given = (entry, model.run, model.artifacts, model.data)
    compared = model.call("comparing both roles", compare_roles, *given, progress=SILENT)
    repeats = _repeats(model)
    comparisons = (compared.comparison, *(comparison for _, comparison in repeats))
    for key in task.LIMITS:
        if LIMITS[key].margin is not None:
            try:
                yield key, [task.judge_quantity(key, one, entry.evaluate) for one in comparisons]
            except HarnessError as error:
                say(f"# {key}: {error}")
    parent = model.artifacts.parent.size_bytes
    made = (model.artifacts.optimized, *(artifact for artifact, _ in repeats))
    yield (
        "max_size_ratio",
        [Estimate.exact(one.size_bytes / parent, 1, of="models") for one in made],
    )
    kept = (model.data, model.run.store_of(entry.id))
    profiles = model.call("profiling", profile_roles, entry, model.artifacts, *kept)
    yield "min_int8_share", [int8_share(profiles.optimized)]
    yield from _executed(model)


def _executed(model: Prepared) -> Iterator[tuple[str, list[Estimate]]]:
    """Measure what execution loses beyond the graph; a device at fault is said, not made the limit."""
    from quantgate.pipeline.explained import executed_entry
    from quantgate.report.words.explained import execution_sentences
    from quantgate.store import Store

    entry, store = model.entry, Store(model.run.store, model=model.entry.id)
    try:
        told = executed_entry(entry, store, model.artifacts, model.data, judged=True)
    except HarnessError as error:
        say(f"# max_execution_error: {error}")
        return
    if told.cause == "execution":
        say(f"# max_execution_error: {' '.join(execution_sentences(told))}")
    else:
        yield "max_execution_error", [told.error]


def _repeats(model: Prepared) -> list[tuple[Artifact, Comparison[Any]]]:
    """Quantize and compare on each further draw of ``calibrate.repeats``."""
    from quantgate.pair import Pair
    from quantgate.pipeline.repeats import repeated_artifacts, repeated_comparisons
    from quantgate.progress import SILENT

    entry, run, parent, data = model.entry, model.run, model.artifacts.parent, model.data
    if not data.repeats:
        return []
    given = (entry, run, parent, data)
    made = model.call("quantizing again", repeated_artifacts, *given, progress=SILENT)
    pairs = tuple(Pair(parent, one) for one in made)
    compared = (entry, run, pairs, data)
    found = model.call("comparing repeats", repeated_comparisons, *compared, progress=SILENT)
    return [(one, kept.comparison) for one, kept in zip(made, found, strict=True)]


def _timed(model: Prepared) -> Iterator[tuple[str, Estimate]]:
    from quantgate.core.speed import BASELINES, speedup
    from quantgate.pipeline.performance import time_freely
    from quantgate.session.progress_bars import command_bars

    given = (model.paths, model.inputs, model.entry.benchmark)
    with command_bars(model.entry.id) as progress:
        timing = model.call("timing", time_freely, *given, progress=progress)
    for key, against in BASELINES.items():
        estimate = speedup(timing, against)
        if estimate is not None:
            yield key, estimate


def _provenance() -> Provenance:
    from quantgate.core.suggest import Provenance
    from quantgate.machine import fingerprint, isa_class

    facts = fingerprint()
    versions = ", ".join(f"{name} {facts.versions[name]}" for name in ("openvino", "nncf"))
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return Provenance(facts.machine["cpu"], isa_class(), today, versions)
