"""A process that dies while it records leaves the nights before it, and nothing of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quantgate.core.estimate import Estimate
from quantgate.history.record import Number, RunRecord
from quantgate.history.store import open_history
from suites.e2e.world import ROOT
from suites.nights import night

pytestmark = pytest.mark.long

MOMENTS = 20
NUMBERS = 1500


def crowded(day: int) -> RunRecord:
    """Make a night of so many numbers that writing them takes a while."""
    numbers = tuple(
        Number(
            f"model-{place:04}", "min_agreement", Estimate.exact(1 / (1 + place + day)), "passed"
        )
        for place in range(NUMBERS)
    )
    return replace(night(day), numbers=numbers, models=())


def record_for_ever(url: str, first: int) -> None:
    """Record one night after the other until somebody kills this process."""
    history = open_history(url, create=True)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for day in range(first, first + 10_000):
        history.record(crowded(day))


def test_no_moment_leaves_half_a_night(store_url: str) -> None:
    """Killed at twenty random moments, the store opens every time, and every night in it is whole."""
    moments = np.random.default_rng(20)
    journals = recorded = 0
    for _ in range(MOMENTS):
        child = subprocess.Popen(
            [sys.executable, __file__, store_url, str(recorded)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.6))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        journals += Path(f"{store_url}-journal").exists()

        nights = list(open_history(store_url, create=False).records())

        assert nights == [crowded(day) for day in range(len(nights))]
        assert len(nights) >= recorded
        recorded = len(nights)
    assert recorded
    if "://" not in store_url:
        assert journals, "no moment was in the middle of a night, so this proves nothing"


if __name__ == "__main__":
    record_for_ever(sys.argv[1], int(sys.argv[2]))
