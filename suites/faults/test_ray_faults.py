"""Nodes, seats and drivers of a Ray cluster are lost at random moments, and no verdict may be.

QUANTGATE_RAY_KILLS says how many are tried: a few in every test run, 30 in ``tox -e faults``.
QUANTGATE_RAY_KILLS_FROM is the number of the first, so that a series can be run in parts.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from suites.e2e import tiny
from suites.e2e.world import ROOT, World
from suites.endings import Gate, agreed, heard, of_json
from suites.nodes import CHILD, ENGINE, OPEN, SEAT, Nodes, at_work, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("QUANTGATE_RAY_KILLS", "4"))
FIRST = int(os.environ.get("QUANTGATE_RAY_KILLS_FROM", "0"))
#: Who is killed, in turn.
VICTIMS = {"raylet": "", "seat": SEAT, "child of a seat": CHILD, "engine": ENGINE}
MODEL = """
[models.{name}]
task = "classification"
source = "parent.xml"
decoder = "class-scores"
calibrate = {{ dataset = "calibration", subset = 20, seed = {seed} }}
evaluate = {{ dataset = "evaluation", subset = 50 }}
limits = {{ min_agreement = 0.5, max_size_ratio = {ratio}, {more} = 0.1 }}
"""
DEFAULTS = "[defaults]\npreprocess = { size = [32, 32], mean = 120, scale = 60 }\n"
MODELS = ("first", "second", "third")
#: One limit is missed whatever the seed.
EXPECTED: dict[Gate, str] = {
    (model, gate): "failed" if (model, gate) == ("second", "max_size_ratio") else "passed"
    for model in MODELS
    for gate in ("integrity", "min_agreement", "max_size_ratio", "min_int8_share")
}
#: The first process that judges is short of something; who comes later is not.
SHORT = """
import os, resource, sys
if "quantgate.session.seat" in sys.orig_argv:
    try:
        os.close(os.open({marker!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        pass
    else:
        resource.setrlimit(resource.{limit}, ({most}, {most}))
"""
#: A node says that it is another machine; on a noisy one a model is not as fast as itself.
HOST = """
import os, socket
host = os.environ.get("QUANTGATE_PLANTED_HOST")
if host:
    socket.gethostname = lambda: host
if host == "a-noisy":
    import dataclasses
    from quantgate.engine import timing
    found = timing.control_of
    timing.control_of = lambda one: dataclasses.replace(found(one), fit=False, reason="planted: unfit")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make the images, the parent and a store that every run shares."""
    root = tmp_path_factory.mktemp("lost")
    return World(root, tiny.make(root).weights)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """Lead a cluster; every test brings the nodes that it loses."""
    with nodes(PYTHONPATH=str(ROOT)) as found:
        yield found


@contextmanager
def working(cluster: Nodes, *hosts: dict[str, str]) -> Iterator[list[object]]:
    """Let nodes work on nothing but this test."""
    found = [cluster.add(speed=True, **environ) for environ in hosts]
    try:
        yield found
    finally:
        for node in found:
            cluster.kill(node)


def lay(
    home: World, folder: Path, *, seed: int, models: tuple[str, ...] = MODELS, speed: bool = False
) -> Path:
    """Make a user's folder of models that nobody quantized before."""
    folder.mkdir(exist_ok=True)
    for item in home.root.iterdir():
        if item.name != "store" and not (folder / item.name).exists():
            (folder / item.name).symlink_to(item)
    made = [
        MODEL.format(
            name=name,
            seed=10 * seed + place,
            ratio=0.1 if name == "second" else 1.5,
            more="min_speedup" if speed else "min_int8_share",
        )
        for place, name in enumerate(models)
    ]
    (folder / "models.toml").write_text(tiny.DATASETS + DEFAULTS + "".join(made))
    return folder


@dataclass(frozen=True, slots=True)
class Driver:
    """A run that was started, and what it says."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def said(self) -> str:
        """All that it said so far."""
        return (self.folder / "said.txt").read_text(errors="replace")

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return max((self.folder / "reports").glob("20*"))

    def end(self) -> tuple[int, dict[Gate, str]]:
        """Wait for its end; give its status, and the states that all of its artifacts agree on."""
        status = self.process.wait(timeout=240)
        return status, agreed(self.run, self.said)

    def until(self, word: str) -> None:
        """Wait until it has said something."""
        limit_s = time.monotonic() + 120
        while word not in self.said and self.process.poll() is None and time.monotonic() < limit_s:
            time.sleep(0.02)


def started(home: World, cluster: Nodes, folder: Path, *options: str) -> Driver:
    """Start a run on the cluster."""
    own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "400"}
    store = {"QUANTGATE_STORE": str(home.root / "store")}
    with (folder / "said.txt").open("w") as said, heard():
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "quantgate",
                "gate",
                "models.toml",
                "--ray",
                cluster.address,
                *options,
            ],
            cwd=folder,
            env={**os.environ, **OPEN, **own, **store},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    return Driver(process, folder)


def processes(folder: Path) -> list[psutil.Process]:
    """Find what still works for a run of a folder, on any node."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if CHILD in one.cmdline() and any(str(folder) in part for part in one.cmdline()):
                found.append(one)
    return found


def gone(folder: Path, within_s: float = 20.0) -> bool:
    """Whether nothing works for a run of a folder any more, after a while at most."""
    limit_s = time.monotonic() + within_s
    while processes(folder) and time.monotonic() < limit_s:
        time.sleep(0.05)
    return not processes(folder)


@dataclass(slots=True)
class Tally:
    """What came of the kills."""

    kills: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({kinds}), 0 verdicts lost, 0 twice; work was repeated "
            f"and told in {self.repeated.total()} runs"
        )


@pytest.mark.long
def test_no_kill_loses_a_verdict(home: World, cluster: Nodes, tmp_path: Path) -> None:
    """Whoever is killed, whenever: every gate is judged once, as without it, and repeated work is told."""
    tally, whole_s = Tally(), 8.0
    for number in range(FIRST, FIRST + KILLS):
        moment = float(np.random.default_rng((11, number)).uniform(0.0, 1.0))
        victim = list(VICTIMS)[number % len(VICTIMS)]
        with working(cluster, {}, {}) as found:
            folder = lay(home, tmp_path / str(number), seed=1 + number)
            driver = started(home, cluster, folder)
            driver.until("Ray: ")
            began_s = time.monotonic()
            time.sleep(moment * whole_s)
            struck = strike(cluster, found, driver, victim)
            status, states = driver.end()
            whole_s = 0.8 * (time.monotonic() - began_s)
        assert states == EXPECTED, f"{victim}: {driver.said}"
        assert status == 1, driver.said
        tally.kills[victim] += struck
        tally.repeated[victim] += " attempts: " in driver.said
    sys.stdout.write(f"\n{tally}\n")
    assert tally.kills.total() > KILLS // 2, "most runs were over before: this proves little"


def strike(cluster: Nodes, found: list[object], driver: Driver, victim: str) -> bool:
    """Kill one of a kind; False where the run ended before there was any."""
    while driver.process.poll() is None:
        if not VICTIMS[victim]:
            cluster.kill(found.pop())
            return True
        for one in [one for node in found for one in at_work(node, VICTIMS[victim])]:
            with suppress(psutil.Error):
                one.kill()
                return True
        time.sleep(0.02)
    return False


@pytest.mark.long
@pytest.mark.parametrize("short", [("RLIMIT_AS", 700 << 20), ("RLIMIT_FSIZE", 4096)])
def test_what_one_seat_is_short_of_another_has(
    home: World, cluster: Nodes, tmp_path: Path, short: tuple[str, int]
) -> None:
    """A seat without memory, or on a full disk, costs an attempt that is told, and no verdict."""
    marker, (limit, most) = tmp_path / "short", short
    planted = SHORT.format(marker=str(marker), limit=limit, most=most)
    (tmp_path / "sitecustomize.py").write_text(planted)
    folder = lay(home, tmp_path / "run", seed=100 + most % 7)

    with working(cluster, {"PYTHONPATH": f"{tmp_path}:{ROOT}"}):
        driver = started(home, cluster, folder)
        status, states = driver.end()

    assert marker.exists()
    assert states == EXPECTED, driver.said
    assert status == 1
    assert "took 2 attempts: " in driver.said, driver.said


@pytest.mark.alone
def test_an_unfit_machine_is_left_for_another(home: World, cluster: Nodes, tmp_path: Path) -> None:
    """Speed is judged again elsewhere, and where there is no other machine it stays undecided."""
    (tmp_path / "sitecustomize.py").write_text(HOST)
    path = f"{tmp_path}:{ROOT}"
    noisy, quiet = (
        {"PYTHONPATH": path, "QUANTGATE_PLANTED_HOST": host} for host in ("a-noisy", "b-quiet")
    )
    one, other = (
        lay(home, tmp_path / name, seed=110, models=("first",), speed=True) for name in ("1", "2")
    )

    with working(cluster, noisy, quiet):
        both = started(home, cluster, one)
        _, judged = both.end()
    with working(cluster, noisy):
        alone = started(home, cluster, other)
        status, kept = alone.end()

    assert "attempts: a-noisy" in both.said, both.said
    assert "judged on b-quiet" in both.said
    assert (
        "planted: unfit" not in both.said.replace("attempts: ", "", 1).partition("judged on b")[2]
    )
    assert judged["first", "min_speedup"] in {"passed", "undecided"}
    assert kept["first", "min_speedup"] == "undecided", alone.said
    assert re.search(
        r"speed took \d attempts?: a-noisy.* planted: unfit$", alone.said, re.MULTILINE
    )
    assert "judged on" not in alone.said
    assert status == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_leaves_nobody_working(
    home: World, cluster: Nodes, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM end it within seconds; the report says what is missing, and no process is left."""
    folder = lay(home, tmp_path / "run", seed=120 + number)

    with working(cluster, {}):
        driver = started(home, cluster, folder)
        driver.until("PASSED")
        driver.process.send_signal(number)
        asked_s = time.monotonic()
        status, states = driver.end()
        took_s = time.monotonic() - asked_s
        assert gone(folder)

    assert status == 2, driver.said
    assert took_s < 30, driver.said
    assert states.keys() == EXPECTED.keys()
    assert "unjudged" in states.values()
    assert {
        gate: word for gate, word in states.items() if word != "unjudged"
    }.items() <= EXPECTED.items()


def test_a_killed_driver_resumes(home: World, cluster: Nodes, tmp_path: Path) -> None:
    """Its seats end, its report can be recovered, and the same command quantizes nothing again."""
    folder = lay(home, tmp_path / "run", seed=140)

    with working(cluster, {}):
        driver = started(home, cluster, folder)
        driver.until("PASSED")
        driver.process.kill()
        driver.process.wait()
        assert gone(folder)
        told = {model for model in MODELS if f"PASSED  {model}: quantized" in driver.said}
        died = driver.run
        recovered = home.run(folder, "-m", "quantgate", "recover", str(died))
        again = started(home, cluster, folder)
        status, states = again.end()

    assert told, driver.said
    assert recovered.status == 0, recovered.said
    left = of_json(died)
    assert left.keys() == EXPECTED.keys()
    assert all(left[model, "integrity"] == "passed" for model in told)
    assert agreed(died, None) == left
    assert states == EXPECTED, again.said
    assert status == 1
    times = [line for line in again.said.splitlines() if line.startswith("TIME")]
    for model in told:
        (line,) = [line for line in times if line.split()[1] == model]
        assert "made INT8 model" not in line


@pytest.mark.long
def test_two_runs_share_a_cluster(home: World, cluster: Nodes, tmp_path: Path) -> None:
    """Two drivers at once both judge all that is theirs."""
    folders = [lay(home, tmp_path / name, seed=150) for name in ("one", "other")]

    with working(cluster, {}, {}):
        drivers = [started(home, cluster, folder) for folder in folders]
        ends = [driver.end() for driver in drivers]

    assert [states for _, states in ends] == [EXPECTED, EXPECTED], [d.said for d in drivers]
    assert [status for status, _ in ends] == [1, 1]
