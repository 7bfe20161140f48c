"""A campaign: runs are ended at random moments, in every way there is, and no verdict may be lost.

QUANTGATE_ENDINGS says how many endings are tried: a few in every test run, 200 in ``tox -e faults``.
QUANTGATE_ENDINGS_FROM is the number of the first: each has a moment of its own, so that a series can be
run in parts.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from suites.e2e import tiny
from suites.e2e.world import ROOT, World
from suites.endings import Gate, agreed, heard, of_json, status_of

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = int(os.environ.get("QUANTGATE_ENDINGS", "12"))
FIRST = int(os.environ.get("QUANTGATE_ENDINGS_FROM", "0"))
#: What happens to whom: the run, its worker process, or one of its parallel pytest workers.
KINDS = (
    ("run", "SIGKILL"),
    ("run", "SIGTERM"),
    ("run", "SIGHUP"),
    ("worker", "SIGSEGV"),
    ("worker", "SIGKILL"),
    ("worker", "no memory"),
    ("pytest-timeout", "timeout"),
    ("time_limit_s", "timeout"),
    ("parallel worker", "SIGKILL"),
    ("run", "SIGINT"),
)
MODEL = """
[models.{name}]
task = "classification"
source = "parent.xml"
decoder = "class-scores"
{limit}calibrate = {{ dataset = "calibration", subset = 20, seed = {seed} }}
evaluate = {{ dataset = "evaluation", subset = 50 }}
limits = {{ min_agreement = {agreement}, max_size_ratio = 1.5, min_int8_share = 0.1 }}
"""
#: How lines of the terminal name what a gate judges.
NAMES = {
    "quantized": "integrity",
    "integrity": "integrity",
    "agreement": "min_agreement",
    "min_agreement": "min_agreement",
    "size": "max_size_ratio",
    "max_size_ratio": "max_size_ratio",
    "work": "min_int8_share",
    "min_int8_share": "min_int8_share",
}
_LINE = re.compile(r"^(PASSED|FAILED|UNDECIDED|BROKEN)  (\w+): (\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make the images, the parent and a store that every run shares."""
    root = tmp_path_factory.mktemp("endings")
    return World(root, tiny.make(root).weights)


@dataclass(slots=True)
class Tally:
    """What came of the endings so far."""

    kinds: Counter[str] = field(default_factory=Counter)
    told: int = 0
    slowest_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.kinds.items()))
        slow = ", ".join(f"{kind} {s:.1f} s" for kind, s in sorted(self.slowest_s.items()))
        return f"{self.kinds.total()} endings ({kinds}), {self.told} verdicts told, 0 lost; slowest end: {slow}"


