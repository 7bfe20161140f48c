"""However a gate ends, every artifact of the run says so, once; and so does the exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

from suites.e2e import planted_ends, tiny
from suites.e2e.world import ROOT
from suites.endings import agreed, heard, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from suites.e2e.world import Ran, World

MODEL = """
[models.{name}]
task = "classification"
source = "parent.xml"
optimized = "{optimized}.xml"
decoder = "class-scores"
limits = {{ {limits} }}
"""
PLANTED = """
[models.{name}]
task = "classification"
source = "parent.xml"
optimized = "good.xml"
decoder = {{ kind = "planted", how = "{how}" }}
limits = {{ min_agreement = 0.5 }}
"""
ODD = """
[datasets.nothing]
kind = "folder"
path = "nothing"

[models.no-data]
task = "classification"
source = "parent.xml"
optimized = "good.xml"
decoder = "class-scores"
evaluate = "nothing"
limits = { min_agreement = 0.5 }

[models.no-parent]
task = "classification"
source = "damaged.onnx"
optimized = "good.xml"
decoder = "class-scores"
limits = { min_agreement = 0.5 }

[models.no-scope]
task = "classification"
source = "parent.xml"
decoder = "class-scores"
calibrate = { dataset = "calibration", subset = 10, ignored = { names = ["nobody"] } }
limits = { min_agreement = 0.5 }

[models.no-device]
task = "classification"
source = "parent.xml"
optimized = "good.xml"
decoder = "class-scores"
benchmark = { device = "NPU" }
limits = { min_agreement = 0.5, min_int8_share = 0.5, max_memory_ratio = 2.0 }

