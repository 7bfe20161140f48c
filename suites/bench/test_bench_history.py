"""A year of nights of a large fleet: recording a night, reading them all, the trend page, and the memory."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import BigInteger, cast, select, text

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS
from quantgate.history.marks import refresh
from quantgate.history.record import ModelState, Number, RunRecord
from quantgate.history.store import History, open_history
from quantgate.history.tables import NUMBERS, RUNS
from quantgate.pipeline.trend import look
from quantgate.report.trend.page import write_trend
from suites import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS, QUANTITIES, NIGHTS = 500, 10, 365
#: Nights that are recorded and timed, at the end of the year.
TIMED = 15
FIRST = dt.datetime(2026, 1, 1, 2, 0, tzinfo=dt.UTC)
LARGEST_MEMORY_MB = 500
ROOT = Path(__file__).parents[2]


def nights() -> Iterator[RunRecord]:
    """Make the first and the last nights of a year of one machine: every number moves a little."""
    rng = np.random.default_rng(0)
    keys = [(f"model-{m:03}", key) for m in range(MODELS) for key in list(LIMITS)[:QUANTITIES]]
    for day in (0, *range(NIGHTS - TIMED, NIGHTS)):
        values = rng.normal(1, 0.02, len(keys)).tolist()
        yield RunRecord(
            run=f"night-{day:03}",
            started=(FIRST + dt.timedelta(days=day)).isoformat(timespec="microseconds"),
            duration_s=3600.0,
            isa="amx",
            machine="a1b2",
            stack="default",
            facts={"cpu": "a CPU"},
            versions={"openvino": f"2026.{day // 90}.0"},
            commit=f"{day:040x}",
            branch="main",
            manifest="models.toml",
            manifest_digest=f"{day // 30:064x}",
            numbers=tuple(
                Number(model, key, Estimate(v, v - 0.02, v + 0.02, 20), "passed", 0.9, model)
                for (model, key), v in zip(keys, values, strict=True)
            ),
            models=tuple(
                ModelState(f"model-{m:03}", {"optimized": f"{m * day:064x}"}, f'{{"m": {m}}}')
                for m in range(MODELS)
            ),
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Provide an empty store of each kind; the server writes to the disk as it would elsewhere."""
    if request.param == "sqlite":
        yield str(tmp_path / "history.sqlite")
        return
    if postgres.missing():
        pytest.skip(postgres.missing())
    with postgres.running() as cluster:
        yield cluster.create("year")


def test_a_year_of_five_thousand_numbers_a_night(url: str) -> None:
    """1.8 million rows: a night is recorded and all series are read within 500 MB."""
    history = open_history(url, create=True)
    first, *last_nights = nights()
    history.record(first)
    _fill(history)
    seconds, cpu = [], []
    for night in last_nights:
        started, used = time.perf_counter(), time.process_time()
        assert history.record(night).new
        seconds.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    driver = json.loads(_child("driver", url))
    read = json.loads(_child("columns", url))
    trend = json.loads(_child("trend", url))

    print(
        f"\n{url.partition(':')[0] if '://' in url else 'sqlite'}: "
        f"{read['points']} numbers in {read['series']} series"
        f"\n  record a night: median {statistics.median(seconds):.2f} s, slowest of {TIMED} "
        f"{max(seconds):.2f} s; of processor {statistics.median(cpu):.2f} s"
        f"\n  read all as columns: {read['seconds']:.1f} s, of processor {read['cpu_s']:.1f} s, "
        f"{read['cpu_s'] / driver['cpu_s']:.1f} × the driver alone; {read['mb']:.0f} MB"
        f"\n  trend page: {trend['seconds']:.1f} s, of processor {trend['cpu_s']:.1f} s; {trend['mb']:.0f} MB"
    )
    assert read["points"] == MODELS * QUANTITIES * NIGHTS
    assert max(read["mb"], trend["mb"]) < LARGEST_MEMORY_MB


def _fill(history: History) -> None:
    """Copy the first night, with noise, into the others but the last ones, inside the store: sooner."""
    numbers = [
        column.name for column in NUMBERS.columns if column.name not in {"series_id", "run_id"}
    ]
    # Noise of ±3 % that needs no random numbers of either database: a cubic, because lower powers drift.
    run, series = cast(RUNS.c.id, BigInteger), cast(NUMBERS.c.series_id, BigInteger)
    mixed = (series * 7919 + run * run * run * 571 + series * run * run * 83) % 2003
    noise = (mixed - 1001) * (0.03 / 1001)
    made = {name: NUMBERS.c[name] + noise for name in ("value", "low", "high")}
    with history.engine.begin() as connection:
        first = connection.execute(select(RUNS)).mappings().one()
        runs = [
            {
                **first,
                "id": first["id"] + day,
                "run": f"night-{day:03}",
                "started_us": first["started_us"] + day * 86_400_000_000,
            }
            for day in range(1, NIGHTS - TIMED)
        ]
        connection.execute(RUNS.insert(), runs)
        # The night that is copied is joined with every other.
        copied = (
            select(
                NUMBERS.c.series_id,
                RUNS.c.id,
                *(made.get(name, NUMBERS.c[name]) for name in numbers),
            )
            .select_from(NUMBERS.join(RUNS, RUNS.c.id != NUMBERS.c.run_id))
            .where(NUMBERS.c.run_id == first["id"])
        )
        ordered = copied.order_by(RUNS.c.id, NUMBERS.c.series_id)
        connection.execute(NUMBERS.insert().from_select(["series_id", "run_id", *numbers], ordered))
        refresh(connection)
        if connection.dialect.name == "postgresql":
            counter = f"pg_get_serial_sequence('{RUNS.name}', 'id')"
            connection.execute(text(f"SELECT setval({counter}, {NIGHTS})"))
    if history.engine.dialect.name == "postgresql":
        # As its own daemon would have done night by night, and does now while the bench measures.
        with history.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                text("VACUUM ANALYZE")
            )


def _child(what: str, url: str) -> str:
    """Read in a process of its own, whose peak of memory is its own too."""
    return subprocess.run(
        [sys.executable, __file__, what, url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _measure(what: str, url: str) -> None:
    history = open_history(url, create=False)
    started, used = time.perf_counter(), time.process_time()
    if what == "driver":
        lengths = [_fetched(history)]
    elif what == "columns":
        lengths = [len(one) for one in history.columns()[1]]
    else:
        lengths = _trend(history)
    print(
        json.dumps(
            {
                "cpu_s": time.process_time() - used,
                "seconds": time.perf_counter() - started,
                "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "series": len(lengths),
                "points": sum(lengths),
            }
        )
    )


def _trend(history: History) -> list[int]:
    """Find what moved and write the page."""
    found = look(history, FIRST.date() + dt.timedelta(days=NIGHTS))
    with tempfile.TemporaryDirectory() as folder:
        write_trend(found, Path(folder) / "trend.html")
    return [len(one) for one in found.series]


def _fetched(history: History) -> int:
    """Fetch the same numbers with the driver alone."""
    with history.engine.connect() as connection:
        rows = connection.connection.cursor()
        rows.execute("SELECT series_id, run_id, value, low, high, n FROM quantgate_numbers")
        return sum(len(some) for some in iter(lambda: rows.fetchmany(50_000), []))


if __name__ == "__main__":
    _measure(sys.argv[1], sys.argv[2])
