"""Allure results, made by the real allure-pytest in a session of its own."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quantgate.errors import ReportError
from quantgate.report.allure.build import ALLURE, build_report, configuration, strip_analytics
from quantgate.report.allure.session import CATEGORIES, write_session
from quantgate.report.allure.settle import settle_results
from quantgate.report.ci import links_of
from quantgate.report.model import Problem

pytest_plugins = ["pytester"]

GATES = """
import pytest
from pathlib import Path
from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Limit, Outcome, Verdict
from quantgate.errors import UndecidedError
from quantgate.report.evidence import Evidence
from quantgate.report.model import Judged
from quantgate.report.picture import ObjectChange, Picture, Seen
from quantgate.report.publish import begin_gate, draw_worst, publish_verdict
from quantgate.report.words.verdicts import verdict_line
import numpy as np

def judged(outcome, reason=""):
    limit = Limit("min_match_rate", 0.95, "models.ssd.limits.min_match_rate")
    estimate = Estimate(0.9, 0.8, 0.96, 200)
    return Judged(Verdict("ssd", "match rate", limit, estimate, outcome, reason))

@pytest.mark.parametrize("model_id", ["ssd"])
def test_agreement(model_id, tmp_path):
    begin_gate("ssd", "min_match_rate", "detection", ("nightly",))
    name = "<script>alert(1)</script>.png"
    seen = Seen((1.0, 1.0, 20.0, 20.0), "<b>car</b>", 0.7)
    picture = Picture(name, (32, 32), "objects", "1 lost", changes=(ObjectChange("lost", seen, None),))
    drawn, _ = draw_worst([(picture, lambda: [np.zeros((32, 32, 3), np.uint8)])], tmp_path, model="ssd", budget_bytes=10**7)
    found = judged(Outcome.FAILED)
    publish_verdict(found, tmp_path, evidence=[Evidence("basic.csv", "text/csv", b"a,b")], pictures=drawn)
    pytest.fail(verdict_line(found), pytrace=False)

@pytest.fixture
def gate(model_id):
    begin_gate(model_id, "max_size_ratio", "detection")

@pytest.mark.parametrize("model_id", ["ssd"])
def test_size(model_id, gate, tmp_path):
    limit = Limit("max_size_ratio", 0.5, "models.ssd.limits.max_size_ratio")
    verdict = Verdict("ssd", "size ratio", limit, Estimate.exact(0.3), Outcome.PASSED)
    pictures = [Picture(f"{n}.png", (32, 32), "objects", "1 lost") for n in range(3)]
    drawn, _ = draw_worst([(p, lambda: [np.zeros((32, 32, 3), np.uint8)]) for p in pictures], tmp_path, model="ssd", budget_bytes=10**7)
    publish_verdict(Judged(verdict), tmp_path, pictures=drawn)

@pytest.mark.parametrize("model_id", ["ssd", "digits"])
def test_speed(model_id):
    begin_gate(model_id, "min_speedup", "detection")
    found = judged(Outcome.UNDECIDED, "the machine is unfit")
    publish_verdict(found, Path("."))
    raise UndecidedError(verdict_line(found))
"""


def results_of(directory: Path) -> list[dict[str, Any]]:
    """Read every test result."""
    return [json.loads(path.read_text()) for path in sorted(directory.glob("*-result.json"))]


def by_gate(directory: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Find results by model and gate."""
    found = {}
    for result in results_of(directory):
        labels = {label["name"]: label["value"] for label in result["labels"]}
        if "gate" in labels:
            found[labels["model"], labels["gate"]] = result
    return found


def run(
    pytester: pytest.Pytester, name: str, *options: str
) -> dict[tuple[str, str], dict[str, Any]]:
    """Run the gates in a process of their own, Allure on, and read its results."""
    root = Path(__file__).parents[2]
    out = pytester.path / name
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))
        pytester.runpytest_subprocess("--alluredir", str(out), "-p", "no:cacheprovider", *options)
    return by_gate(out)


