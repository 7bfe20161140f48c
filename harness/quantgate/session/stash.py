"""What a session keeps in pytest's stash, under one key each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filelock import BaseFileLock

    from quantgate.engine.worker.client import Worker
    from quantgate.report.allure.session import Losses
    from quantgate.report.model import RunReport
    from quantgate.run import Run
    from quantgate.session.ahead import Ahead
    from quantgate.session.interrupts import Interrupts
    from quantgate.session.sharding import Stopwatch

#: The run that a session is; absent where it runs no gates.
RUN: pytest.StashKey[Run] = pytest.StashKey()
#: True once -k, -m or another plugin left tests out.
SELECTED: pytest.StashKey[bool] = pytest.StashKey()
#: Models that --changed-since left out.
UNCHANGED: pytest.StashKey[tuple[str, ...]] = pytest.StashKey()
#: The finished report.
REPORT: pytest.StashKey[RunReport] = pytest.StashKey()
#: Held as long as the run's process lives.
ALIVE: pytest.StashKey[BaseFileLock] = pytest.StashKey()
#: Every test of the run that judges a gate, with its model and limit.
TESTS: pytest.StashKey[Mapping[str, tuple[str, str]]] = pytest.StashKey()
#: Closing lines of the terminal.
FINISHED: pytest.StashKey[tuple[str, ...]] = pytest.StashKey()
#: In an item's own stash: the exception whose outcome is in the log already, raised by the gate itself
#: or noted a hook before.
TOLD: pytest.StashKey[BaseException] = pytest.StashKey()
#: What Allure could not write.
LOSSES: pytest.StashKey[Losses] = pytest.StashKey()
STOPWATCH: pytest.StashKey[Stopwatch] = pytest.StashKey()
#: The process in which models are read, quantized, run and timed.
WORKER: pytest.StashKey[Worker] = pytest.StashKey()
#: What makes models ahead of their gates.
AHEAD: pytest.StashKey[Ahead] = pytest.StashKey()
#: The same without the better instructions of the processor, by the class of those that are left.
CAPPED: pytest.StashKey[dict[str, Worker]] = pytest.StashKey()
INTERRUPTS: pytest.StashKey[Interrupts] = pytest.StashKey()
