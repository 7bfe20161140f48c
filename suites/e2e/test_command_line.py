"""What a user meets at the command line, from the first gate to a repeated one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

LIMITS = "limits = { max_accuracy_drop = 0.03, min_agreement = 0.93 }\n"
MANIFEST = tiny.MANIFEST + LIMITS


def test_a_second_run_builds_and_infers_nothing(
    world: World, project: Callable[[str], Path]
) -> None:
    """With nothing changed, all accuracy work comes from the store, and the numbers are the same."""
    folder = project(MANIFEST)
    first = world.gate(folder)
    store = world.root / "store"
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}

    second = world.gate(folder)

    after = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    assert first.status == second.status == 0, first.said
    assert {key: item["value"] for key, item in first.verdicts.items()} == {
        key: item["value"] for key, item in second.verdicts.items()
    }
    assert {path.name for path in after if path not in before} <= {"files.sqlite"}
    built = {path for path in before if path.name == "entry.quantgate.json"}
    assert built
    assert all(before[path] == after[path] for path in built)


def test_every_output_is_left_behind(world: World, project: Callable[[str], Path]) -> None:
    """A run leaves the page, the verdicts as JSON, JUnit XML and Allure results."""
    ran = world.gate(project(MANIFEST))

    junit = ET.parse(ran.latest / "junit.xml").getroot()
    names = {prop.get("name") for prop in junit.iter("property")}
    results = list((ran.latest / "allure-results").glob("*-result.json"))
    assert "quantgate" in (ran.latest / "index.html").read_text("utf-8")
    assert {
        "model",
        "limit",
        "threshold",
        "path",
        "value",
        "low",
        "high",
        "margin",
        "repeat",
    } <= names
    assert len(results) == 3
    assert {json.loads(path.read_text())["status"] for path in results} == {"passed"}
    assert json.loads((ran.latest / "verdicts.json").read_text())["schema"] == 1


def test_a_wrong_manifest_stops_everything(world: World, project: Callable[[str], Path]) -> None:
    """Every problem at once with its dotted path; exit status 4; nothing runs."""
    folder = project(
        MANIFEST.replace("min_agreement", "min_agrement").replace('"parent.xml"', '"no.xml"')
    )

    ran = world.gate(folder)
    checked = world.run(folder, "-m", "quantgate", "check", "models.toml")

    for said in (ran, checked):
        assert said.status == 4
        assert "models.tiny.limits.min_agrement" in said.said
        assert "min_agreement" in said.said
        assert "models.tiny.source" in said.said
        assert "Traceback" not in said.said
    assert not (folder / "reports").exists()


def test_a_missing_manifest_is_one_sentence(world: World, tmp_path: Path) -> None:
    """No manifest: what is missing and what to do, no traceback."""
    ran = world.gate(tmp_path)

    assert ran.status == 4
    assert "models.toml" in ran.said
    assert "Traceback" not in ran.said


def test_pytest_in_another_repository_runs_the_gates(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """A line of its pytest configuration is all that another repository needs."""
    installed = tmp_path / "installed"
    shutil.copytree(ROOT / "harness" / "quantgate", installed / "quantgate")
    shutil.copytree(ROOT / "suites" / "gates", installed / "quantgate" / "gates")
    folder = project(MANIFEST)
    (folder / "pytest.ini").write_text("[pytest]\nquantgate_manifest = models.toml\n")
    (folder / "test_own.py").write_text("def test_own():\n    assert True\n")

    ran = world.run(folder, "-m", "pytest", PYTHONPATH=str(installed))
    own = world.run(folder, "-m", "pytest", "test_own.py", PYTHONPATH=str(installed))

    assert ran.status == 0, ran.said
    assert "\nPASSED  tiny: accuracy drop" in ran.said
    assert "collected 4 items" in ran.said
    assert "4 passed" in ran.said
    assert "1 passed" in own.said


def test_a_session_without_gates_leaves_nothing(
    world: World, project: Callable[[str], Path]
) -> None:
    """Selecting none of the gates makes no report and no folder."""
    folder = project(MANIFEST)

    selected = world.gate(folder, "-k", "no_such_gate")

    assert selected.status == 5, selected.said
    assert "xml" not in selected.said
    assert not (folder / "reports").exists()


LISTINGS = {
    "--collect-only": "3 tests collected",
    "--setup-plan": "SETUP    S model_id['tiny']",
    "--fixtures": "fixtures defined from",
    "--fixtures-per-test": "test_integrity.py",
    "--markers": "@pytest.mark.nightly: a tag of models.toml",
    "--cache-show": "cachedir",
}


@pytest.mark.parametrize("option", LISTINGS)
def test_listing_leaves_nothing(world: World, project: Callable[[str], Path], option: str) -> None:
    """Whatever pytest only tells is told, and makes neither a report nor a folder."""
    folder = project(MANIFEST + 'tags = ["nightly"]\n')

    listed = world.gate(folder, option)

    assert listed.status == 0, listed.said
    assert LISTINGS[option] in listed.said
    assert "generated xml file" not in listed.said
    assert "NOT JUDGED" not in listed.said
    assert not (folder / "reports").exists()


def test_help_needs_no_manifest(world: World, tmp_path: Path) -> None:
    """Pytest's own help is there also where models.toml is missing or wrong."""
    (tmp_path / "models.toml").write_text("[models.tiny]")

    ran = world.gate(tmp_path, "--help")
    pytests = world.run(tmp_path, "-m", "pytest", "--manifest", "models.toml", "--help")

    assert (ran.status, pytests.status) == (0, 0), ran.said + pytests.said
    assert "--shard=I/N" in pytests.said


