"""Gates over xdist workers, on xdist itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantgate.session.xdist import scheduler
from quantgate.shard import model_part

pytest_plugins = ["pytester"]

CONFTEST = """
from quantgate.session.xdist import scheduler

def pytest_xdist_make_scheduler(config, log):
    return scheduler(config, log)
"""
TESTS = """
import os
from pathlib import Path
import pytest

def say(model, name):
    with Path("ran.txt").open("a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {name} {model}\\n")

@pytest.mark.parametrize("model_id", ["a", "b", "c"])
def test_first(model_id):
    say(model_id, "first")

@pytest.mark.parametrize("model_id", ["a", "b", "c"])
def test_deadly(model_id):
    say(model_id, "deadly")
    if model_id == "b":
        os._exit(9)

@pytest.mark.parametrize("model_id", ["a", "b", "c"])
def test_last(model_id):
    say(model_id, "last")
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_deadly_gate_takes_nothing_with_it(pytester: pytest.Pytester, workers: str) -> None:
    """Every test runs exactly once, the deadly one included, and the session ends."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_gates=TESTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        ended = pytester.runpytest_subprocess(
            "-n", workers, "--dist", "loadscope", "-p", "no:cacheprovider", timeout=60
        )

    ran = [line.split() for line in (pytester.path / "ran.txt").read_text().splitlines()]
    ended.assert_outcomes(passed=8, failed=1)
    assert sorted((name, model) for _, name, model in ran) == sorted(
        (name, model) for name in ("first", "deadly", "last") for model in "abc"
    )


def test_a_model_stays_with_its_worker(pytester: pytest.Pytester) -> None:
    """What was built for a model is used for all of its gates."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_gates=TESTS.replace('model_id == "b"', "False"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        pytester.runpytest_subprocess(
            "-n", "2", "--dist", "loadscope", "-p", "no:cacheprovider", timeout=60
        )

    ran = [line.split() for line in (pytester.path / "ran.txt").read_text().splitlines()]
    assert {model: len({w for w, _, m in ran if m == model}) for model in "abc"} == dict.fromkeys(
        "abc", 1
    )


@pytest.mark.parametrize(
    ("nodeid", "model"),
    [
        ("gates/test_speed.py::test_speedup[ssd-300]", "ssd-300"),
        ("gates/test_speed.py::test_speedup[ssd-300]@ssd-300", "ssd-300"),
        ("test_x.py::test_plain", "test_x.py::test_plain"),
    ],
)
def test_the_model_is_cut_out_of_the_id(nodeid: str, model: str) -> None:
    """With xdist's own group at the end or without."""
    assert model_part(nodeid) == model


def test_a_worker_that_died_unnoticed_loses_no_work(pytester: pytest.Pytester) -> None:
    """Work sent to a worker whose pipe is broken is given to the next one when its end is told."""

    class Node:
        """A worker whose pipe breaks, or one that notes what it is given."""

        shutting_down = False

        def __init__(self, *, dead: bool) -> None:
            self.dead, self.given = dead, list[int]()

        def send_runtest_some(self, indices: list[int]) -> None:
            """Fail as execnet does, or take the work."""
            if self.dead:
                raise BrokenPipeError
            self.given += indices

        def shutdown(self) -> None:
            """End."""

    tests = ["t.py::one[a]", "t.py::two[a]", "t.py::three[a]"]
    spread = scheduler(pytester.parseconfig("--tx", "2*popen"), None)
    dead, alive = Node(dead=True), Node(dead=False)
    spread.registered_collections = {dead: tests, alive: tests}
    spread.workqueue["a"] = dict.fromkeys(tests, False)
    spread.assigned_work[dead] = {}

    spread._assign_work_unit(dead)
    spread.assigned_work[alive] = {}
    crashed = spread.remove_node(dead)

    assert crashed == tests[0]
    assert alive.given == [1, 2]
