"""Quiet while timing: one timing at a time on a machine, and a look at who else is running."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Share of all cores that others may keep busy before a timing waits for them.
BUSY = 0.25
LOCK_NAME = "quantgate-timing.lock"


def refuse_parallel(environ: Mapping[str, str] | None = None) -> None:
    """Refuse to time inside a worker of parallel pytest: its neighbours would be the noise.

    Raises
    ------
    MeasurementError
        Inside a pytest-xdist worker.
    """
    found = os.environ if environ is None else environ
    worker = found.get("PYTEST_XDIST_WORKER")
    if worker:
        raise MeasurementError(
            f"speed is not measured in the parallel pytest worker {worker}, because the other "
            "workers compete for the cores; run the same command again without -n: what is judged "
            'already comes from the store, and only speed is measured (-n with -m "not speed" '
            "leaves these gates out)"
        )


@contextmanager
def machine_lock(timeout_s: float = 900.0, folder: Path | None = None) -> Iterator[float]:
    """Hold the machine-wide timing lock; yields the seconds that were waited for it.

    Raises
    ------
    MeasurementError
        When another process kept the lock for longer than ``timeout_s``.
    """
    from filelock import FileLock, Timeout

    path = (folder or Path(tempfile.gettempdir())) / LOCK_NAME
    if path.exists() and not os.access(path, os.W_OK):
        from platformdirs import user_cache_path

        path = user_cache_path("quantgate", ensure_exists=True) / LOCK_NAME
    begin = time.monotonic()
    try:
        with FileLock(path, timeout=timeout_s, mode=0o666):
            yield time.monotonic() - begin
    except Timeout as error:
        raise MeasurementError(
            f"another timing held {path} for more than {timeout_s:g} s; wait for it to finish, or "
            "end it"
        ) from error


@dataclass(frozen=True, slots=True)
class LoadMark:
    """Processor time up to a moment: of the whole machine and of this process, seconds."""

    busy_s: float
    total_s: float
    own_s: float


def load_mark() -> LoadMark:
    """Read the processor times now."""
    psutil = _psutil()
    times = psutil.cpu_times()
    total = float(sum(times)) - float(getattr(times, "guest", 0.0))
    idle = float(times.idle) + float(getattr(times, "iowait", 0.0))
    own = psutil.Process().cpu_times()
    return LoadMark(total - idle, total, float(own.user) + float(own.system))


def other_load(since: LoadMark, until: LoadMark) -> float:
    """Share (0..1) of all cores that other processes used between two marks."""
    total = until.total_s - since.total_s
    if total <= 0:
        return 0.0
    others = (until.busy_s - since.busy_s) - (until.own_s - since.own_s)
    return min(1.0, max(0.0, others / total))


def sampled_load(seconds: float = 0.2) -> float:
    """Watch the other processes for a moment and return their share of all cores."""
    since = load_mark()
    time.sleep(seconds)
    return other_load(since, load_mark())


def wait_for_quiet(
    patience_s: float = 5.0,
    *,
    load: Callable[[], float] = sampled_load,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[float, tuple[str, ...]]:
    """Wait a bounded time until others use little; return their last load and notes about it."""
    begin = clock()
    seen = first = load()
    while seen > BUSY and clock() - begin < patience_s:
        seen = load()
    if first <= BUSY:
        return seen, ()
    waited = clock() - begin
    if seen > BUSY:
        note = (
            f"other processes kept {seen:.0%} of the cores busy, and {waited:.0f} s of waiting did "
            f"not help: {busiest()}"
        )
        return seen, (note,)
    return seen, (f"waited {waited:.0f} s for other processes to finish",)


def busiest(count: int = 3, seconds: float = 0.2) -> str:
    """Name the programs that use the processor most now, this one left out."""
    psutil = _psutil()
    mine = os.getpid()
    watched = [found for found in psutil.process_iter(["name"]) if found.pid != mine]
    for process in watched:
        _percent(process)
    time.sleep(seconds)
    used = sorted(((_percent(p), str(p.info["name"])) for p in watched), reverse=True)
    named = [f"{name} ({share:.0f} %)" for share, name in used[:count] if share >= 5]  # noqa: PLR2004
    return ", ".join(named) or "no single process stands out"


def _psutil() -> Any:
    import psutil  # type: ignore[import-untyped]

    return psutil


def _percent(process: Any) -> float:
    try:
        return float(process.cpu_percent())
    except _psutil().Error:
        return 0.0