def test_a_gate_says_what_it_is(pytester: pytest.Pytester) -> None:
    """Labels, title, severity, the sentence as its message, the model as its only parameter."""
    pytester.makepyfile(test_gates=GATES)

    result = run(pytester, "results")["ssd", "min_match_rate"]

    labels = {label["name"]: label["value"] for label in result["labels"]}
    assert {k: labels[k] for k in ("epic", "feature", "story", "severity", "tag")} == {
        "epic": "INT8 gates",
        "feature": "ssd",
        "story": "Match rate",
        "severity": "critical",
        "tag": "nightly",
    }
    assert result["name"] == "ssd: Match rate"
    assert result["parameters"] == [{"name": "model", "value": "ssd"}]
    assert result["status"] == "failed"
    assert "FAILED  ssd: match rate 0.900 [0.800, 0.960]" in result["statusDetails"]["message"]


def test_a_gate_that_its_fixture_labels_is_named_too(pytester: pytest.Pytester) -> None:
    """As the gates do it: allure-pytest names a test only when its call begins."""
    pytester.makepyfile(test_gates=GATES)

    assert run(pytester, "results")["ssd", "max_size_ratio"]["name"] == "ssd: Size ratio"


def test_a_limit_that_is_met_shows_its_worst_image_only(pytester: pytest.Pytester) -> None:
    """And says where the others are; a missed one shows all that were drawn."""
    pytester.makepyfile(test_gates=GATES)

    result = run(pytester, "results")["ssd", "max_size_ratio"]

    assert [step["name"] for step in result["steps"]] == ["1. 0.png: 1 lost", "Verdict"]
    assert "2 more on the page index.html of the run." in result["descriptionHtml"]


def test_each_picture_has_its_diff(pytester: pytest.Pytester) -> None:
    """Page of tabs, Allure's own viewer, CSV and JSON in a step; the table in another."""
    pytester.makepyfile(test_gates=GATES)

    result = run(pytester, "results")["ssd", "min_match_rate"]

    picture, tables = result["steps"][0], result["steps"][1]
    kinds = [[a["type"] for a in step["attachments"]] for step in picture["steps"]]
    assert kinds == [
        ["text/html"],
        ["application/vnd.allure.image.diff"],
        ["text/csv", "application/json"],
    ]
    assert tables["attachments"][0]["name"] == "Tables"
    native = pytester.path / "results" / picture["steps"][1]["attachments"][0]["source"]
    assert {k: v[:16] for k, v in json.loads(native.read_text()).items()} == dict.fromkeys(
        ("expected", "actual", "diff"), "data:image/webp;"
    )


def test_no_name_runs_inside_allure(pytester: pytest.Pytester) -> None:
    """A file called <script> is text in the description and in the page of tabs, which has no script."""
    pytester.makepyfile(test_gates=GATES)

    result = run(pytester, "results")["ssd", "min_match_rate"]

    source = result["steps"][0]["steps"][0]["attachments"][0]["source"]
    page = (pytester.path / "results" / source).read_text()
    assert "<script" not in result["descriptionHtml"] + page
    assert "&lt;script&gt;" in result["descriptionHtml"]
    assert "<b>car" not in page


def test_no_attachment_is_shared(pytester: pytest.Pytester) -> None:
    """Allure 3 loses the second use of a file."""
    pytester.makepyfile(test_gates=GATES)
    run(pytester, "results")

    text = "".join(path.read_text() for path in (pytester.path / "results").glob("*-result.json"))
    sources = re.findall(r'"source": "([^"]+)"', text)

    assert sources
    assert len(sources) == len(set(sources))


