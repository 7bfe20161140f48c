"""A gate asks no network for anything: not for data, and not to tell somebody that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

#: Python imports it in every process that a run starts: whoever opens a door to a network is written down.
GUARD = """
import os, socket, sys

def watch(event, arguments):
    asked = event.startswith("socket.get") or event in {"socket.connect", "socket.bind", "socket.sendto"}
    inet = event == "socket.__new__" and arguments[1] in {socket.AF_INET, socket.AF_INET6}
    local = event in {"socket.connect", "socket.bind"} and arguments[0].family == socket.AF_UNIX
    if inet or asked and not local and event != "socket.gethostname":
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {arguments[1:]} in {sys.argv}\\n")

sys.addaudithook(watch)
"""


def guarded(folder: Path) -> dict[str, str]:
    """Give an environment in which every Python process is watched, as of somebody who is new here."""
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    path = os.pathsep.join([str(folder / "guard"), os.environ.get("PYTHONPATH", "")])
    quiet = {"NNCF_CI": "", "CI": "", "HOME": str(folder), "QUANTGATE_STORE": str(folder / "cold")}
    return {**quiet, "PYTHONPATH": path, "NETWORK_LOG": str(folder / "network.log")}


def test_a_whole_gate_opens_no_network_socket(world: World, project: Callable[[str], Path]) -> None:
    """From an empty store and an empty home: quantized, judged, timed, reported and recorded."""
    limits = "limits = { min_agreement = 0.5, max_size_ratio = 0.9, min_int8_share = 0.01, min_speedup = 0.01 }\n"
    folder = project(f"{tiny.MANIFEST}benchmark = {{ seconds = 1 }}\nundecided = 'warn'\n{limits}")

    # pytest-rerunfailures binds a port of its own; here the harness is asked.
    ran = world.gate(folder, "--record", "-p", "no:rerunfailures", **guarded(folder))

    assert ("tiny", "min_speedup") in ran.outcomes, ran.said
    assert "recorded: " in ran.said
    log = folder / "network.log"
    assert not log.exists(), log.read_text()


def test_the_guard_sees_a_socket(tmp_path: Path) -> None:
    """Otherwise the test above could not fail."""
    codes = (
        "import socket; socket.socket(socket.AF_INET)",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import urllib.request as u; u.urlopen('http://127.0.0.1:9')",
    )
    environment = guarded(tmp_path)
    for code in codes:
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            check=False,
            capture_output=True,
        )
        log = tmp_path / "network.log"
        assert log.read_text().startswith("socket."), code
        log.unlink()