[models.absent]
task = "classification"
source = { url = "https://example.invalid/model.onnx", sha256 = "%s" }
optimized = "good.xml"
decoder = "class-scores"
limits = { min_agreement = 0.5, max_size_ratio = 0.5 }
""" % ("0" * 64)
KNOWN = """
[models.known.expected_failure.min_agreement]
reason = "its mean is wrong"
floor = 0.01
expires = 2099-01-01
"""
UNSURE = """
[models.unsure]
task = "classification"
source = "parent.xml"
optimized = "shifted.xml"
decoder = "class-scores"
judge = "interval"
evaluate = { dataset = "evaluation", subset = 40 }
limits = { min_agreement = %s }
"""


def model(name: str, limits: str, optimized: str = "good") -> str:
    """Write an entry."""
    return MODEL.format(name=name, limits=limits, optimized=optimized)


FINE = model("fine", "min_agreement = 0.5, max_size_ratio = 1.5")
MISSED = model("missed", "min_agreement = 0.99, max_size_ratio = 1.5", "shifted")


@pytest.fixture(scope="session")
def furnished(world: World) -> World:
    """Add models quantized elsewhere to the world, one good and one bad, and a package that ends processes."""
    for name, shift in (("good", 0.0), ("shifted", 1.6)):
        if not (world.root / f"{name}.xml").exists():
            tiny.quantized(world.root, name, tiny.build(world.weights, shift=shift))
    (world.root / "damaged.onnx").write_bytes(b"\x08\x09 no model")
    (world.root / "nothing").mkdir(exist_ok=True)
    planted_ends.install(world.root / "planted")
    return world


@pytest.fixture
def gated(furnished: World, project: Callable[[str], Path]) -> Callable[..., Ran]:
    """Provide a gate of some models in a folder of their own."""

    def gate(models: str, *arguments: str, **environment: str) -> Ran:
        folder = project(tiny.HEAD + models)
        path = f"{ROOT}:{folder / 'planted'}"
        return furnished.gate(folder, *arguments, PYTHONPATH=path, **environment)

    return gate


def test_every_way_to_end_is_told_everywhere(gated: Callable[..., Ran]) -> None:
    """Passed, failed, undecided, known, skipped, broken in each fixture, crashed, killed, out of memory."""
    planted = [
        PLANTED.format(name=f"a-{how}", how=how) for how in ("crash", "short", "kill", "hang")
    ]
    known = model("known", "min_agreement = 0.99", "shifted") + KNOWN
    hung = "time_limit_s = 3\n"
    models = [FINE, MISSED, UNSURE % 0.1, known, ODD, *planted]
    ran = gated("".join(models).replace("[models.a-hang]\n", f"[models.a-hang]\n{hung}"))

    states = agreed(ran.latest, ran.said)

    assert ran.status == status_of(states) == 1
    assert states["fine", "min_agreement"] == "passed"
    assert states["missed", "min_agreement"] == "failed"
    assert states["unsure", "min_agreement"] == "undecided"
    assert states["known", "min_agreement"] == "known"
    assert {states["absent", key] for key in ("integrity", "min_agreement", "max_size_ratio")} == {
        "skipped"
    }
    broken = {gate for gate, state in states.items() if state == "broken"}
    assert broken == {
        *((name, key) for name in ("no-data", "no-parent", "no-scope") for key in BOTH),
        *(("no-device", key) for key in (*BOTH, "min_int8_share", "max_memory_ratio")),
        *((f"a-{how}", "min_agreement") for how in ("crash", "short", "kill", "hang")),
    }
    said = {p["model"]: p["sentence"] for p in problems(ran)}
    assert "SIGSEGV, segmentation fault" in said["a-crash"]
    assert "out of memory" in said["a-short"]
    assert "SIGKILL" in said["a-kill"]
    assert "took longer than 3 s" in said["a-hang"]


BOTH = ("integrity", "min_agreement")


def problems(ran: Ran) -> list[dict[str, str]]:
    """Gates of a run that broke."""
    document = json.loads((ran.latest / "verdicts.json").read_text("utf-8"))
    return [problem for problem in document["problems"] if problem["status"] == "broken"]


def test_what_a_crashed_process_wrote_is_kept(gated: Callable[..., Ran]) -> None:
    """The page and verdicts.json show where it was."""
    ran = gated(PLANTED.format(name="crashes", how="crash"))

    (problem,) = problems(ran)
    assert "in crash" in problem["detail"]
    assert "Segmentation fault" in (ran.latest / "index.html").read_text("utf-8")


@pytest.mark.parametrize("arguments", [("--reruns", "1"), ("--count", "2")], ids=str)
def test_attempts_are_counted_and_one_state_is_told(
    gated: Callable[..., Ran], arguments: tuple[str, ...]
) -> None:
    """A gate that is judged twice is one gate with two attempts."""
    needs(arguments[0])
    ran = gated(FINE + MISSED, *arguments)

    states = agreed(ran.latest, ran.said)

    assert ran.status == status_of(states) == 1
    assert states["missed", "min_agreement"] == "failed"
    assert ran.verdicts["missed", "min_agreement"]["attempts"] == 2


def test_a_gate_that_a_rerun_passes_is_passed(gated: Callable[..., Ran], tmp_path: Path) -> None:
    """Of several attempts the last one counts, for the exit status and everywhere else."""
    needs("--reruns")
    flaky = tmp_path / "flaky.py"
    flaky.write_text(FLAKY)
    ran = gated(FINE, "--reruns", "1", "-p", "flaky", "-k", "agreement")

    states = agreed(ran.latest, ran.said)

    assert states == {("fine", "min_agreement"): "passed"}
    assert ran.status == 0
    assert ran.verdicts["fine", "min_agreement"]["attempts"] == 2


FLAKY = """
import pytest
tried = []

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    tried.append(item)
    if len(tried) == 1:
        raise OSError("for once")