def test_a_repeat_of_what_failed_says_what_it_left_out(
    world: World, project: Callable[[str], Path]
) -> None:
    """``--lf`` runs the gates that failed before, ``-x`` stops at the first: both say what is missing."""
    folder = project(world.shifted(MANIFEST))
    stopped = world.gate(folder, "-x")
    (folder / "models.toml").write_text(world.shifted(MANIFEST).replace("0.03", "0.8"))

    again = world.gate(folder, "--lf")

    assert "stopped early, as asked: 1 of 3 gates were not judged" in stopped.said
    assert again.status == 0, again.said
    assert list(again.outcomes) == [("tiny", "max_accuracy_drop")]
    assert "2 of 3 gates were left out by the selection: not judged here" in again.said
    assert again.status == 0, again.said


@pytest.mark.parametrize("option", ["--junit-xml", "--alluredir"])
def test_results_that_cannot_be_kept_stop_before_anything_runs(
    world: World, project: Callable[[str], Path], option: str
) -> None:
    """A place for results that cannot be written is said at once, by its option: exit status 4."""
    folder = project(MANIFEST)

    ran = world.gate(folder, option, "models.toml/results.xml")

    assert ran.status == 4, ran.said
    assert f"{option} models.toml/results.xml: nothing can be written there" in ran.said
    assert "Traceback" not in ran.said
    assert "PASSED" not in ran.said
    assert not (folder / "reports").exists()


def test_output_may_end_early(world: World, project: Callable[[str], Path]) -> None:
    """Whoever reads only the first lines, as `head` does, gets no traceback."""
    folder = project(MANIFEST)
    code = "import sys, quantgate.cli; sys.exit(quantgate.cli.main(['check', '--omz']))"
    reader = f'{sys.executable} -c "{code}" | head -n 1'

    ran = world.run(folder, "-c", f"import subprocess; subprocess.run({reader!r}, shell=True)")

    assert len(ran.said.splitlines()) == 1, ran.said


def test_tags_select_as_pytest_marks(world: World, project: Callable[[str], Path]) -> None:
    """`-m nightly` runs the models tagged so; a selection is no reason to miss other limits."""
    manifest = (
        MANIFEST
        + 'tags = ["nightly"]\n'
        + tiny.MANIFEST.split("[models.tiny]")[1].join(["[models.other]", LIMITS])
    )

    ran = world.gate(project(manifest), "-m", "nightly")

    assert ran.status == 0, ran.said
    assert {model for model, _ in ran.outcomes} == {"tiny"}
    assert "NOT JUDGED" not in ran.said


def test_workers_give_the_same_verdicts(world: World, project: Callable[[str], Path]) -> None:
    """Under xdist one model stays on one worker, and the report holds all of them."""
    manifest = MANIFEST + tiny.MANIFEST.split("[models.tiny]")[1].join(["[models.other]", LIMITS])

    ran = world.gate(project(manifest), "-n", "2")

    assert ran.status == 0, ran.said
    assert {model for model, _ in ran.outcomes} == {"tiny", "other"}
    assert set(ran.outcomes.values()) == {"passed"}
    results = [
        {label["name"]: label["value"] for label in json.loads(path.read_text())["labels"]}
        for path in (ran.latest / "allure-results").glob("*-result.json")
    ]
    workers = {(labels["model"], labels["thread"]) for labels in results}
    assert len({worker for _, worker in workers}) == len(workers) == 2


def test_speed_under_workers_is_refused(world: World, project: Callable[[str], Path]) -> None:
    """Timing beside other workers would measure nothing: the gate breaks, or is left out aloud."""
    folder = project(MANIFEST.replace("min_agreement = 0.93", "min_speedup = 0.5"))

    ran = world.gate(folder, "-n", "2")
    without = world.gate(folder, "-n", "2", "-m", "not speed")

    assert ran.status == 1
    assert re.search(r"BROKEN +tiny: min_speedup: .*parallel.* again without -n", ran.said), (
        ran.said
    )
    assert without.status == 0, without.said
    assert "1 of 3 gates were left out by the selection" in without.said


