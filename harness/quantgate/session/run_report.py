"""Everything that the processes of a run kept, gathered into one report."""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from typing import TYPE_CHECKING, Any

from quantgate.damage import damage_since
from quantgate.declared import declared_limits
from quantgate.escaping import printable
from quantgate.redaction import redacted_command
from quantgate.session import sharding
from quantgate.session.segments import declared_text, segment_of

if TYPE_CHECKING:
    import pytest

    from quantgate.core.estimate import Estimate
    from quantgate.report.model import Judged, ModelReport, Problem, RunReport
    from quantgate.run import Run


def gather(config: pytest.Config, run: Run, status: int) -> RunReport:
    """Build the report of a run that ends with a status of pytest's."""
    from quantgate.machine import fingerprint
    from quantgate.report.model import RunReport
    from quantgate.session.git import commit_of

    started = dt.datetime.fromisoformat(run.started)
    facts, repository = fingerprint(), commit_of(run.manifest.root)
    manifest = run.manifest.path.read_bytes()
    return RunReport(
        run=run.directory.name,
        started=run.started,
        duration_s=(dt.datetime.now(dt.UTC) - started).total_seconds(),
        command=printable(redacted_command([*sys.argv[:1], *config.invocation_params.args])),
        manifest=run.manifest_name,
        manifest_digest=hashlib.sha256(manifest).hexdigest(),
        fingerprint=facts.digest,
        versions=facts.versions,
        machine=facts.machine,
        models=tuple(_models(run)),
        judged=judged(run),
        problems=problems(run),
        commit=repository.commit,
        branch=repository.branch,
        control=_control(run),
        shard=sharding.shard_of(run, status),
        inline_mb=run.manifest.report.inline_mb,
        notes=tuple(damage_since(run.store, started.timestamp())),
    )


def _models(run: Run) -> list[ModelReport]:
    from quantgate.report.codec import decode
    from quantgate.report.model import ModelReport

    found = []
    for model, entry in run.manifest.models.items():
        fields = run.kept(model)
        if fields:
            fields |= _declared(run, model, fields)
            found.append(decode(ModelReport, {"id": model, "task": entry.task, **fields}))
    return found


def _declared(run: Run, model: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Say what a history compares the model's numbers by."""
    entry, root = run.entry(model), run.manifest.root
    digests = dict(fields.get("digests", ()))
    segments = {key: segment_of(entry, key, digests, root) for key in declared_limits(entry)}
    return {"segments": segments, "declared": declared_text(entry, root)}


def _control(run: Run) -> Estimate | None:
    """The control of the session; of several processes, the first one's."""
    from quantgate.core.estimate import Estimate
    from quantgate.report.codec import decode

    return next((decode(Estimate, record) for record in run.records("control")), None)


def judged(run: Run) -> tuple[Judged, ...]:
    """Verdicts in the manifest's order of models."""
    from quantgate.report.codec import decode
    from quantgate.report.model import Judged

    return tuple(decode(Judged, record) for record in _in_order(run, "judged", "verdict"))


def problems(run: Run) -> tuple[Problem, ...]:
    """Gates that gave no verdict, in the same order."""
    from quantgate.report.codec import decode
    from quantgate.report.model import Problem

    return tuple(decode(Problem, record) for record in _in_order(run, "problems", None))


def _in_order(run: Run, kind: str, inner: str | None) -> list[dict[str, Any]]:
    place = {model: index for index, model in enumerate(run.manifest.models)}
    records = list(run.records(kind))
    return sorted(records, key=lambda record: place[(record[inner] if inner else record)["model"]])
