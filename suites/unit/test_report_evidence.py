"""Tables and verdicts for machines."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import quantgate
from quantgate.core.estimate import Estimate
from quantgate.core.table import Column, Table
from quantgate.core.verdict import Outcome
from quantgate.errors import ReportError
from quantgate.report.allure.session import write_session
from quantgate.report.codec import decode, encode
from quantgate.report.digest import digest
from quantgate.report.evidence import json_evidence, matches_csv, table_csv, table_json
from quantgate.report.export import (
    junit_properties,
    verdict_record,
    verdicts_json,
    workflow_commands,
)
from quantgate.report.model import Judged, Problem, RunReport
from quantgate.report.publish import finish_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.report.picture import Picture

COLUMNS = (
    Column("image", "Image Name"),
    Column("n", "Count", "count"),
    Column("v", "Value", "number"),
)


def rows_of(data: bytes) -> list[list[str]]:
    """Read CSV back the way other programs do."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_csv_survives_commas_quotes_and_newlines() -> None:
    """RFC 4180: what was written is what is read, line ends spelled out."""
    awkward = 'a "quoted", name\nof two lines'
    table = Table("t", "T", COLUMNS, ((awkward, 3, 0.25), ("plain", None, None)))

    made = table_csv(table)

    assert rows_of(made.data) == [
        ["Image Name", "Count", "Value"],
        [awkward.replace("\n", "\\n"), "3", "0.25"],
        ["plain", "", ""],
    ]
    assert made.data.count(b"\r\n") == 3
    assert (made.name, made.media_type) == ("t.csv", "text/csv")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula(start: str) -> None:
    """A file named =cmd() is text in a spreadsheet; numbers stay numbers."""
    table = Table("t", "T", COLUMNS, ((f"{start}1+1", 3, -0.5),))

    spelled = {"\t": r"\t", "\r": r"\r"}.get(start, start)
    assert rows_of(table_csv(table).data)[1] == [f"'{spelled}1+1", "3", "-0.5"]


@pytest.mark.parametrize("name", ["plain", "x], [y", '"], ["'])
def test_json_has_each_row_on_a_line(name: str) -> None:
    """Whatever a text looks like."""
    rows = ((name, 3, 0.25), ("], [", None, None), ("", 0, 1.0))

    data = table_json(Table("t", "T", COLUMNS, rows)).data

    assert json.loads(data)["rows"] == [list(row) for row in rows]
    lines = data.decode().split('"rows": [\n')[1].split("\n],")[0].splitlines()
    assert [json.loads(line.removesuffix(",")) for line in lines] == [list(row) for row in rows]


def test_table_json_is_versioned_and_knows_no_infinity() -> None:
    """Infinity is a word, because JSON has no number for it."""
    table = Table("t", "T", COLUMNS, (("a", 1, math.inf),), frozenset({0}))

    document = json.loads(table_json(table).data)

    assert document["schema"] == 1
    assert document["rows"] == [["a", 1, "inf"]]
    assert document["erroneous"] == [0]
    assert [column["key"] for column in document["columns"]] == ["image", "n", "v"]


def test_nan_in_evidence_raises() -> None:
    """Nothing there is no number."""
    with pytest.raises(ValueError, match="JSON"):
        json_evidence("x.json", {"value": math.nan})


def test_matches_name_both_boxes(sample: Any) -> None:
    """One row an object; a missing role has empty cells."""
    picture: Picture = sample.report.models[0].pictures[0]

    rows = rows_of(matches_csv(picture).data)

    assert rows[0][:6] == [
        "change",
        "parent class",
        "parent score",
        "optimized class",
        "optimized score",
        "iou",
    ]
    assert rows[2] == [
        "lost",
        "dog",
        "0.7",
        "",
        "",
        "",
        "100.0",
        "20.0",
        "150.0",
        "80.0",
        "",
        "",
        "",
        "",
    ]


def test_a_run_survives_its_json(sample: Any) -> None:
    """run.json read back is the run that was written, infinities in tables included."""
    strange = Table("t", "T", COLUMNS, (("a", 1, math.inf), ("b", None, -math.inf)), frozenset({1}))
    report: RunReport = sample.report
    with_table = type(report)(
        **{**_fields(report), "models": (*report.models, _with(report, strange))}
    )

    text = json.dumps(encode(with_table), allow_nan=False)

    assert decode(RunReport, json.loads(text)) == with_table


def _fields(report: RunReport) -> dict[str, Any]:
    return {name: getattr(report, name) for name in report.__dataclass_fields__}


def _with(report: RunReport, table: Table) -> Any:
    model = report.models[1]
    return type(model)(id="third", task=model.task, tables=(table,))


def test_a_damaged_run_is_one_sentence(sample: Any) -> None:
    """No traceback for an edited file."""
    data = encode(sample.report)
    data["judged"][0]["verdict"]["outcome"] = "fine"

    with pytest.raises(ReportError, match="this is no RunReport of a run"):
        decode(RunReport, data)


def test_unknown_fields_of_a_newer_version_are_ignored() -> None:
    """Reading goes on where nothing that is needed is missing."""
    found = decode(
        Problem, {"model": "m", "gate": "g", "status": "broken", "sentence": "s", "new": 1}
    )

    assert found == Problem("m", "g", "broken", "s")


