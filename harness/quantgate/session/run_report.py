"""Everything that the processes of a run kept, gathered into one report.

What is known of a run before its first gate is written down as it begins. So its report can be made by
whoever outlives it: the session itself, or `quantgate recover` after a death that left no time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.core.limits import kind_of
from quantgate.core.verdict import Outcome
from quantgate.declared import declared_limits
from quantgate.errors import ReportError
from quantgate.escaping import printable
from quantgate.redaction import redacted_command
from quantgate.report.codec import decode, encode
from quantgate.report.model import ModelReport, RunReport
from quantgate.run import sealed, unsealed
from quantgate.session import sharding
from quantgate.session.machines import on_machines
from quantgate.session.segments import declared_text, segment_of
from quantgate.session.states import final_states, tests_of
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

    from quantgate.core.estimate import Estimate
    from quantgate.entries import ModelEntry
    from quantgate.report.model import Judged
    from quantgate.run import Run, RunFolder

_BEGUN = "begun.json"


def begin_report(config: pytest.Config, run: Run) -> None:
    """Write down what is known of a run as it begins.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from quantgate.report.files import write_atomic

    write_atomic(run.parts / _BEGUN, sealed(encode(_begun(config, run))))


def begun_report(run: RunFolder) -> RunReport:
    """Read back what :func:`begin_report` wrote: a report without gates.

    Raises
    ------
    ReportError
        Where there is none.
    """
    try:
        data = unsealed((run.parts / _BEGUN).read_bytes())
    except OSError as error:
        raise ReportError(
            f"{run.directory}: nothing is left of a run here; give the folder of a run that ended "
            "without a report, which holds a folder `parts`"
        ) from error
    if data is None:
        raise ReportError(
            f"{run.parts / _BEGUN} is damaged: what the run was to judge is not known, run the gates again"
        )
    return decode(RunReport, data)


def is_begun(run: RunFolder) -> bool:
    """Whether a folder holds the parts of a run."""
    return (run.parts / _BEGUN).is_file()


def gather(run: RunFolder, *, status: int, reason: str, ended: dt.datetime) -> RunReport:
    """Build the report of a run.

    Parameters
    ----------
    status
        Its exit status.
    reason
        Why gates that came to no end did not.
    ended
        When it ended.

    Raises
    ------
    ReportError
        Where its parts are not there.
    """
    begun = begun_report(run)
    judged, problems = final_states(run, reason)
    duration = ended - dt.datetime.fromisoformat(begun.started)
    report = replace(
        begun,
        duration_s=max(0.0, duration.total_seconds()),
        models=tuple(_models(run, begun)),
        judged=judged,
        problems=problems,
        control=_control(run),
        unfit=unfit_of(run, judged),
        shard=sharding.shard_of(run, begun.shard, status),
    )
    return on_machines(run, report)


def keep_segments(entry: ModelEntry, run: Run) -> None:
    """Keep what a history compares the model's numbers by, once its images are known."""
    root, digests = run.manifest.root, dict(run.kept(entry.id).get("digests", ()))
    segments = {key: segment_of(entry, key, digests, root) for key in declared_limits(entry)}
    run.keep(entry.id, "segments", {"segments": segments})


def _typed(argv: Sequence[str], given: Sequence[str]) -> list[str]:
    """Give the command as it was typed: of ``quantgate gate`` not what it hands to pytest."""
    program = Path(argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.stem
    return [name, *argv[1:]] if name == "quantgate" else [name, *given]


def _begun(config: pytest.Config, run: Run) -> RunReport:
    from quantgate.machine import fingerprint
    from quantgate.session.git import commit_of

    facts, repository = fingerprint(), commit_of(run.manifest.root)
    manifest = run.manifest.path.read_bytes()
    return RunReport(
        run=run.directory.name,
        started=run.started,
        duration_s=0.0,
        command=printable(redacted_command(_typed(sys.argv, config.invocation_params.args))),
        manifest=run.manifest_name,
        manifest_digest=hashlib.sha256(manifest).hexdigest(),
        fingerprint=facts.digest,
        versions=facts.versions,
        machine=facts.machine,
        models=tuple(_declared(run, entry) for entry in run.manifest.models.values()),
        judged=(),
        commit=repository.commit,
        branch=repository.branch,
        shard=sharding.begun_shard(run),
        inline_mb=run.manifest.report.inline_mb,
    )


def _declared(run: Run, entry: ModelEntry) -> ModelReport:
    """Give what a model's report can say before anything of it was made."""
    from quantgate.manifest.lines import lines_of
    from quantgate.pipeline.provenance import source_text

    written = lines_of(run.manifest.path.read_text(encoding="utf-8-sig"), owner_of(entry.id))
    declared = declared_text(entry, run.manifest.root)
    return ModelReport(
        entry.id, entry.task, source=source_text(entry), entry=written, declared=declared
    )


def _models(run: RunFolder, begun: RunReport) -> list[ModelReport]:
    """List the models that have a gate in the run, in the manifest's order, with all that was kept."""
    gates = {model for model, _ in tests_of(run).values()}
    return [
        decode(ModelReport, {**encode(model), **run.kept(model.id)})
        for model in begun.models
        if model.id in gates
    ]


def unfit_of(run: RunFolder, judged: Iterable[Judged]) -> dict[str, str]:
    """Name the models whose speed was not decided for what the machine did meanwhile, and that."""
    undecided = {
        one.verdict.model
        for one in judged
        if one.verdict.outcome is Outcome.UNDECIDED
        and (kind := kind_of(one.verdict.limit.key)) is not None
        and kind.scope == "speed"
    }
    told = {record["model"]: str(record["reason"]) for record in run.records("unfit")}
    return {model: reason for model, reason in told.items() if model in undecided}


def _control(run: RunFolder) -> Estimate | None:
    """The control of the session; of several processes, the first one's."""
    from quantgate.core.estimate import Estimate

    return next((decode(Estimate, record) for record in run.records("control")), None)
