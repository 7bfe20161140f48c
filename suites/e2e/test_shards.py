"""A manifest over several machines gives what one machine gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from quantgate.history.store import open_history
from suites.e2e import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import Ran, World

#: The last model has a planted defect, so that the gate of the whole is red.
MODELS = ("zeta", "alpha", "late")
#: What differs between two runs by nature.
_OWN = ("run", "started", "duration_s", "command")


@dataclass(frozen=True, slots=True)
class Fleet:
    """One whole run and the shards of another, of one manifest."""

    world: World
    folder: Path
    whole: Ran
    shards: tuple[Ran, ...]

    def shard(self, index: int) -> str:
        """Folder of a shard's run, as it is given to merge."""
        return str(reports(self.folder, index) / "latest")

    def merge(self, output: str, *shards: str, **environment: str) -> Ran:
        """Merge shards into a folder."""
        arguments = ("-m", "quantgate", "merge", *shards, "--output", output)
        return self.world.run(self.folder, *arguments, **environment)


def reports(folder: Path, index: int) -> Path:
    """Where a shard leaves its run."""
    return folder / f"shard-{index}"


def document(folder: Path) -> dict[str, Any]:
    """Read the verdicts of a run, less what is of that run alone."""
    found: dict[str, Any] = json.loads((folder / "verdicts.json").read_text("utf-8"))
    for state in (*found["verdicts"], *found["problems"]):
        del state["duration_s"]
    return {key: value for key, value in found.items() if key not in _OWN}