def test_verdicts_say_every_fact(sample: Any) -> None:
    """Everything that a later reader needs to judge the judgement."""
    document = json.loads(verdicts_json(sample.report).data)

    assert document["schema"] == 1
    assert document["manifest"] == {"path": "models.toml", "sha256": "ab" * 32}
    first = document["verdicts"][0]
    assert first["margin"] == pytest.approx(-0.038)
    assert {
        k: first[k] for k in ("outcome", "value", "interval", "n", "of", "relation", "key", "limit")
    } == {
        "outcome": "failed",
        "value": 0.912,
        "interval": [0.894, 0.931],
        "n": 200,
        "of": "images",
        "relation": "min",
        "key": "min_match_rate",
        "limit": 0.95,
    }


def documented(name: str) -> dict[str, Any]:
    """Read a schema that the package ships."""
    path = Path(quantgate.__file__).parent / "schema" / f"{name}.schema.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_every_table_keeps_to_the_documented_schema(sample: Any) -> None:
    """And every document of a run says by its number which form it has."""
    schema = documented("table")
    finish_run(sample.report, sample.directory)
    files = sorted((sample.directory / "tables").rglob("*.json"))

    for file in files:
        document = json.loads(file.read_text("utf-8"))
        jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
        assert set(document) == set(schema["required"])
    assert len(files) == 10
    for name in ("run.json", "verdicts.json"):
        assert json.loads((sample.directory / name).read_text("utf-8"))["schema"] == 1


def test_verdicts_keep_to_the_documented_schema(sample: Any) -> None:
    """Types and words too, not only names."""
    document = json.loads(verdicts_json(sample.report).data)

    jsonschema.validate(document, documented("verdicts"), jsonschema.Draft202012Validator)


def test_the_documented_schema_names_every_field(sample: Any) -> None:
    """It cannot fall behind verdicts.json."""
    schema = documented("verdicts")
    document = json.loads(verdicts_json(sample.report).data)

    assert set(schema["properties"]) == set(document) == set(schema["required"])
    record = schema["properties"]["verdicts"]["items"]
    assert set(record["properties"]) == set(document["verdicts"][0]) == set(record["required"])


def test_junit_properties_are_plain_texts(judged_of: Callable[..., Judged]) -> None:
    """What is empty is left out."""
    judged = judged_of("min_match_rate", 0.95, Estimate(0.912, 0.894, 0.931, 200), Outcome.FAILED)

    found = dict(junit_properties(judged))

    assert (found["low"], found["value"], found["high"]) == ("0.894", "0.912", "0.931")
    assert (found["limit"], found["threshold"]) == ("min_match_rate", "0.95")
    assert found["path"] == "models.ssd.limits.min_match_rate"
    assert found["outcome"] == "failed"
    assert "remedy" not in found
    assert all(isinstance(value, str) for value in found.values())


def test_the_summary_starts_with_what_is_wrong(sample: Any) -> None:
    """Markdown, an answer a model, failures first, names unable to break the table."""
    text = digest(sample.report)

    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert text.startswith("## quantgate: 1 failed, 1 known, 2 passed")
    assert "failed" in rows[1]
    assert {line.count(" | ") for line in rows[1:]} == {5}


def test_every_report_says_where_the_int8_models_lie(sample: Any, tmp_path: Path) -> None:
    """Summary, Allure's environment and run.json name the file of every INT8 model that was made."""
    path = "/store/a b/model.xml"
    load = f"import openvino as ov\nmodel = ov.Core().compile_model({path!r}, 'CPU', {{}})"
    first = replace(sample.report.models[0], ir=path, load=load)
    report = replace(sample.report, models=(first, *sample.report.models[1:]))

    assert f"- `INT8 {first.id} /store/a b/model.xml`" in digest(report)
    assert "model.xml" not in digest(sample.report)
    assert encode(report)["models"][0]["ir"] == first.ir
    write_session(report, tmp_path, {})
    told = (tmp_path / "environment.properties").read_text("utf-8")
    assert f"int8.{first.id}=openvino.Core().compile_model('{path}', 'CPU', {{}})\n" in told


def test_markdown_in_names_is_text(judged_of: Callable[..., Judged], sample: Any) -> None:
    """A pipe or a tag in a name neither ends a cell nor runs."""
    report = type(sample.report)(
        **{**_fields(sample.report), "problems": (Problem("a|b<i>", "g", "broken", "s"),)}
    )

    assert "a\\|b\\<i\\>" in digest(report)
    assert judged_of is not None


def test_missed_limits_become_annotations(sample: Any) -> None:
    """One command each, newlines and percent signs escaped; expected failures are quiet."""
    places = {"models.ssd.limits.min_match_rate": ("ci/models.toml", 12)}
    said = workflow_commands(sample.report, places)

    assert len(said) == 1
    assert said[0].startswith(
        "::error file=ci/models.toml,line=12,title=ssd%3A min_match_rate::FAILED  ssd: match rate 0.912"
    )
    assert workflow_commands(sample.report, {})[0].startswith("::error title=ssd%3A")
    assert "%0A" in said[0]
    assert "\n" not in said[0]


def test_a_verdict_without_a_number_has_nulls(judged_of: Callable[..., Judged]) -> None:
    """Not measured is null, never zero."""
    record = verdict_record(judged_of("min_speedup", 1.3, None, Outcome.UNDECIDED, "why"))

    assert (record["value"], record["interval"], record["n"], record["margin"]) == (
        None,
        None,
        None,
        None,
    )