"""


def needs(option: str) -> None:
    """Skip where the plugin of an option is not installed."""
    module = {"--reruns": "pytest_rerunfailures", "--count": "pytest_repeat"}.get(option, option)
    pytest.importorskip(module)


@pytest.mark.alone
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_gate_that_is_timed_out_is_broken(gated: Callable[..., Ran], method: str) -> None:
    """By both methods of pytest-timeout the run goes on and says so."""
    needs("pytest_timeout")
    hangs = PLANTED.format(name="hangs", how="hang")
    ran = gated(hangs + FINE, "--timeout", "12", "--timeout-method", method)

    states = agreed(ran.latest, ran.said)

    assert ran.status == status_of(states) == 1
    assert states["hangs", "min_agreement"] == "broken"
    assert states["fine", "min_agreement"] == "passed"
    assert "timed out after 12 s (pytest-timeout)" in problems(ran)[0]["sentence"]


def test_a_run_that_stops_early_tells_of_the_others(gated: Callable[..., Ran]) -> None:
    """What -x leaves out is unjudged, with the reason."""
    ran = gated(MISSED + FINE, "-x")

    states = agreed(ran.latest, ran.said)

    assert ran.status == 1
    assert states["missed", "min_agreement"] == "failed"
    assert {states["fine", key] for key in (*BOTH, "max_size_ratio")} == {"unjudged"}
    assert "stopping after 1 failures" in (ran.latest / "summary.md").read_text("utf-8")


def test_what_is_deselected_is_no_gate_of_the_run(gated: Callable[..., Ran]) -> None:
    """-k leaves no trace of a gate but the count of what was left out."""
    ran = gated(FINE + MISSED, "-k", "agreement and fine")

    assert agreed(ran.latest, ran.said) == {("fine", "min_agreement"): "passed"}
    assert ran.status == 0
    assert "5 of 6 gates were left out by the selection" in ran.said


@pytest.fixture
def started(furnished: World, project: Callable[[str], Path]) -> Iterator[Callable[..., Started]]:
    """Provide a run whose second model hangs, so that it can be ended in the middle of a gate."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> Started:
        folder = project(tiny.HEAD + FINE + PLANTED.format(name="hangs", how="hang") + MISSED)
        environ = {
            **os.environ,
            "PYTHONUNBUFFERED": "",  # lines have to come as they are judged, without its help
            "PYTHONPATH": f"{ROOT}:{folder / 'planted'}",
            "QUANTGATE_STORE": str(furnished.root / "store"),
            "COLUMNS": "200",
            **environment,
        }
        command = [sys.executable, "-m", "quantgate", "gate", "models.toml", *arguments]
        with heard():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        running.append(process)
        return Started(process, folder)

    yield start
    for process in running:
        process.kill()
        process.wait()


