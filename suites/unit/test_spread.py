from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from quantgate.errors import FleetError
from quantgate.fleet.work import Node
from quantgate.manifest import load_manifest
from quantgate.run import Run, RunFolder
from quantgate.session.history import record_at
from quantgate.session.machines import by_machine, note_machine, on_machines
from quantgate.session.spread_work import devices_of, in_parts, refuse_nowhere, works_of

if TYPE_CHECKING:
    from pathlib import Path

    from suites.conftest import Sample

AMX = {"cpu": "new", "isa": "amx", "cores": "8", "quota": "none", "os": "Linux x86_64"}
OLD = {**AMX, "cpu": "old", "isa": "avx2"}
MANIFEST = """
[datasets.c]
kind = "digits"
split = "calibrate"
size = [224, 224]
count = 20

[datasets.e]
kind = "digits"
split = "evaluate"
size = [224, 224]
count = 1300

[datasets.few]
kind = "digits"
split = "evaluate"
size = [224, 224]
count = 300

[defaults]
calibrate = "c"

[models.many]
source = { zoo = "digits-ssd-mobilenet-v2" }
evaluate = "e"
limits = { max_accuracy_drop = 0.1, min_speedup = { amx = 1.5, vnni = 1.2 }, min_int8_share = { amx = 0.5 } }

[models.few]
source = { zoo = "digits-ssd-mobilenet-v2" }
evaluate = "few"
limits = { max_accuracy_drop = 0.1, min_speedup = 1.1 }

[models.gpu]
source = { zoo = "digits-ssd-mobilenet-v2" }
evaluate = "few"
benchmark = { device = "GPU" }
limits = { max_accuracy_drop = 0.1 }
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Three models: one of many images, one of few, one on another device."""
    path = tmp_path / "models.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    started = "2026-11-20T19:30:00+00:00"
    manifest = load_manifest(path)
    store = tmp_path / "store"
    return Run(tmp_path / "r", manifest=manifest, store=store, strict_sources=True, started=started)


def item(model: str, key: str) -> pytest.Item:
    """Make what stands for a collected gate."""
    marker = SimpleNamespace(args=(key,))
    found = SimpleNamespace(
        nodeid=f"t.py::test_{key}[{model}]",
        get_closest_marker=lambda name: marker if name == "limit" else None,
        callspec=SimpleNamespace(params={"model_id": model}),
    )
    return cast("pytest.Item", found)


def items(run: Run) -> list[pytest.Item]:
    """Every gate of the manifest."""
    keys = ("integrity", "max_accuracy_drop", "min_speedup", "min_int8_share")
    return [
        item(model, key)
        for model, entry in run.manifest.models.items()
        for key in keys
        if key == "integrity" or getattr(entry.limits, key) is not None
    ]


def test_speed_and_execution_are_apart_from_answers_and_behind_them(run: Run) -> None:
    """A model's answers come first; what has a machine for itself goes to the class that all its tables name."""
    nodes = (Node("a", "a", 2, "amx"), Node("b", "b", 2, "avx2"))
    works = {work.name: work for work in works_of(run, items(run), nodes, {"many": 40.0})}
    assert set(works) == {"many", "many (speed)", "few", "few (speed)", "gpu"}
    many, fast = works["many"], works["many (speed)"]
    assert [test.split("[")[0] for test in many.tests] == [
        "t.py::test_integrity",
        "t.py::test_max_accuracy_drop",
    ]
    assert (many.seconds, fast.seconds, set(fast.after)) == (28.0, 12.0, {"many"})
    assert fast.classes == works["few (speed)"].classes == {"amx"}
    assert works["few"].devices == {"CPU"}
    assert works["gpu"].devices == {"GPU"}
    assert devices_of(run, "gpu") == {"GPU"}


def test_many_images_are_answered_in_parts_that_gates_wait_for(run: Run) -> None:
    """1,300 images are four parts: the first makes the models, the gates of answers come last."""
    nodes = (Node("a", "a", 2, "amx"),)
    works = {work.name: work for work in in_parts(run, works_of(run, items(run), nodes, {}))}
    parts = [name for name in works if "part" in name]
    assert parts == [f"many (part {place}/4)" for place in range(1, 5)]
    assert not works[parts[0]].after
    assert all(works[name].after == {parts[0]} for name in parts[1:])
    assert works["many"].after == set(parts)
    assert works["many (speed)"].after == {"many"}
    assert not works["few"].after


def test_what_no_node_can_judge_is_said_by_name(run: Run) -> None:
    """A class or a device that is nowhere is refused before anything runs, with what there is."""
    nodes = (Node("a", "blade7", 2, "avx2", devices=frozenset({"CPU", "GPU"})),)
    works = works_of(run, items(run), nodes, {})
    with pytest.raises(
        FleetError, match=r"many \(speed\) needs a node for speed of class amx.*blade7"
    ):
        refuse_nowhere(works, nodes)
    both = (*nodes, Node("b", "b", 2, "amx"))
    refuse_nowhere(works, both)
    with pytest.raises(FleetError, match="gpu needs a node with GPU"):
        refuse_nowhere(works, [replace(node, devices=frozenset({"CPU"})) for node in both])


def test_a_run_says_on_which_machines_it_was_judged(sample: Sample, tmp_path: Path) -> None:
    """Of one class it is that class, whoever led the run; of several it is mixed, and says so."""
    run = RunFolder(tmp_path / "run")
    run.open()
    assert on_machines(run, sample.report) == sample.report
    note_machine(run, ["a", "b"], AMX)
    assert on_machines(run, sample.report).machine == AMX
    assert not on_machines(run, sample.report).mixed
    note_machine(run, ["c"], OLD)
    mixed = on_machines(run, sample.report)
    assert (mixed.mixed, mixed.machine["isa"], mixed.machine["os"]) == (
        True,
        "amx | avx2",
        AMX["os"],
    )
    assert "different machines" in mixed.notes[-1]


def test_a_history_keeps_each_machine_of_a_run_apart(sample: Sample, tmp_path: Path) -> None:
    """Numbers of two classes of machines are recorded as two runs; no series holds a mixture."""
    run = RunFolder(tmp_path / "run")
    run.open()
    judged = tuple(replace(one, test=f"t{place}") for place, one in enumerate(sample.report.judged))
    note_machine(run, ["t0", "t1"], AMX)
    note_machine(run, ["t2"], OLD)
    report = on_machines(run, replace(sample.report, judged=judged, problems=()))
    parts = by_machine(run, report)
    assert [(dict(p.machine)["isa"], len(p.judged), [m.id for m in p.models]) for p in parts] == [
        ("amx", 2, ["ssd"]),
        ("avx2", 1, ["digits"]),
    ]
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    answers: list[Any] = [record_at(url, tmp_path, part) for part in parts]
    assert [failed for failed, _ in answers] == [False, False]
    assert len({lines[0] for _, lines in answers}) == 2
