"""Shards that make one run, and those that do not."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from quantgate.cli import main
from quantgate.core.estimate import Estimate
from quantgate.errors import ReportError, ShardError
from quantgate.report.model import Problem, Shard
from quantgate.report.publish import load_run, write_run
from quantgate.report.shards.files import merge_runs
from quantgate.report.shards.reports import merge_reports

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.report.model import RunReport

MACHINE = {"cpu": "a CPU", "isa": "vnni", "os": "Linux x86_64"}


@pytest.fixture
def whole(sample: Any) -> RunReport:
    """Provide a whole run of two models, on a machine with facts."""
    report: RunReport = sample.report
    return dataclasses.replace(report, machine=MACHINE, commit="c0de")


def expected(report: RunReport) -> tuple[tuple[str, str], ...]:
    """Every gate of a run, in the order of its models."""
    gates = [(item.verdict.model, item.verdict.limit.key) for item in report.judged]
    gates += [(problem.model, problem.gate) for problem in report.problems]
    return tuple(gate for model in report.models for gate in gates if gate[0] == model.id)


def split(whole: RunReport) -> list[RunReport]:
    """Cut a run into one shard a model, as the machines would have left them."""
    return [
        dataclasses.replace(
            whole,
            run=f"run-{index}",
            models=(model,),
            judged=tuple(j for j in whole.judged if j.verdict.model == model.id),
            problems=tuple(p for p in whole.problems if p.model == model.id),
            shard=Shard(index, len(whole.models), (model.id,), expected(whole), 0),
        )
        for index, model in enumerate(whole.models, start=1)
    ]


def merged(shards: list[RunReport], *, mixed: bool = False) -> Any:
    """Merge them."""
    return merge_reports(shards, mixed=mixed)


def changed(shards: list[RunReport], **fields: Any) -> list[RunReport]:
    """Change the second shard."""
    return [shards[0], dataclasses.replace(shards[1], **fields)]


def test_shards_in_any_order_make_the_whole(whole: RunReport) -> None:
    """Models, verdicts and problems come back in the manifest's order, and nothing else changes."""
    found = merged(split(whole)[::-1])

    assert found.passed
    own = {"run": whole.run, "command": whole.command, "fingerprint": whole.fingerprint}
    assert found.report.run in {"run-1-of-2", "run-2-of-2"}
    assert found.report.command == "quantgate merge run-1 run-2"
    assert dataclasses.replace(found.report, **own) == whole


def test_a_shard_given_twice_is_refused(whole: RunReport) -> None:
    """Its number and both runs are named."""
    first, _ = split(whole)

    with pytest.raises(ShardError, match=r"shard 1/2 is given twice \(run-1 and again\)"):
        merged([first, dataclasses.replace(first, run="again")])


def test_a_missing_shard_is_refused(whole: RunReport) -> None:
    """Which one, of how many."""
    with pytest.raises(ShardError, match="shard 1/2 is missing"):
        merged(split(whole)[1:])


def test_a_whole_run_is_no_shard(whole: RunReport) -> None:
    """A run that judged everything already is named."""
    with pytest.raises(ShardError, match="run-1 is a whole run"):
        merged([whole])


def test_shards_of_different_splits_are_refused(whole: RunReport) -> None:
    """One of two and one of three make nothing."""
    one, two = split(whole)
    assert two.shard is not None

    with pytest.raises(ShardError, match="split in 2, another in 3"):
        merged([one, dataclasses.replace(two, shard=dataclasses.replace(two.shard, count=3))])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"manifest_digest": "cd" * 32}, "the manifest: abab.* and cdcd"),
        ({"commit": "other"}, "the commit: c0de and other"),
        ({"commit": ""}, "the commit: c0de and none"),
        ({"versions": {"quantgate": "0.2.0"}}, "the version of quantgate: 0.1.0 and 0.2.0"),
        ({"machine": {**MACHINE, "isa": "avx2"}}, "the isa of the machine: vnni and avx2"),
        ({"machine": {**MACHINE, "os": "Darwin"}}, "the os of the machine"),
    ],
)
def test_shards_of_different_origin_are_refused(
    whole: RunReport, fields: dict[str, Any], said: str
) -> None:
    """What differs, and in which two shards."""
    with pytest.raises(ShardError, match=rf"shards 1 and 2 differ in {said}"):
        merged(changed(split(whole), **fields))