class Started:
    """A run that goes on."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.said = ""

    def until(self, text: str) -> None:
        """Read what it says until a text comes, which has to be within two minutes."""
        assert self.process.stdout is not None
        late = threading.Timer(120, self.process.kill)
        late.start()
        for line in self.process.stdout:
            self.said += line
            if text in line:
                late.cancel()
                return
        late.cancel()
        pytest.fail(f"{text} never came: {self.said}")

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda n: n.name
)
def test_a_signal_ends_a_run_with_its_report(
    started: Callable[..., Started], number: signal.Signals
) -> None:
    """What was judged is reported, what was not is unjudged, and the signal is named."""
    run = started()
    run.until("PASSED  hangs: quantized")
    status = run.end(number)

    states = agreed(run.folder / "reports" / "latest", run.said)

    assert status == 2
    assert states["fine", "min_agreement"] == "passed"
    assert states["hangs", "min_agreement"] == states["missed", "integrity"] == "unjudged"
    assert f"interrupted by {number.name}: 4 of 8 gates were not judged" in run.said


def test_a_signal_ends_parallel_workers_at_once(started: Callable[..., Started]) -> None:
    """The controller waits for no worker that is in the middle of a gate."""
    pytest.importorskip("xdist")
    run = started("-n", "2")
    run.until("PASSED  hangs: quantized")
    status = run.end(signal.SIGTERM)

    states = agreed(run.folder / "reports" / "latest", run.said)

    assert status == 2
    assert states["hangs", "min_agreement"] == "unjudged"


def test_a_killed_run_is_recovered(started: Callable[..., Started], furnished: World) -> None:
    """Its folder is named at the next start, and gets the report of what was judged."""
    run = started()
    run.until("PASSED  hangs: quantized")
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    (left,) = [path for path in (run.folder / "reports").iterdir() if not path.is_symlink()]

    packages = f"{ROOT}:{run.folder / 'planted'}"
    listed = furnished.gate(run.folder, "-k", "fine and agreement", PYTHONPATH=packages)
    refused = furnished.run(run.folder, "-m", "quantgate", "history", "record", str(left))
    recovered = furnished.run(run.folder, "-m", "quantgate", "recover", str(left))

    assert f"quantgate recover {left}" in listed.said
    assert f"`quantgate recover {left}`" in refused.said
    assert recovered.status == 0, recovered.said
    states = agreed(left, None)
    assert states["fine", "min_agreement"] == "passed"
    assert states["hangs", "min_agreement"] == states["missed", "integrity"] == "unjudged"
    recorded = furnished.run(run.folder, "-m", "quantgate", "history", "record", str(left))
    assert recorded.status == 0, recorded.said


def test_a_run_killed_while_others_work_ahead_leaves_what_any_kill_leaves(
    started: Callable[..., Started], furnished: World, tmp_path: Path
) -> None:
    """No process outlives it, its report can be made, and the store serves the next run."""
    store = str(tmp_path / "empty")
    run = started(QUANTGATE_STORE=store)
    run.until("PASSED  hangs: quantized")
    below = psutil.Process(run.process.pid).children(recursive=True)
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    (left,) = [path for path in (run.folder / "reports").iterdir() if not path.is_symlink()]
    begun = (left / "parts" / "ahead").is_dir()
    _, alive = psutil.wait_procs(below, timeout=30)

    packages = {"PYTHONPATH": f"{ROOT}:{run.folder / 'planted'}", "QUANTGATE_STORE": store}
    recovered = furnished.run(run.folder, "-m", "quantgate", "recover", str(left), **packages)
    again = furnished.gate(run.folder, "-k", "fine or missed", **packages)

    assert begun
    assert len(below) > 1  # the gates' own worker is one
    assert alive == []
    assert recovered.status == 0, recovered.said
    states = agreed(left, None)
    assert states["fine", "min_agreement"] == "passed"
    assert states["hangs", "min_agreement"] == states["missed", "integrity"] == "unjudged"
    assert agreed(again.latest, again.said)["missed", "min_agreement"] == "failed"


def test_a_recovered_shard_is_merged_and_recorded(
    started: Callable[..., Started], furnished: World
) -> None:
    """What a killed shard judged is in the merged run; what it did not is unjudged there, and fails it."""
    killed = started("--shard", "2/2", "--reports", "second")
    killed.until("PASSED  hangs: quantized")
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    (left,) = [path for path in (killed.folder / "second").iterdir() if not path.is_symlink()]
    packages = f"{ROOT}:{killed.folder / 'planted'}"

    def quantgate(*arguments: str) -> Ran:
        return furnished.run(killed.folder, "-m", "quantgate", *arguments, PYTHONPATH=packages)

    other = quantgate("gate", "models.toml", "--shard", "1/2", "--reports", "first")
    unrecovered = quantgate("merge", "first/latest", str(left), "--output", "whole")
    recovered = quantgate("recover", str(left))
    merged = quantgate("merge", "first/latest", str(left), "--output", "whole")
    recorded = quantgate("history", "record", "whole", "--history", "history.sqlite")

    assert "report:" in other.said, other.said
    assert f"quantgate recover {left}" in unrecovered.said
    assert recovered.status == 0, recovered.said
    assert merged.status == 1, merged.said
    states = agreed(killed.folder / "whole", None)
    assert states["fine", "min_agreement"] == states["hangs", "integrity"] == "passed"
    assert states["hangs", "min_agreement"] == "unjudged"
    assert recorded.status == 0, recorded.said


EXPECTING = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if "agreement" in item.nodeid:
            item.add_marker(pytest.mark.xfail(reason="mine", strict=STRICT, raises=RAISES))
"""


@pytest.mark.parametrize(
    ("strict", "raises"), [("True", "None"), ("False", "None"), ("False", "OSError")]
)
def test_marks_of_pytest_change_no_verdict(
    gated: Callable[..., Ran], tmp_path: Path, strict: str, raises: str
) -> None:
    """What is expected of a gate stands in models.toml alone, with a floor and an end: xfail excuses nothing."""
    (tmp_path / "expecting.py").write_text(
        EXPECTING.replace("STRICT", strict).replace("RAISES", raises)
    )
    ran = gated(FINE + MISSED, "-p", "expecting")

    states = agreed(ran.latest, ran.said)

    assert states["fine", "min_agreement"] == "passed"
    assert states["missed", "min_agreement"] == "failed"
    assert ran.status == status_of(states) == 1
