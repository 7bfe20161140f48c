"""What crosses the border between a run and its worker: functions by name, frozen values, arrays.

A progress listener stays where it is: the function is given one that tells its steps over the pipe.
"""

from __future__ import annotations

import io
import logging
import logging.handlers
import pickle
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from quantgate.engine.worker.deaths import exit_error, memory_error
from quantgate.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

#: Steps of progress are told together this often at most, s: a bar is not redrawn more often.
TOLD_S = 0.1
_LISTENER = "progress"


class RemoteError(Exception):
    """The traceback of an error in the worker, as text: the cause of the same error here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def pack(call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> bytes:
    """Pickle a call; the listener among its keywords is replaced."""
    listener = call[2].get(_LISTENER)
    file = io.BytesIO()
    pickler = _Pickler(file, protocol=5)
    pickler.listener = None if isinstance(listener, Silent) else listener
    pickler.dump(call)
    return file.getvalue()


def unpack(data: bytes, relay: Relay) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Read what :func:`pack` wrote, with a listener that reports over the pipe."""
    reader = _Unpickler(io.BytesIO(data))
    reader.relay = relay
    found: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] = reader.load()
    return found


class _Pickler(pickle.Pickler):
    listener: Any = None

    def persistent_id(self, obj: Any) -> str | None:
        return _LISTENER if self.listener is not None and obj is self.listener else None


class _Unpickler(pickle.Unpickler):
    relay: Any = None

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - there is one only
        return self.relay


class Relay:
    """Sends progress and log records over the pipe, from any thread.

    Parameters
    ----------
    connection
        The worker's end of the pipe.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._steps = 0
        self._told_s = 0.0

    def send(self, *message: Any) -> None:
        """Send one message."""
        self.send_bytes(pickle.dumps(message, protocol=5))

    def send_bytes(self, data: bytes) -> None:
        """Send one message that is pickled already."""
        with self._lock:
            self._connection.send_bytes(data)

    def start(self, name: str, total: int) -> None:
        """Report that a piece of work starts."""
        self._steps = 0
        self.send("start", name, total)

    def advance(self, steps: int = 1) -> None:
        """Report completed steps, several at once."""
        with self._lock:
            self._steps += steps
            now = time.monotonic()
            if now - self._told_s < TOLD_S:
                return
            self._connection.send(("advance", self._steps))
            self._steps, self._told_s = 0, now

    def close(self) -> None:
        """Report that it is finished."""
        self.send("close")


class RelayedLog(logging.handlers.QueueHandler):
    """Passes log records on to the run's own loggers."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay)  # type: ignore[arg-type] # any object: enqueue below is all that uses it

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a record that is ready to be pickled."""
        self.queue.send("log", record)  # type: ignore[attr-defined]


def answer_of(call: Callable[[], object]) -> bytes:
    """Call a function; pickle what it returned, or what it raised with the traceback."""
    try:
        return pickle.dumps(("returned", call()), protocol=5)
    except BaseException as error:  # noqa: BLE001 - it goes on in the other process
        told = memory_error(error) or exit_error(error) or _portable(error)
        return pickle.dumps(("raised", told, traceback.format_exc()), protocol=5)


def _portable(error: BaseException) -> BaseException:
    """Give the error itself where it survives the way, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - written by the line itself
    except Exception:  # noqa: BLE001 - whatever somebody's error makes of it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