def test_identity_survives_moved_files_and_workers(pytester: pytest.Pytester) -> None:
    """The same gate from another folder, another file, and under xdist has the same history."""
    pytester.makepyfile(test_gates=GATES)
    before = run(pytester, "before")
    (pytester.path / "test_gates.py").unlink()
    moved = pytester.mkdir("elsewhere") / "test_others.py"
    moved.write_text(GATES)

    after = run(pytester, "after", "-n", "2")

    keys = ("historyId", "testCaseId", "fullName", "parameters")
    assert before.keys() == after.keys()
    assert {g: [r[k] for k in keys] for g, r in before.items()} == {
        g: [r[k] for k in keys] for g, r in after.items()
    }
    assert len({result["historyId"] for result in before.values()}) == 4


def test_undecided_is_broken_not_failed(pytester: pytest.Pytester) -> None:
    """Red means regressed; yellow means the harness could not tell."""
    pytester.makepyfile(test_gates=GATES)

    result = run(pytester, "results")["digits", "min_speedup"]

    assert result["status"] == "broken"
    assert (
        category_of(result) == "Undecided: the interval contains the limit, or the machine is unfit"
    )


def category_of(result: dict[str, Any]) -> str:
    """Find the first category that fits, as Allure 2 does: the whole message has to match."""
    message = result.get("statusDetails", {}).get("message", "")
    for category in CATEGORIES:
        pattern = category.get("messageRegex", ".*")
        if result["status"] in category["matchedStatuses"] and re.fullmatch(
            pattern, message, re.DOTALL
        ):
            return str(category["name"])
    return ""


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        ("failed", "Failed: FAILED  ssd: ...", "Regressed"),
        ("broken", "UndecidedError: UNDECIDED  ssd: ...\nRepeat: x", "Undecided"),
        ("broken", "DatasetError: no image\nfound", "Broken"),
        ("skipped", "XFAIL KNOWN  ssd: ...\nRepeat: x", "Known"),
        ("skipped", "not on this machine", ""),
    ],
)
def test_every_end_has_its_category(status: str, message: str, name: str) -> None:
    """Regressed, undecided, known, broken; a plain skip has none."""
    found = category_of({"status": status, "statusDetails": {"message": message}})

    assert found.split(":")[0] == name


def test_without_allure_nothing_is_written(pytester: pytest.Pytester) -> None:
    """Publishing costs nothing and changes nothing."""
    pytester.makepyfile(test_gates=GATES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        ended = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    ended.assert_outcomes(failed=3, passed=1)
    assert not list(pytester.path.rglob("*-result.json"))


def test_every_gate_ends_in_the_results_as_in_the_report(sample: Any, tmp_path: Path) -> None:
    """A gate whose process died gets a result, one that was cut off or contradicts the report its state."""
    states = (
        Problem("digits", "integrity", "broken", "the worker process crashed"),
        Problem("ssd", "integrity", "unjudged", "the run was interrupted before this gate began"),
    )
    report = replace(sample.report, problems=states)
    settle_results(tmp_path, report, ())
    cut = next(tmp_path.glob("*-result.json"))
    cut.write_text(cut.read_text()[:50], encoding="utf-8")
    other = next(path for path in tmp_path.glob("*-result.json") if path != cut)
    other.write_text(other.read_text().replace('"status"', '"status": "passed", "was"'))

    settle_results(tmp_path, report, ())

    found = [json.loads(path.read_text()) for path in tmp_path.glob("*-result.json")]
    statuses = {labelled(one): one["status"] for one in found}
    assert len(found) == len(report.states)
    assert statuses["digits", "integrity"] == "broken"
    assert statuses["ssd", "integrity"] == "unknown"
    assert statuses["ssd", "min_match_rate"] == "failed"
    assert all(one["fullName"].startswith("quantgate.gates#") for one in found)


def labelled(result: dict[str, Any]) -> tuple[str, str]:
    """Model and gate of a result."""
    labels = {label["name"]: label["value"] for label in result["labels"]}
    return labels["model"], labels["gate"]


def test_the_session_files_say_where_and_what(sample: Any, tmp_path: Path) -> None:
    """Environment, executor, categories, and the judged numbers as metrics with their better side."""
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "a/b"}

    write_session(sample.report, tmp_path, environ)

    environment = (tmp_path / "environment.properties").read_text()
    assert "manifest=models.toml\n" in environment
    assert "CPU=a CPU\n" in environment
    assert json.loads((tmp_path / "executor.json").read_text())["buildUrl"].endswith(
        "a/b/actions/runs/7"
    )
    metrics = json.loads(next(tmp_path.glob("*-perf.json")).read_text())
    assert [(m["key"], m["value"], m["better"]) for m in metrics] == [
        ("ssd.min_match_rate", 0.912, "higher"),
        ("ssd.max_size_ratio", 0.27, "lower"),
        ("digits.max_size_ratio", 0.27, "lower"),
    ]
    assert all({"id", "key", "value", "start", "stop"} <= metric.keys() for metric in metrics)


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "a/b",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_NUMBER": "12",
    "GITHUB_WORKFLOW": "gates",
    "GITHUB_SHA": "c0ffee",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://gitlab.com/a/b",
    "CI_JOB_URL": "https://gitlab.com/a/b/-/jobs/7",
    "CI_JOB_NAME": "gates",
    "CI_PIPELINE_IID": "12",
    "CI_COMMIT_SHA": "c0ffee",
}
JENKINS = {
    "JENKINS_URL": "https://ci.example",
    "JOB_NAME": "gates",
    "BUILD_NUMBER": "12",
    "BUILD_URL": "https://ci.example/job/gates/12/",
}


