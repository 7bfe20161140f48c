"""How a worker ended, in words: the signal, the limit, or memory that ran out."""

from __future__ import annotations

import errno
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from quantgate.errors import OutOfMemoryError, WorkerError

VMSTAT = Path("/proc/vmstat")
#: What libraries say where memory runs out: C++, OpenCV, oneDNN, the C library and its loader.
_SHORT = re.compile(
    r"bad_alloc|bad allocation|can't alloc|cannot allocate memory|out of memory|insufficient memory"
    r"|failed to allocate|unable to allocate|could not allocate|failed to map segment",
    re.IGNORECASE,
)
#: Innermost first, as faulthandler writes a thread.
_FRAME = re.compile(r'^ +File "([^"]+)", line (\d+) in (\S+)$', re.MULTILINE)
_REMEDY = "free memory or use a machine with more, fewer `calibrate.subset` images, or fewer processes (-n)"


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker.

    Parameters
    ----------
    status
        Its exit status; a negative one is the number of a signal.
    oom_killed
        Whether the kernel killed a process for its memory meanwhile.
    evidence
        What it wrote.
    """

    status: int
    oom_killed: bool
    evidence: str


#: Of systems that have signals; named here, as Python for Windows does not know it.
SIGKILL = 9


def death_error(step: str, death: Death) -> WorkerError:
    """Say how a worker died while it was ``step``, "quantizing"."""
    ended = _ended(death.status)
    if death.status == -SIGKILL and death.oom_killed:
        sentence = (
            f"out of memory while {step}: the kernel killed the worker process ({ended}); {_REMEDY}"
        )
        return OutOfMemoryError(sentence, death.evidence)
    if _SHORT.search(death.evidence):
        return OutOfMemoryError(
            f"out of memory while {step}: the worker process ended itself ({ended}); {_REMEDY}",
            death.evidence,
        )
    if death.status == -SIGKILL:
        sentence = (
            f"the worker process was killed (SIGKILL) while {step}: by somebody on this machine, or "
            f"where memory ran out and the kernel does not tell; {_REMEDY}"
        )
        return WorkerError(sentence, death.evidence)
    if death.status >= 0:
        return WorkerError(
            f"the worker process ended itself while {step}: {ended}; a library or a plug-in called exit "
            "there, see its output beside this sentence",
            death.evidence,
        )
    return WorkerError(
        f"the worker process crashed while {step}{_where(death.evidence)}: {ended}; native code of "
        "a library did this, so try another version of it, or leave this model out",
        death.evidence,
    )


def timeout_error(step: str, limit_s: float, evidence: str) -> WorkerError:
    """Say that a step took too long, and where it was then."""
    return WorkerError(
        f"{step} took longer than {limit_s:g} s{_where(evidence)}: raise `time_limit_s`, or see why",
        evidence,
    )


def memory_error(error: BaseException) -> OutOfMemoryError | None:
    """Recognize an error that means, itself or what caused it, that memory ran out."""
    chain: BaseException | None = error
    while chain is not None:
        short = isinstance(chain, MemoryError) or getattr(chain, "errno", None) == errno.ENOMEM
        if short or _SHORT.search(str(chain)):
            return OutOfMemoryError(f"out of memory ({error or type(error).__name__}); {_REMEDY}")
        chain = chain.__cause__ or chain.__context__
    return None


def exit_error(error: BaseException) -> WorkerError | None:
    """Recognize what would end the run itself there: SystemExit, KeyboardInterrupt, pytest's outcomes."""
    if isinstance(error, Exception):
        return None
    said = f": {error}" if str(error) else ""
    return WorkerError(
        f"a library or a plug-in raised {type(error).__name__}{said} in the worker process, which ends programs: "
        "let it raise an Exception"
    )


def oom_kills() -> int:
    """Count the processes that the kernel of this machine killed for their memory; 0 where it does not tell."""
    try:
        text = VMSTAT.read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _ended(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    number = signal.Signals(-status)
    return f"{number.name}, {(signal.strsignal(number) or 'a signal').lower()}"


def _where(evidence: str) -> str:
    """Name the innermost of our own functions that faulthandler found on the current thread."""
    current = evidence.rpartition("Current thread ")[2] if "Current thread " in evidence else ""
    own = [
        found
        for found in _FRAME.finditer(current)
        if "/engine/" in found[1] and "/engine/worker/" not in found[1]
    ]
    return f" in {own[0][3]}" if own else ""