@pytest.mark.long
def test_no_ending_loses_a_verdict(home: World, tmp_path: Path) -> None:
    """What the terminal told is in every artifact, in the same words, whatever ended the run."""
    tally = Tally()
    whole_s = _one(home, tmp_path / "whole", Ending(FIRST, "nobody", "nothing", 0.0), tally)
    for number in range(FIRST, FIRST + ENDINGS):
        moment_s = float(np.random.default_rng((7, number)).uniform(0.0, 1.1 * whole_s))
        ending = Ending(number, *KINDS[number % len(KINDS)], moment_s)
        _one(home, tmp_path / str(number), ending, tally)
    sys.stdout.write(f"\n{tally}\n")
    assert tally.told > ENDINGS, (
        "most runs were ended before they told anything: this proves little"
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """What happens to whom, seconds after the start; the number makes its run another one."""

    number: int
    to: str
    what: str
    moment_s: float

    @property
    def parallel(self) -> bool:
        """Whether the run has parallel workers."""
        return self.to == "parallel worker" or self.number % 3 == 1

    def __str__(self) -> str:
        by = (
            f"{self.what} by {self.to}"
            if self.what == "timeout"
            else f"{self.what} to the {self.to}"
        )
        return by + (" with -n 2" if self.parallel else "")


def _one(home: World, folder: Path, ending: Ending, tally: Tally) -> float:
    """End one run in one way, check what it left, and say how long it took, s."""
    short_s = f"{0.2 + ending.moment_s / 2:.2f}"
    limit = f"time_limit_s = {short_s}\n" if ending.to == "time_limit_s" else ""
    _lay(home, folder, seed=ending.number, limit=limit)
    arguments = ["-n", "2"] if ending.parallel else []
    if ending.to == "pytest-timeout":
        arguments += ["--timeout", short_s]
    began_s = time.monotonic()
    with (folder / "said.txt").open("w") as said, heard():
        run = subprocess.Popen(
            [sys.executable, "-m", "quantgate", "gate", "models.toml", *arguments],
            cwd=folder,
            env=_environ(home),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        ended_s = _end(run, ending)
        run.wait(timeout=120)
    if ended_s and ending.to == "run":
        took_s = time.monotonic() - ended_s
        tally.slowest_s[ending.what] = max(tally.slowest_s[ending.what], took_s)
    if ending.to != "nobody":
        tally.kinds[str(ending)] += 1
    tally.told += _checked(home, folder, run.returncode)
    return time.monotonic() - began_s


def _lay(home: World, folder: Path, *, seed: int, limit: str = "") -> None:
    folder.mkdir()
    for item in home.root.iterdir():
        if item.name != "store":
            (folder / item.name).symlink_to(item)
    models = (("first", 0.5), ("second", 0.9999))
    made = [MODEL.format(name=name, agreement=a, seed=seed, limit=limit) for name, a in models]
    (folder / "models.toml").write_text(tiny.DATASETS + PREPROCESS + "".join(made))


PREPROCESS = "[defaults]\npreprocess = { size = [32, 32], mean = 120, scale = 60 }\n"


def _environ(home: World) -> dict[str, str]:
    store = str(home.root / "store")
    own = {"PYTHONPATH": str(ROOT), "QUANTGATE_STORE": store, "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own, "COLUMNS": "200"}


def _end(run: subprocess.Popen[bytes], ending: Ending) -> float:
    """Let happen what is to happen at its moment; return when that was, 0 where the run was over."""
    if ending.to not in MARKS:
        return 0.0
    time.sleep(ending.moment_s)
    while run.poll() is None:
        mark = MARKS[ending.to]
        victims = _children(run.pid, mark) if mark else [psutil.Process(run.pid)]
        for victim in victims[:1]:
            with suppress(psutil.NoSuchProcess):  # it may be gone by now
                _strike(victim, ending.what)
            return time.monotonic()
        time.sleep(0.02)
    return 0.0


#: What the command lines of those have in common that something is done to; the run is itself.
MARKS = {
    "run": "",
    "worker": "quantgate.engine.worker.process",
    "parallel worker": "exec(eval(sys.stdin",
}


def _strike(victim: psutil.Process, what: str) -> None:
    if what == "no memory":
        most = victim.memory_info().vms
        victim.rlimit(psutil.RLIMIT_AS, (most, most))
    else:
        victim.send_signal(signal.Signals[what])


def _children(pid: int, mark: str) -> list[psutil.Process]:
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [one for one in children if any(mark in part for part in one.cmdline())]
    except psutil.Error:
        return []


def _checked(home: World, folder: Path, status: int) -> int:
    """Compare what was told with what was left; return how many verdicts were told."""
    said = (folder / "said.txt").read_text(errors="replace")
    told: dict[Gate, str] = {
        (model, NAMES[name]): word.lower() for word, model, name in _LINE.findall(_live(said))
    }
    runs = [path for path in (folder / "reports").glob("*") if not path.is_symlink()]
    if not runs:  # ended before a gate began
        assert not told, said
        return 0
    (directory,) = runs
    # Parts are forgotten last: where they lie, the run died before or while it reported.
    alive = (directory / "run.json").exists() and not (directory / "parts").exists()
    if not alive:
        recovered = _quantgate(home, folder, "recover", str(directory))
        if not (directory / "run.json").exists():
            assert not told, f"{said}\n{recovered}"
            return 0
    states = agreed(directory, said if alive and status >= 0 else None)
    lost = {gate: word for gate, word in told.items() if states.get(gate) != word}
    assert not lost, f"{lost} of {told}, left: {states}\n{said}"
    if status >= 0 and "interrupted by" not in said:
        # Where pytest itself broke down, as xdist does when a worker dies at birth, nothing was judged.
        assert bool(status) == bool(status_of(states) or not states), said
    return len(told)


def _live(said: str) -> str:
    """Lines that came as gates ended: those of the closing sections are no evidence of their own."""
    return re.split(r"^=+ (?:FAILURES|verdicts|ERRORS) =+$", said, maxsplit=1, flags=re.MULTILINE)[
        0
    ]


def _quantgate(home: World, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "quantgate", *arguments],
        cwd=folder,
        env=_environ(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return f"{done.returncode}: {done.stdout}{done.stderr}"


def test_a_merge_that_is_killed_is_whole_or_not_there(home: World, tmp_path: Path) -> None:
    """Killed at random moments, `merge` leaves the whole run or nothing, and succeeds when it is repeated."""
    _lay(home, tmp_path / "shards", seed=0)
    folder = tmp_path / "shards"
    for index in (1, 2):
        said = _quantgate(
            home, folder, "gate", "models.toml", "--shard", f"{index}/2", "--reports", f"s{index}"
        )
        assert "report:" in said, said
    shards = ["merge", "s1/latest", "s2/latest", "--output"]
    began_s = time.monotonic()
    _quantgate(home, folder, *shards, "whole")
    whole_s, whole = time.monotonic() - began_s, of_json(folder / "whole")
    moments = np.random.default_rng(8)
    for number in range(max(3, ENDINGS // 4)):
        with heard():
            merge = subprocess.Popen(
                [sys.executable, "-m", "quantgate", *shards, f"m{number}"],
                cwd=folder,
                env=_environ(home),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        time.sleep(float(moments.uniform(0.0, whole_s)))
        merge.send_signal((signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)[number % 3])
        merge.wait()
        left = folder / f"m{number}"
        if not left.exists():
            _quantgate(home, folder, *shards, left.name)
        assert of_json(left) == whole
        assert agreed(left, None) == whole
