"""What a session keeps in pytest's stash, under one key each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.engine.worker.client import Worker
    from quantgate.report.allure.session import Losses
    from quantgate.report.model import Judged, Problem, RunReport
    from quantgate.run import Run
    from quantgate.session.sharding import Stopwatch

#: The run that a session is; absent where it runs no gates.
RUN: pytest.StashKey[Run] = pytest.StashKey()
#: True once -k, -m or another plugin left tests out.
SELECTED: pytest.StashKey[bool] = pytest.StashKey()
#: Models that --changed-since left out.
UNCHANGED: pytest.StashKey[tuple[str, ...]] = pytest.StashKey()
#: Verdicts and problems of the finished report.
ANSWERS: pytest.StashKey[tuple[tuple[Judged, ...], tuple[Problem, ...]]] = pytest.StashKey()
REPORT: pytest.StashKey[RunReport] = pytest.StashKey()
#: Closing lines of the terminal.
FINISHED: pytest.StashKey[tuple[str, ...]] = pytest.StashKey()
#: What Allure could not write.
LOSSES: pytest.StashKey[Losses] = pytest.StashKey()
STOPWATCH: pytest.StashKey[Stopwatch] = pytest.StashKey()
#: The process in which models are read, quantized, run and timed.
WORKER: pytest.StashKey[Worker] = pytest.StashKey()