def test_other_processors_of_one_class_are_noted(whole: RunReport) -> None:
    """Both are listed among the facts, and a note says what does not compare."""
    machine = {**MACHINE, "cpu": "another CPU"}

    found = merged(changed(split(whole), machine=machine, fingerprint="f00d"))

    assert found.passed
    assert found.report.machine["cpu"] == "a CPU | another CPU"
    assert "different machines (a CPU (vnni), another CPU (vnni))" in found.report.notes[-1]


def test_a_history_keeps_machines_apart(whole: RunReport) -> None:
    """One run where all shards ran on one class of machine, else each shard as the run it is."""
    shards = split(whole)

    one = merged(shards)
    several = merged(changed(shards, machine={**MACHINE, "cpu": "another CPU"}))

    assert (one.report.mixed, several.report.mixed) == (False, True)
    assert one.recordable == (one.report,)
    assert [report.run for report in several.recordable] == ["run-1", "run-2"]


def test_what_merge_records_is_not_recorded_by_hand(
    whole: RunReport, sample: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shard, or what was merged of several machines, would count twice: one sentence, no store made."""
    shards = split(whole)
    several = merged(changed(shards, machine={**MACHINE, "cpu": "another CPU"}))
    store = tmp_path / "nights.sqlite"
    sentences = {
        "shard": (shards[0], "found shard 1 of 2, whose numbers would count twice"),
        "mixed": (several.report, "found one that was merged from several"),
    }
    for name, (report, sentence) in sentences.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pictures").symlink_to(sample.directory / "pictures")
        write_run(report, folder, allure=None, environ={})

        assert main(["history", "record", str(folder), "--history", str(store)]) == 1
        said = capsys.readouterr().err
        assert sentence in said
        assert "--record` keeps" in said
        assert said.count("\n") == 1
    assert not store.exists()


def test_mixed_machines_are_taken_on_request(whole: RunReport) -> None:
    """Classes are joined only where that was asked for."""
    found = merged(changed(split(whole), machine={**MACHINE, "isa": "avx2"}), mixed=True)

    assert found.report.machine["isa"] == "avx2 | vnni"


def test_different_selections_are_refused(whole: RunReport) -> None:
    """A gate that only one of the shards knows is named."""
    shards = split(whole)
    shard = dataclasses.replace(shards[1].shard, expected=expected(whole)[1:])  # type: ignore[type-var] # it has one

    with pytest.raises(ShardError, match="only one of them knows min_match_rate of ssd"):
        merged(changed(shards, shard=shard))


def test_different_durations_are_refused(whole: RunReport) -> None:
    """Shards dealt out by different files hold a model twice, and others nowhere."""
    shards = split(whole)
    shard = dataclasses.replace(shards[1].shard, models=("digits", "ssd"))  # type: ignore[type-var] # it has one

    with pytest.raises(ShardError, match="ssd was judged by two shards"):
        merged(changed(shards, shard=shard))


def test_a_limit_judged_nowhere_fails(whole: RunReport) -> None:
    """It is listed although every shard ended well."""
    shards = split(whole)

    found = merged(changed(shards, judged=()))

    assert not found.passed
    assert found.missing == (("digits", "max_size_ratio"),)


def test_a_failed_shard_fails_the_whole(whole: RunReport) -> None:
    """Also where no verdict of it shows why."""
    shards = split(whole)
    shard = dataclasses.replace(shards[1].shard, status=3)  # type: ignore[type-var] # it has one

    found = merged(changed(shards, shard=shard))

    assert (found.passed, found.failed) == (False, (2,))


def test_a_broken_gate_is_kept(whole: RunReport) -> None:
    """What a shard could not judge is no limit judged nowhere."""
    shards = split(whole)
    broken = Problem("digits", "max_size_ratio", "broken", "its worker died")

    found = merged(changed(shards, judged=(), problems=(*shards[1].problems, broken)))

    assert found.missing == ()
    assert broken in found.report.problems


JUNIT = (
    '<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="0" skipped="0" '
    'tests="2" time="1.500" timestamp="2026-11-20T19:3{0}:00"><testcase name="a{0}"/>'
    '<testcase name="b{0}"/></testsuite></testsuites>'
)


def test_the_control_of_the_machine_is_kept(whole: RunReport) -> None:
    """Of the shards that timed something, the first one's."""
    control = Estimate(1.0, 0.99, 1.01, 12, of="rounds")

    assert merged(changed(split(whole), control=control)).report.control == control


@pytest.fixture
def folders(whole: RunReport, sample: Any) -> list[Path]:
    """Provide the shards' folders, with the files that a run leaves."""
    made = []
    for report in split(whole):
        assert report.shard is not None
        index = report.shard.index
        folder = sample.directory.with_name(f"shard-{index}")
        (folder / "pictures").parent.mkdir(parents=True)
        (folder / "pictures").symlink_to(sample.directory / "pictures")
        write_run(report, folder, allure=folder / "allure-results", environ={})
        (folder / "junit.xml").write_text(JUNIT.format(index))
        (folder / "durations.json").write_text(json.dumps({report.models[0].id: float(index)}))
        (folder / "benchmark.json").write_text(json.dumps({"benchmarks": [{"name": index}]}))
        (folder / "allure-results" / f"{index}-result.json").write_text("{}")
        page = {"attachments": [{"source": f"{index}-page.html"}]}
        (folder / "allure-results" / f"{index}-globals.json").write_text(json.dumps(page))
        (folder / "allure-results" / f"{index}-page.html").write_text("a shard's page")
        made.append(folder)
    return made


def test_files_are_laid_together(folders: list[Path], tmp_path: Path) -> None:
    """JUnit, timings, durations and Allure results of all shards are in the merged run."""
    output = tmp_path / "out" / "merged"

    merge_runs(folders, output, environ={})

    suite = ET.parse(output / "junit.xml").getroot()[0]
    results = sorted(path.name for path in (output / "allure-results").iterdir())
    assert (suite.get("tests"), suite.get("errors"), suite.get("time")) == ("4", "2", "3.000")
    assert [case.get("name") for case in suite] == ["a1", "b1", "a2", "b2"]
    assert json.loads((output / "durations.json").read_text()) == {"ssd": 1.0, "digits": 2.0}
    assert [
        b["name"] for b in json.loads((output / "benchmark.json").read_text())["benchmarks"]
    ] == [1, 2]
    assert [name for name in results if name.endswith("-result.json")] == [
        "1-result.json",
        "2-result.json",
    ]
    assert len([name for name in results if name.endswith("-perf.json")]) == 1
    assert not [name for name in results if name.endswith("-page.html")]
    assert "shard" not in (output / "allure-results" / "environment.properties").read_text()
    assert load_run(output).shard is None
    assert (output.parent / "latest").resolve() == output


def test_durations_are_renewed(folders: list[Path], tmp_path: Path) -> None:
    """What shards took replaces what was known; models that none judged keep it, broken ones as well."""
    known = tmp_path / "durations.json"
    known.write_text(json.dumps({"ssd": 9.0, "elsewhere": 7.0, "digits": 5.0}))
    report = load_run(folders[1])
    write_run(dataclasses.replace(report, judged=()), folders[1], allure=None, environ={})

    merge_runs(folders, tmp_path / "out" / "merged", environ={}, durations=known)

    renewed = {"ssd": 1.0, "elsewhere": 7.0, "digits": 5.0}
    assert json.loads(known.read_text()) == renewed
    assert json.loads((tmp_path / "out" / "merged" / "durations.json").read_text()) == renewed


def test_a_damaged_file_leaves_nothing(folders: list[Path], tmp_path: Path) -> None:
    """The file is named, and no half of a merged run stays."""
    (folders[1] / "junit.xml").write_text("<testsuites>")

    with pytest.raises(ReportError, match=r"junit\.xml of a shard cannot be read"):
        merge_runs(folders, tmp_path / "out" / "merged", environ={})
    assert list((tmp_path / "out").iterdir()) == []


def test_an_earlier_run_is_not_written_over(folders: list[Path]) -> None:
    """A folder that holds something is refused."""
    with pytest.raises(ReportError, match="exists already"):
        merge_runs(folders, folders[0], environ={})
    assert load_run(folders[0]).shard is not None
