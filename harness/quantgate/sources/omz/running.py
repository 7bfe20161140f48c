"""Running one of openvino-dev's tools, line by line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.sources.omz.environment import OmzTools

#: Lines kept for saying why a tool failed.
KEPT_LINES = 60
_TELLING = ("Error", "ERROR", "error:", "shorter than", "longer than")
#: How the downloader's library says that there is no way to a server.
_UNREACHED = re.compile(r"host='([^']+)'.*(Max retries|timed out)")
#: Addresses of Python objects, which differ from run to run.
_ADDRESS = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>:? ?")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a tool ended: its exit status and its last lines, standard error included."""

    status: int
    tail: tuple[str, ...]

    def last(self, *marks: str) -> str | None:
        """Return the last line that holds one of the marks."""
        return next((line for line in reversed(self.tail) if any(m in line for m in marks)), None)

    def reason(self) -> str:
        """Return what a person needs of the last lines: the last one that speaks of an error."""
        plain = [line for line in self.tail if not line.startswith("#")]
        for lines in (plain, self.tail):
            for line in reversed(lines):
                if unreached := _UNREACHED.search(line):
                    return f"{unreached[1]} cannot be reached"
                if any(mark in line for mark in _TELLING):
                    return _ADDRESS.sub("", line.lstrip("# "))[:200].rstrip()
        return self.tail[-1][:200] if self.tail else "it said nothing"


def run_tool(tools: OmzTools, arguments: list[str], relay: Callable[[str], None]) -> ToolResult:
    """Run ``python -m …`` in the tools' environment and relay every line as it comes.

    The tool and all that it starts end when this call ends, however it ends.
    """
    command = [str(tools.python), "-m", *arguments]
    tail: deque[str] = deque(maxlen=KEPT_LINES)
    process = subprocess.Popen(  # noqa: S603 - no shell; names are checked against the index
        command,
        env=tools.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                text = line.rstrip()
                if text:
                    tail.append(text)
                    relay(text)
    except BaseException:
        _end(process)
        raise
    return ToolResult(process.returncode, tuple(tail))


def _end(process: subprocess.Popen[str]) -> None:
    """End the tool together with the processes it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
