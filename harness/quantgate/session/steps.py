"""The steps of one model, run in the session's worker: what crashes or hangs there breaks this model alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from quantgate.engine.worker.client import Step, Worker
from quantgate.session.progress_bars import bars
from quantgate.session.stash import WORKER

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pytest

    from quantgate.entries import ModelEntry
    from quantgate.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

#: What every model needs, imported while its images are still being read.
WARM = ("cv2", "openvino", "quantgate.engine.evaluate", "quantgate.pipeline.accuracy")


@dataclass(frozen=True, slots=True)
class Steps:
    """Calls functions for one entry, within its time limit."""

    entry: ModelEntry
    config: pytest.Config

    def call(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the worker.

        Parameters
        ----------
        name
            What it does, for sentences about its end: "quantizing".

        Raises
        ------
        WorkerError
            Where it crashes, is killed or takes longer than ``time_limit_s``.
        """
        worker = self.config.stash[WORKER]
        return worker.call(Step(name, self.entry.time_limit_s), function, *args, **kwargs)

    def bars(self) -> AbstractContextManager[Progress]:
        """Show the progress of the next call."""
        return bars(self.config, self.entry.id)


class WorkerKeeper:
    """Starts the session's worker with the first gate, and ends it with the session."""

    def __init__(self, config: pytest.Config) -> None:
        config.stash[WORKER] = Worker(WARM)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Let it get ready while the first images are read, where no gate's time runs meanwhile."""
        if not session.items:
            return
        session.config.stash[WORKER].start()
        if getattr(session.config.option, "timeout", None):
            session.config.stash[WORKER].wait()

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Let it end."""
        config.stash[WORKER].close()
