"""The worker process: what happens to it happens to one call."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from quantgate.datasets.catalog import load_dataset
from quantgate.engine.worker import client
from quantgate.engine.worker.client import Step, Worker
from quantgate.engine.worker.deaths import Death, death_error, memory_error
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError, OutOfMemoryError, QuantizationError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from quantgate.progress import Progress

STEP = Step("quantizing")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Provide one worker, which survives all that is done to its process."""
    worker = Worker()
    yield worker
    worker.close()


def crash() -> None:
    """Read where nothing is, as native code does."""
    ctypes.string_at(0)


def hang() -> None:
    """Take longer than anybody waits."""
    time.sleep(600)


def allocate() -> object:
    """Ask for more memory than there is."""
    return np.ones(10**14)


def fail_to_allocate() -> None:
    """Fail as C++ does where a library catches nothing."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def shout() -> None:
    """Fill the output with what terminals obey, then die."""
    for _ in range(300):
        os.write(2, b"\x1b[31m\0::error::it is too late\n" * 400)
    os.abort()


def leave_a_child() -> None:
    """Die while a child holds all that was open."""
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    """End as a person's Ctrl-C would."""
    raise KeyboardInterrupt


def refuse() -> None:
    """Refuse as the harness does."""
    raise DatasetError("no image")


def count(progress: Progress) -> int:
    """Tell progress, log and write to standard output."""
    progress.start("calibrate", 50)
    for _ in range(50):
        progress.advance()
        time.sleep(0.005)
    progress.close()
    logging.getLogger("quantgate.store").warning("entry %s is damaged", "x")
    sys.stdout.write("for nobody")
    return os.getpid()


def doubled(numbers: Any) -> Any:
    """Answer with an array."""
    return numbers * 2


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, name: str, total: int) -> None:
        """Note it."""
        self.told.append((name, total))

    def advance(self, steps: int = 1) -> None:
        """Note it."""
        self.told.append(steps)

    def close(self) -> None:
        """Note it."""
        self.told.append("closed")


def test_values_cross_the_border_both_ways(worker: Worker) -> None:
    """Arrays go to the other process and come back."""
    assert worker.call(STEP, doubled, np.arange(3)).tolist() == [0, 2, 4]
    assert worker.call(STEP, os.getpid) != os.getpid()


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (crash, "crashed while quantizing: SIGSEGV, segmentation fault"),
        (os.abort, "crashed while quantizing: SIGABRT, aborted"),
        (hang, "quantizing took longer than 0.5 s"),
        (allocate, "out of memory"),
        (fail_to_allocate, "out of memory while quantizing"),
    ],
)
def test_an_end_is_named_and_the_next_call_is_answered(
    worker: Worker, ending: Callable[[], object], said: str
) -> None:
    """Signal, limit or memory stand in the error; a fresh process answers."""
    with pytest.raises(WorkerError, match=said):
        worker.call(Step("quantizing", 0.5), ending)
    assert worker.call(STEP, doubled, 2) == 4


@pytest.mark.parametrize("ending", [crash, hang])
def test_the_evidence_names_the_function(worker: Worker, ending: Callable[[], object]) -> None:
    """What the process wrote at last tells where it was."""
    worker.call(STEP, doubled, 1)
    with pytest.raises(WorkerError) as raised:
        worker.call(Step("quantizing", 0.5), ending)
    assert f"in {ending.__name__}" in raised.value.evidence


def test_evidence_is_the_end_of_what_was_written_and_harmless(worker: Worker) -> None:
    """Of megabytes the last is kept, with nothing in it that a terminal or a page obeys."""
    with pytest.raises(WorkerError) as raised:
        worker.call(STEP, shout)
    evidence = raised.value.evidence
    assert "in shout" in evidence
    assert "it is too late" in evidence
    assert len(evidence) < 200_000
    assert not set(evidence) & {"\x1b", "\0"}


def test_errors_come_out_as_they_are(worker: Worker) -> None:
    """A refusal keeps its kind and its process."""
    before = worker.call(STEP, os.getpid)
    with pytest.raises(DatasetError, match="no image"):
        worker.call(STEP, refuse)
    assert worker.call(STEP, os.getpid) == before


@pytest.mark.parametrize(
    ("ending", "name"), [(sys.exit, "SystemExit"), (interrupt, "KeyboardInterrupt")]
)
def test_what_ends_programs_ends_one_call(
    worker: Worker, ending: Callable[[], object], name: str
) -> None:
    """An exit that a plug-in asks for is not the run's."""
    with pytest.raises(WorkerError, match=name):
        worker.call(STEP, ending)
    assert worker.call(STEP, doubled, 2) == 4