def test_a_known_failure_is_strict(world: World, project: Callable[[str], Path]) -> None:
    """A known miss within its floor is no failure; one that is met after all is."""
    missed = world.shifted(MANIFEST.replace("max_accuracy_drop = 0.03, ", ""))
    known = '\n[models.tiny.expected_failure.min_agreement]\nreason = "noise"\nfloor = 0.1\nexpires = 2999-01-01\n'
    folder = project(missed + known)

    tolerated = world.gate(folder)
    (folder / "models.toml").write_text(MANIFEST + known)
    stale = world.gate(folder)
    (folder / "models.toml").write_text(missed + known.replace("2999", "2001"))
    expired = world.gate(folder)

    assert tolerated.status == 0, tolerated.said
    assert "KNOWN  tiny: agreement" in tolerated.said
    assert re.search(r"\nKNOWN +tiny +min_agreement 0.93 .* until 2999-01-01\n", tolerated.said)
    assert stale.status == 1
    (line,) = [line for line in stale.said.splitlines() if line.startswith("FAILED  tiny: ")][:1]
    assert "The limit is met, but models.tiny.expected_failure.min_agreement expects a miss" in line
    assert "within min_agreement 0.93" in line
    assert re.search(r"\nFAILED +tiny +min_agreement 0.93 .* does not hold\n", stale.said)
    assert not re.search(r"\nPASSED +tiny.* min_agreement", stale.said)
    assert "set a new date" in (expired.latest / "run.json").read_text("utf-8")
    assert re.search(r"\nFAILED +tiny +min_agreement 0.93 .* does not hold\n", expired.said)
    assert expired.status == 1
    assert "The miss was expected only until 2001-01-01" in expired.said


def test_a_red_run_fits_the_terminal_and_says_everything_once(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """Folded to 80 columns, a quiet head, one answer; a repeat is cached, and not the latest run."""
    folder = project(world.shifted(MANIFEST))
    narrow = {"COLUMNS": "80", "QUANTGATE_STORE": str(tmp_path / "store")}

    link = folder / "reports" / "latest"
    first = world.gate(folder, **narrow)
    newest = first.latest.resolve()
    whole = link.resolve()
    repeated = world.gate(folder, "-k", "test_agreement", **narrow)
    after_a_part = link.resolve()
    told = world.gate(folder, "-v")

    copied = ("Repeat: ", "/", "- generated", "::", "load  ")
    lines = [one for one in first.said.splitlines() if not one.strip().startswith(copied)]
    assert [one for one in lines if len(one) > 80 and "/" not in one] == []
    for noise in ("benchmark:", "rootdir:", "configfile:", "plugins:"):
        assert noise not in first.said
        assert noise in told.said
    assert first.said.count("Repeat: ") == 1
    assert first.said.count("FAILURES") == 0
    assert "= what to look at =" in first.said
    assert "made " in first.said.partition("TIME  tiny")[2]
    assert "all from the store" in repeated.said.partition("TIME  tiny")[2]
    assert after_a_part == whole == newest
    assert link.resolve() == told.latest.resolve() != whole


def test_colours_follow_the_environment(world: World, project: Callable[[str], Path]) -> None:
    """FORCE_COLOR colours a pipe, NO_COLOR takes all colour away, and a pipe alone has none."""
    folder = project(world.shifted(MANIFEST))
    colour = "\x1b[31m\x1b[1mFAILED"

    assert colour in world.gate(folder, FORCE_COLOR="1").said
    assert "\x1b[" not in world.gate(folder, FORCE_COLOR="1", NO_COLOR="1").said
    assert "\x1b[" not in world.gate(folder).said


def test_github_gets_a_summary_and_annotations(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """In GitHub's CI the step summary holds every verdict, and a missed limit is annotated."""
    summary = tmp_path / "summary.md"
    folder = project(world.shifted(MANIFEST))

    ran = world.gate(folder, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))

    assert ran.status == 1
    assert "::error" in ran.said
    assert "min_agreement" in summary.read_text("utf-8")


def test_the_harness_is_light_to_import() -> None:
    """`import quantgate` loads none of the heavy libraries."""
    heavy = {"openvino", "nncf", "cv2", "pydantic", "scipy", "sklearn", "numpy"}
    code = "import sys, quantgate; print(*sorted(set(sys.modules) & " + repr(heavy) + "))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == ""


@pytest.mark.parametrize("option", ["--benchmark-compare-fail=mean:5%", "--benchmark-only"])
def test_options_that_would_judge_nothing_are_refused(
    world: World, project: Callable[[str], Path], option: str
) -> None:
    """An option that is accepted and never fails a run is a gate that is not there."""
    ran = world.gate(project(MANIFEST), option)

    assert ran.status == 4
    assert f"{option.split('=', maxsplit=1)[0]} says nothing of gates" in ran.said
