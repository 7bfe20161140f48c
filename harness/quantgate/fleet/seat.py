"""A seat of a node: a process of its own in which pytest judges what it is given, one piece at a time.

Ray's worker only holds it: what crashes, hangs or is killed for memory there takes this piece of work alone,
and is told as what it was.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import MeasurementError, WorkerError
from quantgate.escaping import visible_lines
from quantgate.fleet.luggage import at_home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.fleet.luggage import Order
    from quantgate.fleet.work import Work

#: What a seat leaves of a piece of work besides its parts of the run: pytest's serialized reports.
REPORTS = "pytest-reports.json"
#: Where in its folder Allure's results lie.
ALLURE = "allure-results"
MODULE = "quantgate.session.seat"
_EVIDENCE = 20
_PATIENCE_S = 5.0
#: What belongs to a session and not to its answers.
_OF_A_SESSION = ("alive-", "tests-", "planned-")


class Seat:
    """The process, and the pipe to it; started with the first piece of work.

    Parameters
    ----------
    order
        What it has to know of the run.
    luggage
        Archive of the files that the manifest names, for machines which do not have them in their place.
    """

    def __init__(self, order: Order, luggage: bytes = b"") -> None:
        self._order = order
        self._luggage = luggage
        self._folder = Path(tempfile.mkdtemp(prefix="quantgate-seat-"))
        self._process: subprocess.Popen[bytes] | None = None

    def judge(self, work: Work) -> tuple[bytes, str, str]:
        """Do work; give the archive of all that it left, why the machine was unfit for it, and what was lost on it.

        Raises
        ------
        WorkerError
            Where the process dies.
        """
        process = self._started()
        target = Path(tempfile.mkdtemp(dir=self._folder))
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(_question(work)).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = b""
        if not answer.strip():
            raise self._death()
        told = json.loads(answer)
        try:
            return packed(Path(told["folder"]), target), str(told["unfit"]), str(told["lost"])
        finally:
            shutil.rmtree(target, ignore_errors=True)
            # Pytest keeps what broke a fixture, and the process what it was short of.
            if told["lost"]:
                self._leave()

    def close(self) -> None:
        """End it."""
        self._leave()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _leave(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        order = at_home(self._order, self._luggage, self._folder)
        shutil.rmtree(self._folder / "run", ignore_errors=True)  # of one that died
        environ = {**os.environ, **dict(order.environ)}
        environ.pop("PYTEST_XDIST_WORKER", None)
        log = (self._folder / "log").open("wb")
        with log:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", MODULE, str(self._folder / "run")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environ,
                cwd=order.here,
                start_new_session=True,
            )
        assert process.stdin is not None
        # Everybody on the machine reads arguments; its environment it has already.
        told = json.dumps(asdict(replace(order, environ=())))
        with suppress(OSError):  # dead at once: the first piece of work says how
            process.stdin.write(told.encode() + b"\n")
            process.stdin.flush()
        return process

    def _death(self) -> WorkerError:
        """Say how the process died, and what it said last."""
        process, self._process = self._process, None
        assert process is not None
        # It has closed its end, and may be about to leave.
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_S)
        _end(process)
        status = process.returncode
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        said = (self._folder / "log").read_text("utf-8", "replace").strip().splitlines()
        evidence = visible_lines("\n".join(said[-_EVIDENCE:]))
        # Behind an error of its own pytest still counts the tests that ran.
        inner = [
            line.partition(" ")[2].strip() for line in said if line.startswith("INTERNALERROR>")
        ]
        last = f"; it said last: {(inner or said)[-1]}" if said else ""
        return WorkerError(f"the process that judged ended ({how}){last}", evidence)


def _question(work: Work) -> dict[str, Any]:
    part = work.part and [work.part.index, work.part.count]
    return {"model": work.model, "tests": list(work.tests), "part": part}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children, and take its status."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what it did not read any more
            if pipe is not None:
                pipe.close()


def packed(run: Path, target: Path) -> bytes:
    """Take what lies in a run's folder out of it, as an archive: the next piece of work begins with none."""
    for path in list(run.iterdir()):
        path.rename(target / path.name)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz", compresslevel=1) as archive:
        archive.add(target, ".", filter=_wanted)
    return data.getvalue()


def unpacked(answer: bytes, target: Path) -> None:
    """Lay an answer's files into a folder.

    Raises
    ------
    tarfile.TarError, OSError
        Where it is no such archive, or the disk is full.
    """
    with tarfile.open(fileobj=io.BytesIO(answer)) as archive:
        archive.extractall(target, filter="data")


def _wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(info.name).name.startswith(_OF_A_SESSION) else info


def facts_here(devices: Sequence[str]) -> dict[str, Any]:
    """Say what a machine is, and which of these devices it has, for the choice of who judges what."""
    import socket

    from quantgate.machine import available_bytes, fingerprint, isa_class, logical_cores

    found = fingerprint()
    return {
        "host": socket.gethostname(),
        "isa": isa_class(),
        "cores": logical_cores(),
        "free_bytes": available_bytes(),
        "devices": [name for name in devices if _has(name)],
        "machine": dict(found.machine),
        "versions": dict(found.versions),
    }


def _has(device: str) -> bool:
    if device == "CPU":
        return True
    from quantgate.engine.devices import refuse_absent

    try:
        refuse_absent([("", device)])
    except MeasurementError:
        return False
    return True