def test_a_death_is_seen_though_a_child_lives_on(worker: Worker) -> None:
    """A forked process that holds the pipe open keeps nobody waiting, and is ended."""
    pid = worker.call(STEP, os.getpid)
    with pytest.raises(WorkerError, match="SIGKILL"):
        worker.call(STEP, leave_a_child)
    left = [one for one in psutil.process_iter() if _group(one.pid) == pid]
    psutil.wait_procs(left, timeout=5)
    assert not [one for one in left if one.is_running() and one.status() != "zombie"]


def _group(pid: int) -> int:
    with suppress(ProcessLookupError):
        return os.getpgid(pid)
    return -1


def test_a_process_that_ran_out_of_memory_is_replaced(worker: Worker) -> None:
    """What it holds is given back before the next model."""
    before = worker.call(STEP, os.getpid)
    with pytest.raises(OutOfMemoryError):
        worker.call(STEP, allocate)
    assert worker.call(STEP, os.getpid) != before


def test_a_death_between_two_calls_is_nobodys(worker: Worker) -> None:
    """A process that is killed while it has nothing to do is replaced."""
    os.kill(worker.call(STEP, os.getpid), signal.SIGKILL)
    time.sleep(0.1)
    assert worker.call(STEP, doubled, 2) == 4


def test_progress_and_log_are_told_here(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """A listener hears steps in a few messages, loggers hear records."""
    listener = Listener()
    worker.call(STEP, count, progress=listener)
    assert listener.told[0] == ("calibrate", 50)
    assert listener.told[-1] == "closed"
    assert 1 < len(listener.told) < 20
    assert "entry x is damaged" in caplog.text


INTERRUPTED = """
import os, signal, time
import psutil
from quantgate.engine.worker.client import Step, Worker
worker = Worker()
pid = worker.call(Step("quantizing"), os.getpid)
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    worker.call(Step("quantizing"), time.sleep, 600)
except KeyboardInterrupt:
    print("interrupted", "gone" if not psutil.pid_exists(pid) else "left")
"""


def test_an_interrupt_ends_the_process_too() -> None:
    """Whoever waits is interrupted at once, and nothing runs on."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["interrupted", "gone"], done.stderr


def test_without_posix_steps_run_in_the_run_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started apart, the call is made here, and nothing is started."""
    monkeypatch.setattr(client, "APART", False)
    worker = Worker()
    worker.start()

    assert worker.call(STEP, os.getpid) == os.getpid()
    assert worker._process is None


ORPHAN = """
import os, sys, time
from quantgate.engine.worker import client
from quantgate.engine.worker.client import Step, Worker
worker = Worker()
print(worker.call(Step(""), os.getpid), flush=True)
worker.call(Step(""), time.sleep, 600)
"""


def test_no_process_outlives_its_run() -> None:
    """A run that is killed takes its worker with it."""
    run = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    pid = int(run.stdout.readline())
    run.kill()
    run.wait()
    run.stdout.close()
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(5)
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("subject", ["scenes", "class-maps", "clean"])
def test_built_in_data_cross_the_border(worker: Worker, tmp_path: Path, subject: Any) -> None:
    """Truths that are drawn when they are needed are drawn there."""
    entry = DatasetEntry(kind="digits", subject=subject, size=(64, 64), count=2)
    data = load_dataset("d", entry, tmp_path, cache=tmp_path)
    assert worker.call(STEP, same, data).digest == data.digest


def same(value: Any) -> Any:
    """Give back what it is given."""
    return value


def test_a_kill_for_memory_is_told_from_any_other() -> None:
    """The kernel's own count says whether it was memory."""
    killed = death_error("timing", Death(-signal.SIGKILL, oom_killed=True, evidence=""))
    other = death_error("timing", Death(-signal.SIGKILL, oom_killed=False, evidence=""))
    assert isinstance(killed, OutOfMemoryError)
    assert "out of memory while timing" in str(killed)
    assert not isinstance(other, OutOfMemoryError)
    assert "SIGKILL" in str(other)


@pytest.mark.parametrize(
    "text",
    [
        "std::bad_alloc",
        "can't alloc",
        "Insufficient memory in OutOfMemoryError",
        "libx.so: failed to map segment from shared object",
    ],
)
def test_what_libraries_say_of_memory_is_called_that(text: str) -> None:
    """The cause of a refusal tells it, whatever was made of it."""
    error = QuantizationError("NNCF could not quantize the model")
    error.__cause__ = RuntimeError(text)
    assert isinstance(memory_error(error), OutOfMemoryError)
    assert memory_error(QuantizationError("a layer is not known")) is None
