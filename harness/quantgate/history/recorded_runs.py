"""Whole runs, read back as they were recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from quantgate.core.estimate import Estimate
from quantgate.history.connection import damaged, look
from quantgate.history.reading import runs
from quantgate.history.record import ModelState, Number, RunRecord
from quantgate.history.tables import MODELS, NUMBERS, RUNS, SERIES, TEXTS
from quantgate.history.writing import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from quantgate.core.series import RunFacts


def records(engine: Engine) -> Iterator[RunRecord]:
    """Every run as it was recorded, in the order of time."""
    for row, facts in runs(engine).items():
        with look(engine) as connection:
            found = _record(connection, row, facts)
        yield found


def _record(connection: Connection, row: int, facts: RunFacts) -> RunRecord:
    rest = connection.execute(
        select(RUNS.c.manifest, RUNS.c.manifest_digest, RUNS.c.command, RUNS.c.digest).where(
            RUNS.c.id == row
        )
    ).one()
    found = RunRecord(
        run=facts.id,
        started=facts.at.isoformat(timespec="microseconds"),
        duration_s=facts.duration_s,
        isa=facts.isa,
        machine=facts.machine,
        stack=facts.stack,
        facts=facts.facts,
        versions=facts.versions,
        commit=facts.commit,
        branch=facts.branch,
        manifest=rest.manifest,
        manifest_digest=rest.manifest_digest,
        numbers=_numbers(connection, row),
        models=_models(connection, row),
        place=facts.place,
        command=rest.command,
    )
    if digest_of(found) != rest.digest:
        raise damaged(connection.engine, f"run {facts.id} is not what was recorded")
    return found


def _numbers(connection: Connection, row: int) -> tuple[Number, ...]:
    query = (
        select(NUMBERS, SERIES.c.model, SERIES.c.quantity, TEXTS.c.text.label("segment"))
        .join(SERIES, NUMBERS.c.series_id == SERIES.c.id)
        .join(TEXTS, NUMBERS.c.segment_id == TEXTS.c.id)
        .where(NUMBERS.c.run_id == row)
        .order_by(SERIES.c.model, SERIES.c.quantity)
    )
    return tuple(
        Number(
            model=number.model,
            quantity=number.quantity,
            estimate=_estimate(number),
            outcome=number.outcome,
            threshold=number.threshold,
            segment=number.segment,
            duration_s=number.duration_s,
            reason=number.reason,
        )
        for number in connection.execute(query)
    )


def _estimate(number: Any) -> Estimate | None:
    if number.value is None:
        return None
    return Estimate(number.value, number.low, number.high, number.n, number.unit, number.of)


def _models(connection: Connection, row: int) -> tuple[ModelState, ...]:
    digests, entry = TEXTS.alias("digests"), TEXTS.alias("entry")
    query = (
        select(MODELS.c.model, digests.c.text.label("digests"), entry.c.text.label("entry"))
        .join(digests, MODELS.c.digests_id == digests.c.id)
        .join(entry, MODELS.c.entry_id == entry.c.id)
        .where(MODELS.c.run_id == row)
        .order_by(MODELS.c.model)
    )
    return tuple(
        ModelState(state.model, json.loads(state.digests), state.entry)
        for state in connection.execute(query)
    )
