"""Working ahead: while one model is judged, others are made in processes of their own, for the store alone.

Most of a first run is NNCF on one core. So as soon as something has to be made for a model, the models
behind it are made beside it. Their gates then find everything in the store, and are judged in their order
as ever. What failed ahead fails at its gate, which does it again where the failure may be the machine's, or has
something to leave in the run's folder. While anything is measured by time, these processes are stopped.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from quantgate.engine.worker.client import APART, Step, Worker
from quantgate.errors import WorkerError
from quantgate.machine import available_bytes, logical_cores
from quantgate.pipeline.ahead import failed_kind, make_ahead
from quantgate.progress import SILENT
from quantgate.run import RunFolder
from quantgate.session.collection import gate_of
from quantgate.session.following import Following

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from quantgate.progress import Progress
    from quantgate.run import Run

#: Processes that work ahead, where cores and memory suffice.
PROCESSES = 2
#: What a process with a model may take: where less is free, none is started.
BYTES = 3 * 2**30
#: A run that ends within this time starts none, s.
PATIENCE_S = 1.0
#: How often it is looked whether what a gate waits for is there, s.
LOOK_S = 0.1
_FOLDER = "ahead"


class Ahead:
    """The models of a session that are made ahead; every method belongs to the main thread.

    Parameters
    ----------
    run
        Whose models these are.
    asked
        Names of the fixtures that the gates of each model ask for, by model, in the order of the gates.
    processes
        How many work at the same time; 0 where none may.
    """

    def __init__(self, run: Run, asked: Mapping[str, frozenset[str]], processes: int) -> None:
        self._run = run
        self._asked = dict(asked)
        self._places = {model: place for place, model in enumerate(asked)}
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._workers = [Worker() for _ in range(processes)]
        self._pool = ThreadPoolExecutor(max(1, processes), "ahead")
        self._made: dict[str, Future[float | None]] = {}
        self._begun_s = 0.0
        self._waited_s = 0.0
        self._ended: set[str] = set()
        self._progress: dict[str, Following] = {}
        self._over = threading.Event()
        self._turn = threading.Lock()
        for worker in self._workers:
            self._idle.put(worker)

    def begin(self, model: str) -> None:
        """Start with the models behind this one, which is being made now."""
        models = list(self._asked)
        if self._begun_s or not self._workers or model not in self._asked:
            return
        self._begun_s = time.monotonic()
        for other in models[models.index(model) + 1 :]:
            self._progress[other] = Following()
            self._made[other] = self._pool.submit(self._make, other)

    def wait(self, model: str, kind: str = "", progress: Progress = SILENT) -> bool:
        """Wait a moment for a model that is being made; false where no more of it will come from here.

        One whose turn has not come is taken back.

        Parameters
        ----------
        kind
            What the store lacks.
        progress
            Told how far it is, until :meth:`leave_off`.

        Raises
        ------
        HarnessError
            Where making this failed, and would fail again.
        """
        made = self._made.get(model)
        if made is None or made.cancel() or model in self._ended:
            return False
        self._progress[model].show(progress)
        began_s = time.perf_counter()
        done, _ = wait([made], LOOK_S)
        self._waited_s += time.perf_counter() - began_s
        if not done:
            return True
        self._ended.add(model)
        error = made.exception()
        if error is not None and kind and failed_kind(error) == kind:
            raise error
        return error is None

    def leave_off(self, model: str) -> None:
        """Tell nobody any more how far a model is."""
        if model in self._progress:
            self._progress[model].hide()

    def leave(self, model: str) -> float:
        """Close the accounts of a model whose gates are judged; give the seconds that it took beside them.

        What had to be made for it is noted as if its gates had made it.
        """
        waited_s, self._waited_s = self._waited_s, 0.0
        made = self._made.pop(model, None)
        if made is None or made.cancel() or not made.done() or made.exception() is not None:
            return 0.0
        for record in self._folder(model).records("built"):
            self._run.append("built", record)
        return max(0.0, (made.result() or 0.0) - waited_s)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop every process while the body runs, so that it has the machine for itself."""
        with self._turn:  # none is started meanwhile
            for worker in self._workers:
                worker.stop()
            try:
                yield
            finally:
                for worker in self._workers:
                    worker.go_on()

    def close(self) -> None:
        """End the processes at once: what they have finished is in the store."""
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._turn:
            for worker in self._workers:
                worker.end()

    def _folder(self, model: str) -> RunFolder:
        """Name where the steps of a model write: one folder for all would be read again and again."""
        return RunFolder(self._run.parts / _FOLDER / str(self._places[model]), _FOLDER)

    def _make(self, model: str) -> float | None:
        """Make one model in whichever process is idle; None where the session, or one of these, has ended."""
        if self._over.wait(max(0.0, self._begun_s + PATIENCE_S - time.monotonic())):
            return None
        worker = self._idle.get()
        step = Step("working ahead")
        try:
            with self._turn:
                if self._over.is_set():
                    return None
                worker.start()
            folder = self._folder(model)
            folder.open()
            run = replace(self._run, directory=folder.directory, worker=_FOLDER)
            given = (run.entry(model), run, self._asked[model])
            return worker.call(step, make_ahead, *given, progress=self._progress[model])
        except WorkerError:  # perhaps memory is short: the gates need it more
            self._over.set()
            raise
        finally:
            self._idle.put(worker)


def ahead_of(config: pytest.Config, items: Sequence[pytest.Item], run: Run) -> Ahead:
    """Plan what is made ahead in a session: nothing where it would slow down what is limited in time."""
    asked: dict[str, frozenset[str]] = {}
    for item in items:
        gate = gate_of(item)
        if gate is None or run.entry(gate[0]).lane:  # a lane's model is made by then
            continue
        if isinstance(item, pytest.Function):
            asked[gate[0]] = asked.get(gate[0], frozenset()) | frozenset(item.fixturenames)
    limited = any(run.entry(model).time_limit_s for model in asked)
    limited |= bool(getattr(config.option, "timeout", None))
    alone = APART and len(asked) > 1 and not limited and not hasattr(config, "workerinput")
    return Ahead(run, asked, _processes() if alone else 0)


def _processes() -> int:
    """Count the processes for which there are cores and memory."""
    return min(PROCESSES, logical_cores() if logical_cores() > 1 else 0, available_bytes() // BYTES)
