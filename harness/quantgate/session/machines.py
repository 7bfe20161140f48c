"""The machines of a run that was spread over several: what its report says of them, and what a history keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.machine import Fingerprint, machine_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quantgate.report.model import RunReport
    from quantgate.run import RunFolder

_KIND = "machine"


def note_machine(run: RunFolder, tests: Iterable[str], facts: Mapping[str, str]) -> None:
    """Note on which machine tests were judged."""
    run.append(_KIND, {"tests": list(tests), "facts": dict(facts)})


def on_machines(run: RunFolder, report: RunReport) -> RunReport:
    """Say of a report where its gates were judged; one that was judged here alone stays as it is."""
    found = list(_by_class(run).values())
    if not found:
        return report
    facts = [facts for facts, _ in found]
    names = dict.fromkeys(name for one in facts for name in one)
    machine = {name: " | ".join(sorted({one.get(name, "–") for one in facts})) for name in names}
    told = ", ".join(f"{one.get('cpu')} ({one.get('isa')})" for one in facts)
    mixture = (
        f"the gates were judged on different machines ({told}): each verdict compares both roles on one of "
        "them, but speeds of different models do not compare with each other"
    )
    return replace(
        report,
        machine=machine,
        fingerprint=Fingerprint(machine, report.versions).digest,
        mixed=len(found) > 1,
        notes=(*report.notes, mixture) if len(found) > 1 else report.notes,
    )


def by_machine(run: RunFolder, report: RunReport) -> tuple[RunReport, ...]:
    """Part a report by class of machine, as a history keeps it: a series never holds a mixture."""
    if not report.mixed:
        return (report,)
    return tuple(_part(report, facts, tests) for facts, tests in _by_class(run).values())


def _part(report: RunReport, facts: Mapping[str, str], tests: frozenset[str]) -> RunReport:
    judged = tuple(one for one in report.judged if one.test in tests)
    models = {one.verdict.model for one in judged}
    return replace(
        report,
        run=f"{report.run}-{machine_class(facts)[:6]}",
        machine=dict(facts),
        fingerprint=Fingerprint(facts, report.versions).digest,
        judged=judged,
        problems=tuple(one for one in report.problems if one.test in tests),
        models=tuple(model for model in report.models if model.id in models),
        mixed=False,
    )


def _by_class(run: RunFolder) -> dict[str, tuple[Mapping[str, str], frozenset[str]]]:
    """Give facts and tests of each class of machines, in the order in which they answered."""
    found: dict[str, tuple[Mapping[str, str], frozenset[str]]] = {}
    for record in run.records(_KIND):
        name = machine_class(record["facts"])
        facts, tests = found.get(name, (record["facts"], frozenset()))
        found[name] = facts, tests | set(record["tests"])
    return found
