"""A manifest on the nodes of a Ray cluster gives what one machine gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from quantgate.machine import isa_class
from suites.e2e import tiny
from suites.e2e.world import ROOT
from suites.endings import agreed
from suites.nodes import OPEN, Nodes, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from suites.e2e.world import Ran, World

#: What differs between two runs by nature.
_OWN = ("run", "started", "duration_s", "command")
ABSENT = f"""
[models.absent]
task = "classification"
decoder = "class-scores"
source = {{ url = "https://models.invalid/a.onnx", sha256 = "{"a" * 64}" }}
calibrate = {{ dataset = "calibration", subset = 20 }}
limits = {{ max_size_ratio = 1.5 }}
"""
OWN_TESTS = """
import os
import pytest

def test_of_its_own():
    assert os.environ["COLUMNS"] == "1000"

@pytest.mark.models("plain")
def test_answers(comparison):
    assert len(comparison.comparison.images) == 40
"""
#: Ray is not there, as far as anybody is told.
WITHOUT = 'import sys; sys.modules["ray"] = None\n'
#: The run notes at its end whether Ray, or what serves it, was imported.
NOTING = """
import atexit, sys
atexit.register(lambda: open({path!r}, "a").write(
    " ".join(n for n in sys.modules if n == "ray" or n.startswith("quantgate.fleet")) + "\\n"
))
"""


def manifest(world: World) -> str:
    """Describe a model that passes, one with a planted defect, and one that is not on this machine."""
    datasets, body = tiny.MANIFEST.split("[models.tiny]")
    body = body.replace(
        'evaluate = "evaluation"', 'evaluate = { dataset = "evaluation", subset = 40 }'
    )
    limits = "limits = { max_accuracy_drop = 0.05, min_agreement = 0.85, min_int8_share = 0.1 }\n"
    late = world.shifted(body)
    defaults = '[defaults]\npreprocess = { size = [32, 32], mean = 120, scale = 60 }\nevaluate = "evaluation"\n'
    return f"{datasets}{defaults}[models.plain]{body}{limits}[models.late]{late}{limits}{ABSENT}"


def lay(world: World, folder: Path, text: str) -> Path:
    """Make a user's folder: a manifest beside links to the images and models of the world."""
    for item in world.root.iterdir():
        if item.name != "store":
            (folder / item.name).symlink_to(item)
    (folder / "models.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """Two nodes, of which one may judge speed."""
    with nodes(PYTHONPATH=str(ROOT)) as found:
        found.add(speed=True)
        found.add()
        yield found


@dataclass(frozen=True, slots=True)
class Both:
    """One run of a manifest on one machine, and one on the nodes of a cluster, each with a store of its own."""

    world: World
    folder: Path
    alone: Ran
    spread: Ran

    def again(self, cluster: Nodes, *options: str, **environ: str) -> Ran:
        """Judge on the cluster once more, from the same store."""
        return self.world.gate(self.folder, "--ray", cluster.address, *options, **environ)


@pytest.fixture(scope="module")
def both(world: World, cluster: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Judge the same manifest in both ways."""
    folder = lay(world, tmp_path_factory.mktemp("spread"), manifest(world))
    alone = world.gate(folder, "--reports", "alone", QUANTGATE_STORE=str(folder / "other"))
    spread = world.gate(folder, "--ray", cluster.address, **OPEN)
    return Both(world, folder, alone, spread)


def newest(folder: Path) -> Path:
    """Give the folder of the newest run below a folder of reports."""
    return max(folder.glob("20*"))


def document(run: Path) -> dict[str, Any]:
    """Read the verdicts of a run, less what is of that run alone."""
    found: dict[str, Any] = json.loads((run / "verdicts.json").read_text("utf-8"))
    for state in (*found["verdicts"], *found["problems"]):
        del state["duration_s"]
    return {key: value for key, value in found.items() if key not in _OWN}


def files(run: Path, folder: str) -> dict[str, bytes]:
    """Read all files of a run's folder."""
    found = (path for path in (run / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(run)): path.read_bytes() for path in found}


def untimed(run: Path) -> dict[str, bytes]:
    """Read the tables, but those of times that were measured."""
    timed = ("layers.", "layer-types.", "executed-precision.")
    tables = files(run, "tables")
    found = {name: data for name, data in tables.items() if not any(one in name for one in timed)}
    assert len(found) < len(tables)
    return found


def test_a_spread_run_is_the_run_of_one_machine(both: Both) -> None:
    """Verdicts, values, intervals, problems, tables, pictures and the exit status are the same, byte for byte."""
    alone, spread = newest(both.folder / "alone"), both.spread.latest

    assert both.alone.status == both.spread.status == 1, both.spread.said
    assert document(spread) == document(alone)
    assert untimed(spread) == untimed(alone)
    assert files(spread, "pictures") == files(alone, "pictures")
    assert any(name.startswith("pictures/late") for name in files(spread, "pictures"))
    assert agreed(spread, both.spread.said) == agreed(alone, both.alone.said)


def test_what_other_tools_read_is_the_same(both: Both) -> None:
    """JUnit's cases, Allure's tests with all that is attached, and the models of durations.json."""
    alone, spread = newest(both.folder / "alone"), both.spread.latest

    assert junit(spread) == junit(alone)
    assert allure(spread) == allure(alone)
    assert seconds(spread).keys() == seconds(alone).keys() == {"plain", "late", "absent"}
    assert all(value > 0 for value in seconds(spread).values())


def junit(run: Path) -> list[tuple[str, ...]]:
    """Name JUnit's cases, and the properties that no clock decides."""
    cases = ET.parse(run / "junit.xml").getroot().iter("testcase")
    return sorted(
        (
            *(str(case.get(key)) for key in ("classname", "name", "file", "line")),
            *sorted(
                f"{one.get('name')}={one.get('value')}"
                for one in case.iter("property")
                if one.get("name") != "seconds"
            ),
        )
        for case in cases
    )


def allure(run: Path) -> list[tuple[Any, ...]]:
    """Name Allure's results: identity, name, status, message, labels but the machine's, attachments."""
    results = [json.loads(p.read_text()) for p in (run / "allure-results").glob("*-result.json")]
    return sorted(
        (
            result["historyId"],
            result["fullName"],
            result["name"],
            result["status"],
            result.get("statusDetails", {}).get("message", ""),
            sorted((one["name"], one["type"]) for one in result.get("attachments", ())),
            sorted(
                (one["name"], one["value"])
                for one in result["labels"]
                if one["name"] not in {"host", "thread"}
            ),
        )
        for result in results
    )


def seconds(run: Path) -> dict[str, float]:
    """Read how long each model took."""
    found: dict[str, float] = json.loads((run / "durations.json").read_text())
    return found


def test_compare_finds_no_change(both: Both) -> None:
    """`quantgate compare` of the two runs names no gate."""
    runs = (str(newest(both.folder / "alone")), str(both.spread.latest))

    ran = both.world.run(both.folder, "-m", "quantgate", "compare", *runs)

    assert ran.status == 0, ran.said
    assert "no verdict and no value changed" in ran.said, ran.said


def test_a_selection_is_made_once_for_all(both: Both, cluster: Nodes) -> None:
    """With -k and -m the chosen gates run, and the run is green where they pass."""
    ran = both.again(cluster, "-k", "plain", "-m", "not speed", **OPEN)

    assert ran.status == 0, ran.said
    assert {model for model, _ in ran.outcomes} == {"plain"}
    assert "left out by the selection" in ran.said


def test_the_first_failure_ends_the_run(both: Both, cluster: Nodes) -> None:
    """With -x nothing is judged behind a missed limit, and the report says what is missing."""
    ran = both.again(cluster, "-x", "-k", "late", **OPEN)

    assert ran.status == 1, ran.said
    states = agreed(ran.latest, ran.said)
    assert states["late", "min_agreement"] == "failed"
    assert states["late", "min_int8_share"] == "unjudged"


def test_a_test_of_ones_own_runs_where_the_run_was_started(both: Both, cluster: Nodes) -> None:
    """A user's test beside the gates, also one that asks for a model's answers, needs no node."""
    (both.folder / "test_own.py").write_text(OWN_TESTS)

    ran = both.world.run(
        both.folder,
        *("-m", "pytest", "test_own.py", "--manifest", "models.toml", "--ray", cluster.address),
        *("-k", "own or answers or plain", "--rootdir", str(both.folder)),
        **OPEN,
    )

    assert ran.status == 0, ran.said
    assert "Ray: 2 nodes" in ran.said
    cases = ET.parse(ran.latest / "junit.xml").getroot().iter("testcase")
    assert {"test_of_its_own", "test_answers[plain]"} <= {case.get("name") for case in cases}


def test_limits_for_a_class_that_no_node_has_are_refused_at_once(
    world: World, cluster: Nodes, tmp_path: Path
) -> None:
    """Nothing is judged: the sentence names the model, its classes, and the nodes that there are."""
    other = "neon" if isa_class() == "amx" else "amx"
    text = manifest(world).replace("min_int8_share = 0.1", f"min_speedup = {{ {other} = 1.1 }}")
    folder = lay(world, tmp_path, text)

    ran = world.gate(folder, "--ray", cluster.address, **OPEN)

    assert ran.status == 4, ran.said
    assert (
        f"--ray: plain (speed) needs a node for speed of class {other}, and the nodes" in ran.said
    )
    assert "PASSED" not in ran.said


def test_an_address_without_a_cluster_is_one_sentence(both: Both) -> None:
    """Nobody answers there: what to give instead is said, and nothing is judged."""
    ran = both.world.gate(both.folder, "--ray", "127.0.0.1:1", **OPEN)

    assert ran.status == 4, ran.said
    assert "--ray 127.0.0.1:1: no Ray cluster answers" in ran.said
    assert "Traceback" not in ran.said


def test_without_the_library_it_is_named(both: Both, tmp_path: Path) -> None:
    """What to install is said before anything runs."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)

    ran = both.world.gate(both.folder, "--ray", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert ran.status == 4, ran.said
    assert 'pip install "quantgate[ray]"' in ran.said
    assert "Traceback" not in ran.said


def test_parallel_workers_beside_it_are_refused(both: Both) -> None:
    """-n divides the same gates in another way."""
    ran = both.world.gate(both.folder, "--ray", "-n", "2")

    assert ran.status == 4, ran.said
    assert "leave -n out" in ran.said


def test_a_run_without_it_imports_nothing_of_it(both: Both, tmp_path: Path) -> None:
    """Neither Ray nor what serves it is imported by any process of a plain run."""
    noted = tmp_path / "noted"
    (tmp_path / "sitecustomize.py").write_text(NOTING.format(path=str(noted)))

    ran = both.world.gate(both.folder, "-k", "plain", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert ran.status == 0, ran.said
    assert set(noted.read_text().splitlines()) == {""}
