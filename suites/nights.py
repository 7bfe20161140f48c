"""Nights of a small made-up fleet, for the tests of the history."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from quantgate.core.estimate import Estimate
from quantgate.history.record import ModelState, Number, RunRecord

FIRST = dt.datetime(2026, 1, 1, 2, 0, tzinfo=dt.UTC)


def night(day: int = 0, *, value: float = 1.3, **changed: Any) -> RunRecord:
    """Make the record of one night: a speedup, a size and one limit that nothing was measured for."""
    made = RunRecord(
        run=f"night-{day}",
        started=(FIRST + dt.timedelta(days=day)).isoformat(timespec="microseconds"),
        duration_s=600.0,
        isa="amx",
        machine="a1b2",
        stack="default",
        facts={"cpu": "a CPU", "isa": "amx"},
        versions={"openvino": "2026.1.0", "nncf": "3.0.0"},
        commit=f"{day:040x}",
        branch="main",
        manifest="models.toml",
        manifest_digest="ab" * 32,
        numbers=(
            Number("digits", "min_agreement", None, "undecided", 0.9, "s0", 0.1, "not measured"),
            Number("ssd", "max_size_ratio", Estimate.exact(0.27, of="models"), "passed", 0.4, "s1"),
            Number(
                "ssd",
                "min_speedup",
                Estimate(value, value - 0.05, value + 0.05, 12, of="rounds"),
                "passed" if value >= 1.2 else "failed",
                1.2,
                "s2",
                4.25,
            ),
        ),
        models=(
            ModelState("digits", {"parent": "11" * 32}, '{"task": "classification"}'),
            ModelState("ssd", {"parent": "22" * 32, "evaluation": "33" * 32}, "{}"),
        ),
        place="/reports/night",
        command="quantgate gate --record",
    )
    return replace(made, **changed)