@pytest.fixture(scope="module")
def fleet(world: World, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Judge three models at once, and again as two shards."""
    folder = tmp_path_factory.mktemp("fleet")
    datasets, body = tiny.MANIFEST.split("[models.tiny]")
    bodies = dict.fromkeys(MODELS, body) | {"late": world.shifted(body)}
    for item in world.root.iterdir():
        if item.name != "store":
            (folder / item.name).symlink_to(item)
    entries = [
        f"[models.{name}]{own}limits = {{ max_accuracy_drop = 0.03, min_agreement = 0.93 }}\n"
        for name, own in bodies.items()
    ]
    (folder / "models.toml").write_text("\n".join([datasets, *entries]), encoding="utf-8")
    whole = world.gate(folder)
    recorded = str(whole.latest / "durations.json")
    shards = tuple(
        world.gate(
            folder,
            *("--shard", f"{index}/2", "--shard-durations", recorded),
            *("--reports", str(reports(folder, index))),
        )
        for index in (1, 2)
    )
    return Fleet(world, folder, whole, shards)


def test_merged_shards_are_the_whole_run(fleet: Fleet) -> None:
    """Verdicts, problems, facts and the exit status are those of the unsharded run."""
    ran = fleet.merge("merged", fleet.shard(2), fleet.shard(1))

    assert sorted(shard.status for shard in fleet.shards) == [0, 1], fleet.shards
    assert ran.status == fleet.whole.status == 1, ran.said
    assert document(fleet.folder / "merged") == document(fleet.whole.latest)
    assert "late: min_agreement" not in ran.said
    assert "FAILED   late" in ran.said


def test_every_output_of_the_shards_is_merged(fleet: Fleet) -> None:
    """JUnit, Allure results, page, tables and pictures are as many as those of the whole run."""
    fleet.merge("complete", fleet.shard(1), fleet.shard(2))
    merged, whole = fleet.folder / "complete", fleet.whole.latest

    names = [
        sorted(
            f"{case.get('classname')} {case.get('name')}"
            for case in ET.parse(folder / "junit.xml").getroot().iter("testcase")
        )
        for folder in (merged, whole)
    ]
    allure = [
        sorted(
            json.loads(path.read_text())["historyId"]
            for path in (folder / "allure-results").glob("*-result.json")
        )
        for folder in (merged, whole)
    ]
    pictures = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*.webp"))
        for folder in (merged, whole)
    ]
    assert names[0] == names[1]
    assert allure[0] == allure[1]
    assert pictures[0] == pictures[1]
    assert pictures[0]
    assert set(json.loads((merged / "durations.json").read_text())) == set(MODELS)
    assert "late" in (merged / "index.html").read_text("utf-8")


def test_a_merged_run_is_recorded_once(fleet: Fleet) -> None:
    """Its history holds every judged number, and the same shards merged again add nothing."""
    shards = (fleet.shard(1), fleet.shard(2))

    merges = [fleet.merge(name, *shards, "--record", "h.sqlite") for name in ("first", "second")]

    (record,) = open_history(str(fleet.folder / "h.sqlite"), create=False).records()
    kept = {(n.model, n.quantity, n.outcome) for n in record.numbers}
    assert all("recorded: " in ran.said for ran in merges), merges
    assert kept == {(*gate, outcome) for gate, outcome in fleet.whole.outcomes.items()}


def test_a_model_stays_in_one_shard(fleet: Fleet) -> None:
    """All gates of a model are in the same shard, and each model is in one."""
    judged = [
        {
            (v["model"], v["key"])
            for v in document(reports(fleet.folder, index) / "latest")["verdicts"]
        }
        for index in (1, 2)
    ]
    models = [{model for model, _ in gates} for gates in judged]

    assert models[0] | models[1] == set(MODELS)
    assert not models[0] & models[1]
    assert all(len(gates) == 2 * len(there) for gates, there in zip(judged, models, strict=True))


def test_a_shard_says_what_it_is(fleet: Fleet) -> None:
    """In the terminal and on its page: part of a run, not a green whole."""
    page = (reports(fleet.folder, 1) / "latest" / "index.html").read_text("utf-8")

    assert "shard 1/2: " in fleet.shards[0].said
    assert "NOT JUDGED" not in fleet.shards[0].said
    assert "shard 1 of 2, not the whole run" in page


@pytest.mark.parametrize(
    ("shards", "said"),
    [
        ((1, 1), "shard 1/2 is given twice"),
        ((2,), "shard 1/2 is missing"),
        ((1, 2, 2), "shard 2/2 is given twice"),
    ],
)
def test_shards_that_make_no_whole_are_refused(
    fleet: Fleet, shards: tuple[int, ...], said: str
) -> None:
    """One sentence, exit status 1, and nothing is written."""
    ran = fleet.merge("refused", *(fleet.shard(index) for index in shards))

    assert ran.status == 1
    assert said in ran.said
    assert "Traceback" not in ran.said
    assert not (fleet.folder / "refused").exists()


def test_a_limit_that_no_shard_judged_fails(fleet: Fleet, tmp_path: Path) -> None:
    """Every shard is green, and yet the gate is red, naming the limit."""
    passed = next(i for i, shard in enumerate(fleet.shards, start=1) if shard.status == 0)
    other = 3 - passed
    ran = json.loads((reports(fleet.folder, other) / "latest" / "run.json").read_text("utf-8"))
    ran["shard"]["status"] = 0
    ran["judged"] = [j for j in ran["judged"] if j["verdict"]["outcome"] == "passed"][:0]
    ran["models"] = []
    (tmp_path / "run.json").write_text(json.dumps(ran), encoding="utf-8")

    merged = fleet.merge("holes", fleet.shard(passed), str(tmp_path))

    assert merged.status == 1
    assert "NOT JUDGED  late: min_agreement" in merged.said


def test_more_shards_than_models_are_no_error(fleet: Fleet) -> None:
    """A machine that gets no model ends well and says so."""
    ran = fleet.world.gate(fleet.folder, "--shard", "9/9", "--reports", "spare")

    assert ran.status == 0, ran.said
    assert "shard 9/9: 0 of 3 models were judged here (no durations recorded" in ran.said


def test_pytest_split_over_gates_is_refused(fleet: Fleet) -> None:
    """Single tests dealt out would quantize a model several times: the option to use is named."""
    ran = fleet.world.gate(fleet.folder, "--splits", "2", "--group", "1")

    assert ran.status == 4
    assert "use --shard 1/2" in ran.said


def test_a_selection_under_workers_is_said(fleet: Fleet) -> None:
    """With -n and -m the gates left out are counted, and are no limits judged nowhere."""
    ran = fleet.world.gate(
        fleet.folder, "-n", "2", "-k", "zeta", "--reports", "selected", COLUMNS="200"
    )

    assert ran.status == 0, ran.said
    assert "6 of 9 gates were left out by the selection" in ran.said
    assert "NOT JUDGED" not in ran.said
