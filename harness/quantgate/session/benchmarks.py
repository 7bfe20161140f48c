"""Timings as pytest-benchmark records: for its compare and histogram commands, and for services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from quantgate.core.timing import Timing
    from quantgate.run import Run, RunFolder

_KIND = "benchmarks"
FILE = "benchmark.json"


def keep_records(run: Run, model: str, timing: Timing) -> None:
    """Keep one record for each arm that was measured."""
    from quantgate.core.benchmark_json import benchmark_record

    for name in timing.arm_names():
        if len(timing.costs_ns(name)):
            run.append(_KIND, benchmark_record(timing, name, model))


def records_of(
    run: RunFolder, machine: Mapping[str, str], started: str, commit: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Make the document of everything that was timed so far; None where nothing was."""
    from quantgate.core.benchmark_json import benchmark_file

    records = list(run.records(_KIND))
    if not records:
        return None
    return benchmark_file(records, machine=machine, commit=dict(commit), date=started)


def write_records(config: pytest.Config, run: Run) -> None:
    """Write ``benchmark.json`` into the run, and wherever pytest-benchmark's options say.

    Its own session saves only what its fixture measured, so that ``--benchmark-json``,
    ``--benchmark-save`` and ``--benchmark-autosave`` would leave nothing of a run of gates.
    """
    from quantgate.machine import fingerprint
    from quantgate.report.files import write_atomic

    session = getattr(config, "_benchmarksession", None)
    commit: dict[str, Any] = (
        {} if session is None else config.hook.pytest_benchmark_generate_commit_info(config=config)
    )
    document = records_of(run, fingerprint().machine, run.started, commit)
    if document is None:
        return
    data = json.dumps(document, indent=1).encode()
    write_atomic(run.directory / FILE, data)
    if session is None:
        return
    if session.json is not None:
        session.json.write(data)
        session.json.flush()
    name = session.save or session.autosave
    if name:
        session.storage.save(document, name)