@pytest.mark.parametrize(
    ("environ", "links"),
    [
        (
            GITHUB,
            [
                ("gates #12", "https://github.com/a/b/actions/runs/7"),
                ("commit", "https://github.com/a/b/commit/c0ffee"),
            ],
        ),
        (
            GITLAB,
            [
                ("gates #12", "https://gitlab.com/a/b/-/jobs/7"),
                ("commit", "https://gitlab.com/a/b/-/commit/c0ffee"),
            ],
        ),
        (JENKINS, [("gates #12", "https://ci.example/job/gates/12/")]),
        ({}, []),
        (JENKINS | {"BUILD_URL": "javascript:alert(1)"}, []),
    ],
)
def test_a_gate_links_to_its_build(environ: dict[str, str], links: list[tuple[str, str]]) -> None:
    """And to its commit, in every pipeline that tells them; nowhere else."""
    assert links_of(environ) == links


def test_links_are_on_the_result(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a reader of the red build finds them."""
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(test_gates=GATES)

    result = run(pytester, "results")["ssd", "max_size_ratio"]

    assert [link["name"] for link in result["links"]] == ["gates #12", "commit"]


def test_results_have_to_be_there(tmp_path: Path) -> None:
    """An empty folder is no report."""
    with pytest.raises(ReportError, match="holds no Allure results; run the gates first"):
        build_report(tmp_path, tmp_path / "out")


def test_the_analytics_tag_is_removed(tmp_path: Path) -> None:
    """The report tells nobody that it was opened; other scripts stay."""
    page = tmp_path / "index.html"
    page.write_text(
        '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
        "<script>window.dataLayer=[];function gtag(){dataLayer.push(arguments)}gtag('js');</script>"
        "<script>window.keep = 1</script>"
    )

    strip_analytics(tmp_path)

    assert page.read_text() == "<script>window.keep = 1</script>"


def test_both_configurations_agree() -> None:
    """The kept allurerc.mjs and the one that is written have the same categories and grouping."""
    kept = (Path(__file__).parents[2] / "reports" / "allurerc.mjs").read_text()
    made = configuration(Path("/out"), single_file=False)

    assert ALLURE in kept
    for rule in made["categories"]["rules"]:
        assert f'name: "{rule["name"]}"' in kept
        assert str(rule["matchers"].get("message", "")) in kept
    assert json.dumps(made["plugins"]["awesome"]["options"]["groupBy"]) in kept
