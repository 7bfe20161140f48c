"""Shards of one run, joined: the same report as one machine would have made, or why there is none."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quantgate.errors import ShardError
from quantgate.machine import Fingerprint, machine_class
from quantgate.report.model import state_gate
from quantgate.report.words.verdicts import state_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.report.model import RunReport, Shard

#: What judged numbers depend on beyond their intervals: the system, and the INT8 code it can run.
_CLASS = ("isa", "os")


@dataclass(frozen=True, slots=True)
class Merged:
    """A whole run made of its shards.

    Parameters
    ----------
    report
        The run, as if it had not been split.
    missing
        ``(model, gate)`` that the whole run had to judge and no shard did.
    failed
        Shards whose own run ended with an exit status other than 0.
    shards
        The reports that it is made of, in order.
    """

    report: RunReport
    missing: tuple[tuple[str, str], ...]
    failed: tuple[int, ...]
    shards: tuple[RunReport, ...]

    @property
    def passed(self) -> bool:
        """Whether the gate is passed."""
        return not self.missing and not self.failed

    @property
    def recordable(self) -> tuple[RunReport, ...]:
        """What a history keeps: the whole, or each shard where their machines are of several classes.

        A series holds one class of machines, and never a mixture.
        """
        return self.shards if self.report.mixed else (self.report,)


def merge_reports(reports: Sequence[RunReport], *, mixed: bool = False) -> Merged:
    """Join the reports of all shards; models and verdicts come in the order of the manifest.

    Name and command of the merged run are made of its shards alone, so that it is the same run each
    time it is merged.

    Parameters
    ----------
    mixed
        Whether machines of different classes are taken together, with a note.

    Raises
    ------
    ShardError
        Where a run is no shard, a shard is missing or there twice, or they are of different wholes.
    """
    shards = _ordered(reports)
    _demand_one_whole(shards, mixed=mixed)
    whole = shards[0][0].expected
    report = _joined([report for _, report in shards], tuple(dict(whole)))
    command = " ".join(["quantgate merge", *(one.run for _, one in shards)])
    report = replace(report, run=f"{report.run}-of-{len(shards)}", command=command)
    answered = {state_gate(state) for state in report.states if state_word(state) != "unjudged"}
    missing = tuple(gate for gate in whole if gate not in answered)
    failed = tuple(shard.index for shard, _ in shards if shard.status)
    return Merged(report, missing, failed, tuple(report for _, report in shards))


def _joined(reports: Sequence[RunReport], models: Sequence[str]) -> RunReport:
    place = {model: index for index, model in enumerate(models)}
    first = min(reports, key=_start)
    begun = _start(first)
    ended = max(_start(report) + dt.timedelta(seconds=report.duration_s) for report in reports)
    machine = {
        name: " | ".join(sorted({report.machine.get(name, "–") for report in reports}))
        for name in reports[0].machine
    }
    notes = [note for report in reports for note in report.notes]
    judged = [item for report in reports for item in report.judged]
    problems = [item for report in reports for item in report.problems]
    return replace(
        first,
        duration_s=(ended - begun).total_seconds(),
        machine=machine,
        fingerprint=Fingerprint(machine, reports[0].versions).digest,
        models=tuple(
            sorted((m for report in reports for m in report.models), key=lambda m: place[m.id])
        ),
        judged=tuple(sorted(judged, key=lambda item: place[item.verdict.model])),
        problems=tuple(sorted(problems, key=lambda item: place[item.model])),
        notes=tuple(dict.fromkeys([*notes, *_mixture(reports)])),
        unfit={model: why for report in reports for model, why in report.unfit.items()},
        control=next((report.control for report in reports if report.control), None),
        shard=None,
        mixed=len({machine_class(report.machine) for report in reports}) > 1,
    )


def _start(report: RunReport) -> dt.datetime:
    return dt.datetime.fromisoformat(report.started)


def _mixture(reports: Sequence[RunReport]) -> Iterator[str]:
    if len({report.fingerprint for report in reports}) > 1:
        machines = ", ".join(
            dict.fromkeys(f"{r.machine.get('cpu')} ({r.machine.get('isa')})" for r in reports)
        )
        yield (
            f"the shards ran on different machines ({machines}): each verdict compares both roles on "
            "one of them, but speeds of different models do not compare with each other"
        )


def _ordered(reports: Sequence[RunReport]) -> list[tuple[Shard, RunReport]]:
    """Sort by shard, having checked that each of them is there once."""
    shards: list[tuple[Shard, RunReport]] = []
    for report in reports:
        if report.shard is None:
            raise ShardError(f"{report.run} is a whole run, not a shard: there is nothing to merge")
        shards.append((report.shard, report))
    counts = sorted({shard.count for shard, _ in shards})
    if len(counts) > 1:
        raise ShardError(
            f"these are shards of different runs: one is split in {counts[0]}, another in {counts[1]}"
        )
    _demand_each_once(shards, counts[0])
    return sorted(shards, key=lambda part: part[0].index)


def _demand_each_once(shards: Sequence[tuple[Shard, RunReport]], count: int) -> None:
    given = Counter(shard.index for shard, _ in shards)
    twice = [index for index, times in given.items() if times > 1]
    if twice:
        runs = " and ".join(report.run for shard, report in shards if shard.index == twice[0])
        raise ShardError(f"shard {twice[0]}/{count} is given twice ({runs}): give each shard once")
    absent = [f"{index}/{count}" for index in range(1, count + 1) if index not in given]
    if absent:
        raise ShardError(
            f"shard {', '.join(absent)} is missing: its job left no report, or its folder was not "
            "given; what it had to judge is not judged"
        )


def _demand_one_whole(shards: Sequence[tuple[Shard, RunReport]], *, mixed: bool) -> None:
    first, report = shards[0]
    for other, its_report in shards[1:]:
        for name, here, there in _differences(report, its_report, mixed=mixed):
            raise ShardError(
                f"shards {first.index} and {other.index} differ in {name}: {here or 'none'} and "
                f"{there or 'none'}; run both again from one manifest and commit, on one stack and "
                "one class of machine (--mixed-machines takes different classes of machine together)"
            )
        odd = sorted(set(first.expected) ^ set(other.expected))
        if odd:
            raise ShardError(
                f"shards {first.index} and {other.index} were selected differently: only one of them "
                f"knows {odd[0][1]} of {odd[0][0]}; give all shards the same -k and -m"
            )
    owners = Counter(model for shard, _ in shards for model in shard.models)
    double = [model for model, times in owners.items() if times > 1]
    if double:
        raise ShardError(
            f"{double[0]} was judged by two shards, because they were assigned by different "
            "--shard-durations: give all of them the same file, or none"
        )


def _differences(
    one: RunReport, other: RunReport, *, mixed: bool
) -> Iterator[tuple[str, str, str]]:
    if one.manifest_digest != other.manifest_digest:
        yield "the manifest", one.manifest_digest[:12], other.manifest_digest[:12]
    if one.commit != other.commit:
        yield "the commit", one.commit, other.commit
    for name in dict.fromkeys((*one.versions, *other.versions)):
        if one.versions.get(name) != other.versions.get(name):
            yield f"the version of {name}", one.versions.get(name, ""), other.versions.get(name, "")
    for name in () if mixed else _CLASS:
        if one.machine.get(name) != other.machine.get(name):
            yield (
                f"the {name} of the machine",
                one.machine.get(name, ""),
                other.machine.get(name, ""),
            )
