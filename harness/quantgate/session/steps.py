"""The steps of one model, run in the session's worker: what crashes or hangs there breaks this model alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pytest

from quantgate.engine.worker.client import Step, Worker
from quantgate.entries.lane import CAP_VARIABLE, CAPS
from quantgate.errors import HarnessError
from quantgate.progress import SILENT
from quantgate.run import Run
from quantgate.session.ahead import ahead_of
from quantgate.session.collection import gate_of
from quantgate.session.progress_bars import bars
from quantgate.session.stash import AHEAD, CAPPED, RUN, WORKER
from quantgate.store import NotStoredError, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from quantgate.entries import ModelEntry
    from quantgate.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

#: Kinds of the store that are made ahead of a model's gates.
MADE_AHEAD = frozenset(
    {"parent", "look", "optimized", "given", "executed", "comparison", "derived", "memory"}
)
#: What every model needs, imported while its images are still being read.
WARM = ("cv2", "openvino", "quantgate.engine.evaluate", "quantgate.pipeline.accuracy")


@dataclass(frozen=True, slots=True)
class Steps:
    """Calls functions for one entry, within its time limit.

    ``cap`` is the class of instructions that they use at most, empty for all of the machine's.
    """

    entry: ModelEntry
    config: pytest.Config
    cap: str = ""

    def capped(self, cap: str) -> Steps:
        """Run what follows in a process that uses instructions of this class at most; empty: all."""
        return replace(self, cap=cap)

    def of(self, entry: ModelEntry) -> Steps:
        """Run what follows for another entry."""
        return replace(self, entry=entry)

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
        if self.cap:
            environ = {CAP_VARIABLE: CAPS[self.cap]}
            worker = self.config.stash[CAPPED].setdefault(self.cap, Worker(WARM, environ))
        return worker.call(Step(name, self.entry.time_limit_s), function, *args, **kwargs)

    def found(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function here where the store holds all that it asks for, else in the worker.

        Every run and store among its positional arguments only reads here: what is missing or damaged is
        made in the worker. So whoever changed nothing waits for no process and for no library.

        Raises
        ------
        WorkerError
            As :meth:`call`.
        """
        try:
            while True:
                try:
                    return function(*map(_reading, args), **kwargs)  # type: ignore[arg-type] # each as it was
                except NotStoredError as missing:
                    if not self._comes(str(missing), kwargs.get("progress")):
                        break
        finally:
            self.config.stash[AHEAD].leave_off(self.entry.id)
        return self.call(name, function, *args, **kwargs)

    def _comes(self, kind: str, listener: Any) -> bool:
        """Whether a process that works ahead may still make this; else those behind it are begun with."""
        ahead = self.config.stash[AHEAD]
        if kind not in MADE_AHEAD:
            return False
        ahead.begin(self.entry.id)
        return ahead.wait(self.entry.id, kind, SILENT if listener is None else listener)

    def alone(self) -> AbstractContextManager[None]:
        """Have the machine for the next call: whatever works ahead is stopped."""
        return self.config.stash[AHEAD].stopped()

    def bars(self) -> AbstractContextManager[Progress]:
        """Show the progress of the next call."""
        return bars(self.config, self.entry.id)


def _reading(value: object) -> object:
    return value.reading() if isinstance(value, Run | Store) else value


class WorkerKeeper:
    """Starts the session's worker with the first gate, and ends it with the session.

    Parameters
    ----------
    gates
        Whether gates run in this session; tests of the user's own may ask for a model where they do not.
    """

    def __init__(self, config: pytest.Config, *, gates: bool = True) -> None:
        self._gates = gates
        config.stash[WORKER] = Worker(WARM)
        config.stash[CAPPED] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Let it get ready while the first images are read, where no gate's time runs meanwhile."""
        run, worker = session.config.stash[RUN], session.config.stash[WORKER]
        items = [item for item in session.items if self._gates or gate_of(item) is None]
        session.config.stash[AHEAD] = ahead_of(session.config, items, run)
        if getattr(session.config.option, "timeout", None) and items:
            worker.start()
            worker.wait()
        elif _is_needed(items, run):
            worker.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Let nothing work ahead any more: no gate comes."""
        if AHEAD in session.config.stash:
            session.config.stash[AHEAD].close()
        yield

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Let it end, and those of lanes."""
        for worker in (config.stash[WORKER], *config.stash[CAPPED].values()):
            worker.close()


def _is_needed(items: Sequence[pytest.Item], run: Run) -> bool:
    """Whether gates will ask for the worker: something is timed, or the first model is not in the store."""
    gates = [(item, gate[0]) for item in items if (gate := gate_of(item)) is not None]
    if any(
        isinstance(item, pytest.Function) and "timing" in item.fixturenames for item, _ in gates
    ):
        return True
    if not gates:
        return False
    from quantgate.engine.artifact import parent_artifact

    entry = run.entry(gates[0][1])
    store = run.store_of(entry.id).reading()
    try:
        parent_artifact(entry.source, entry.preprocess, run.manifest.root, store, name=entry.id)
    except NotStoredError:
        return True
    except HarnessError:  # its gate says what is wrong
        return False
    return False
