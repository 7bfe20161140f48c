"""The run's side of the worker: calls, time limits, and a fresh process after a death."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar

from quantgate.engine.worker.border import RemoteError, pack
from quantgate.engine.worker.deaths import Death, death_error, oom_kills, timeout_error
from quantgate.errors import OutOfMemoryError, WorkerError
from quantgate.escaping import visible_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quantgate.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

#: Whether steps run in a process of their own. Windows does not hand a socket on to a child as POSIX
#: does: there they run in the run's own process, without time limits, and a crash ends the run.
APART = os.name == "posix"
#: How long a worker may take to end by itself, and to write down where it hangs, s.
GRACE_S = 5.0
#: How often it is looked whether the worker still lives, s; its answer is heard at once.
LOOK_S = 1.0
_CODE = "import sys; sys.path[:] = {path!r}; from {module} import main; main(*{arguments!r})"
_MODULE = f"{__name__.rpartition('.')[0]}.process"
#: States in which a process takes no time, as psutil calls them.
_AT_REST = frozenset({"stopped", "zombie", "dead"})
#: Of what the worker wrote, the end is kept.
_EVIDENCE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Step:
    """What is called, for the sentence about its death, and the seconds it may take."""

    name: str
    limit_s: float | None = None


class Worker:
    """A warm process that runs one function at a time; started when it is first needed.

    Parameters
    ----------
    warm
        Modules that it imports as it starts.
    environ
        Variables that its process has besides those of the run.
    """

    def __init__(self, warm: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> None:
        self._warm = tuple(warm)
        self._environ = dict(environ or {})
        self._process: _Process | None = None
        self._ended = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process without waiting for it: it gets ready meanwhile."""
        with self._lock:  # another thread may end it for good
            if APART and self._process is None and not self._ended:
                self._process = _Process(self._warm, self._environ)

    def wait(self) -> None:
        """Wait until it is ready, or dead: the first call tells of that."""
        if self._process is not None:
            self._process.get_ready()

    def call(self, step: Step, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the worker: what it returns, raises and logs comes out here.

        A keyword ``progress`` is told here what the function tells its own.

        Raises
        ------
        WorkerError
            Where the process dies, or the call takes longer than the step may; a fresh one is
            started with the next call.
        """
        if not APART:
            return function(*args, **kwargs)
        data = pack((function, args, kwargs))
        process = self._process
        if process is not None and process.dead():  # killed while it had nothing to do
            self.kill()
        self.start()
        process = self._process
        if process is None:
            raise WorkerError(f"the worker process was ended before {step.name}")
        listener: Any = kwargs.get("progress")
        try:
            kind, value, *more = process.ask(data, step, listener)
        except BaseException:  # an interrupt, too: whatever the process does now is in vain
            self.kill()
            raise
        if kind == "raised":
            if isinstance(value, OutOfMemoryError):  # gives back what it holds
                self.kill()
            raise value from RemoteError(*more)
        answer: T = value
        return answer

    def stop(self) -> None:
        """Let the process and its children take no processor time until :meth:`go_on`."""
        if self._process is not None:
            self._process.stop()

    def go_on(self) -> None:
        """Let them go on."""
        if self._process is not None and sys.platform != "win32":
            self._process.send(signal.SIGCONT)

    def end(self) -> None:
        """Kill the process for good: whatever calls, or is called later, raises."""
        with self._lock:
            self._ended = True
        self.kill()

    def kill(self) -> None:
        """End the process at once, and its children."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Let the process end by itself, within a bounded time."""
        process, self._process = self._process, None
        if process is not None:
            process.close()


class _Process:
    """One child, the pipe to it, and what it writes to its standard streams."""

    def __init__(self, warm: tuple[str, ...], environ: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self._said: IO[bytes] = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - as long as the process
        self._oom_kills = oom_kills()
        self._ready = False
        arguments = (theirs.fileno(), os.getpid(), warm)
        code = _CODE.format(path=sys.path, module=_MODULE, arguments=arguments)
        with theirs:
            # A session of its own: Ctrl-C in a terminal is the run's alone, and its children go with it.
            self._popen = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, **environ},
            )
        self._connection = Connection(ours.detach())

    def get_ready(self) -> None:
        with suppress(EOFError, ConnectionError):
            self._ready = self._ready or self._receive(None) is not None

    def dead(self) -> bool:
        return self._popen.poll() is not None

    def ask(self, data: bytes, step: Step, progress: Progress | None) -> tuple[Any, ...]:
        """Send a call and wait for its answer, passing progress and log records on meanwhile."""
        try:
            if not self._ready:
                self._receive(None)
                self._ready = True
            os.ftruncate(self._said.fileno(), 0)
            return self._answer(data, step, progress)
        except (EOFError, ConnectionError) as error:
            raise self._death(step) from error
        except (WorkerError, KeyboardInterrupt):
            raise
        except Exception as error:  # raised by a signal's handler: somebody's own time limit
            error.evidence = self._where()  # type: ignore[attr-defined] # read where errors are noted
            raise

    def _answer(self, data: bytes, step: Step, progress: Progress | None) -> tuple[Any, ...]:
        end_s = None if step.limit_s is None else time.monotonic() + step.limit_s
        self._connection.send_bytes(data)
        while True:
            message = self._receive(end_s)
            if message is None:
                raise timeout_error(step.name, step.limit_s or 0.0, self._where())
            if message[0] in {"returned", "raised"}:
                return message
            _hand_on(message, progress)

    def _receive(self, end_s: float | None) -> tuple[Any, ...] | None:
        """Wait for one message; None where the time is over first.

        A process that it forked may hold the pipe open behind its death: so that is looked for, too.
        """
        while not self._connection.poll(_wait_s(end_s)):
            if end_s is not None and time.monotonic() >= end_s:
                return None
            if self.dead() and not self._connection.poll(0):
                raise EOFError
        message: tuple[Any, ...] = self._connection.recv()
        return message

    def _where(self) -> str:
        """Have it written down where every thread is, and end it."""
        self._popen.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(GRACE_S)
        return self.evidence()

    def _death(self, step: Step) -> WorkerError:
        try:
            self._popen.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        killed = oom_kills() > self._oom_kills
        return death_error(step.name, Death(self._popen.returncode, killed, self.evidence()))

    def evidence(self) -> str:
        """Output since the last call: messages of native code, and its stack."""
        descriptor = self._said.fileno()
        size = os.fstat(descriptor).st_size
        start = max(0, size - _EVIDENCE_BYTES)
        # The child appends whatever the shared position is.
        os.lseek(descriptor, start, os.SEEK_SET)
        return visible_lines(os.read(descriptor, size - start).decode(errors="replace"))

    def stop(self) -> None:
        import psutil  # type: ignore[import-untyped]

        if sys.platform != "win32":
            self.send(signal.SIGSTOP)
        end_s = time.monotonic() + GRACE_S
        with suppress(psutil.Error):
            process = psutil.Process(self._popen.pid)
            while process.status() not in _AT_REST and time.monotonic() < end_s:
                time.sleep(0.001)

    def send(self, number: int) -> None:
        """Send a signal to the process and its children."""
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, number)

    def kill(self) -> None:
        if sys.platform == "win32":
            self._popen.kill()
        else:
            self.send(signal.SIGKILL)
        self._popen.wait()
        self._release()

    def close(self) -> None:
        self._connection.close()
        try:
            self._popen.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        else:
            self._release()

    def _release(self) -> None:
        with suppress(OSError):
            self._connection.close()
        self._said.close()


def _wait_s(end_s: float | None) -> float:
    return LOOK_S if end_s is None else min(LOOK_S, max(0.0, end_s - time.monotonic()))


def _hand_on(message: tuple[Any, ...], progress: Progress | None) -> None:
    what, *values = message
    if what == "log":
        record: logging.LogRecord = values[0]
        logging.getLogger(record.name).handle(record)
    elif progress is not None:
        getattr(progress, what)(*values)
