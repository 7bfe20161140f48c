from __future__ import annotations

import datetime as dt
import json
import tomllib
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

import quantgate
from quantgate.core.limits import LIMITS
from quantgate.datasets.catalog import DATASETS
from quantgate.declared import task_limits
from quantgate.decoders.catalog import DECODERS
from quantgate.entries import DatasetEntry, EvaluationPlan, Limits, ModelEntry
from quantgate.manifest import json_schema, load_manifest
from quantgate.manifest.__main__ import SCHEMA, schema_text
from quantgate.manifest.hints import choices, default, fields
from quantgate.manifest.models import tasks_of
from quantgate.manifest.reference import _TABLES, with_reference
from quantgate.sources.catalog import AnySource
from quantgate.tasks.catalog import TASKS

FULL = """
"$schema" = "models.schema.json"
[defaults]
evaluate = { score_threshold = 0.3 }
tags = ["nightly"]
[datasets]
cal = { kind = "digits", split = "calibrate", size = [300, 300], count = 20 }
val = { kind = "coco", path = "images", annotations = "val.json", labels = ["a", "b"] }
[models.built-in]
source = { zoo = "anything" }
calibrate = "cal"
evaluate = "val"
[models.ssd]
task = "detection"
source = "ssd.onnx"
decoder = { kind = "ssd", max_detections = 100, class_ids = "coco90" }
preprocess = { size = [300, 300], mean = [1, 2.5, 3], scale = 127.5, resize = "letterbox" }
calibrate = { dataset = "cal", ignored = { names = ["conv"] }, method = "accuracy-aware" }
evaluate = { subset = 5, dataset = "val" }
benchmark = { hint = "throughput", streams = 2 }
judge = "interval"
[models.ssd.limits]
max_accuracy_drop = 0.01
min_speedup = { amx = 2.0, vnni = 1.5 }
min_native_speedup = 1
[models.ssd.expected_failure]
max_accuracy_drop = { reason = "small objects", floor = 0.05, expires = 2027-01-31 }
[report]
images = 0
"""

ROOT = Path(__file__).parents[2]
#: Limits that are judged outside of the tasks: what a machine runs is timed and weighed alike.
OF_RUNS = [key for key, kind in LIMITS.items() if not kind.of_images]


def _references(node: Any) -> set[str]:
    """Name the definitions to which any part of a schema refers."""
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = {node["$ref"].rpartition("/")[2]} if isinstance(node, dict) and "$ref" in node else set()
    return own.union(*map(_references, parts))


def test_every_table_is_defined_and_explained() -> None:
    """What a key leads to is in the schema, and has its section in the reference."""
    schema = json_schema()
    listed = {table.__name__ for _, table in _TABLES}
    elsewhere = {one.__name__ for one in (*get_args(AnySource), *DECODERS.values())}

    assert _references(schema) - set(schema["$defs"]) == set()
    assert set(schema["$defs"]) - listed - elsewhere == set()


def as_json(value: Any) -> Any:
    """Return a TOML document as an editor's validator sees it: dates are strings."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def complaints(text: str) -> list[str]:
    """Places at which the schema refuses a manifest."""
    validator = jsonschema.Draft202012Validator(json_schema())
    return [error.json_path for error in validator.iter_errors(as_json(tomllib.loads(text)))]


def test_the_schema_in_the_package_is_fresh() -> None:
    """The shipped schema is what the types say; `python -m quantgate.manifest` refreshes it."""
    assert SCHEMA.read_text("utf-8") == schema_text()


def test_the_schema_is_one() -> None:
    """The schema itself is valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    json.dumps(json_schema(), allow_nan=False)


def test_the_schema_accepts_manifests() -> None:
    """Whatever the loader accepts, shorthands and inherited keys included, editors accept."""
    assert complaints(FULL) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("max_detections", "max_detection"),
        ('kind = "ssd", ', ""),
        ("max_accuracy_drop = 0.01", "max_acuracy_drop = 0.01"),
        ("max_accuracy_drop = 0.01", 'max_accuracy_drop = "0.01"'),
        ("min_native_speedup = 1", "min_native_speedup = 0"),
        ("amx = 2.0", "amd = 2.0"),
        ('"detection"', '"detecton"'),
        ('"letterbox"', '"leterbox"'),
        ("max_accuracy_drop = {", "max_accuracy = {"),
        ("floor = 0.05, ", ""),
        ('"interval"', '"intervall"'),
        ("images = 0", "images = -1"),
        ("subset = 5", "subset = 0"),
        ("[report]", "[reports]"),
        ('source = "ssd.onnx"', ""),
        ('kind = "coco", ', ""),
        ('labels = ["a", "b"]', "labels = []"),
        ("[defaults]", "[defaults]\nsource = 'x'"),
    ],
)  # fmt: skip
def test_the_schema_refuses_mistakes(right: str, wrong: str) -> None:
    """What the loader refuses for its shape, editors underline."""
    assert right in FULL
    assert complaints(FULL.replace(right, wrong)) != []


def test_every_key_is_described() -> None:
    """Editors show at least a type for every key of every table."""
    for name, table in json_schema()["$defs"].items():
        assert table["description"], name
        assert all("$ref" in p or "type" in p or "anyOf" in p for p in table["properties"].values())


def test_the_reference_is_fresh() -> None:
    """docs/manifest.md lists the keys that exist; `python -m quantgate.manifest` refreshes it."""
    page = (ROOT / "docs" / "manifest.md").read_text("utf-8")
    assert page == with_reference(page)
    for table in (Limits, *DECODERS.values()):
        assert all(f"| `{key}` |" in page for key in fields(table))


def test_the_example_of_the_reference_is_a_manifest(tmp_path: Path) -> None:
    """The ten lines that documentation shows load as they stand."""
    page = (ROOT / "docs" / "manifest.md").read_text("utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "images" / "calibration").mkdir(parents=True)
    (tmp_path / "images" / "val").mkdir()
    (tmp_path / "images" / "val.json").touch()
    (tmp_path / "ssd.onnx").touch()
    (tmp_path / "models.toml").write_text(example, encoding="utf-8")
    assert list(load_manifest(tmp_path / "models.toml").models) == ["ssd"]
    assert len([line for line in example.splitlines() if line]) == 10
    assert complaints(example) == []


def test_decoders_have_tasks() -> None:
    """Every decoder's kind is its key in the catalog, and serves a task that exists."""
    assert [default(decoder, "kind") for decoder in DECODERS.values()] == [
        {"default": kind} for kind in DECODERS
    ]
    assert {task for decoder in DECODERS.values() for task in decoder.tasks} >= set(TASKS)
    assert choices(fields(ModelEntry)["task"]) == tuple(TASKS)
    assert choices(fields(DatasetEntry)["kind"]) == tuple(DATASETS)


@pytest.mark.parametrize("task", TASKS)
def test_limits_and_metrics_are_those_of_the_task(task: str) -> None:
    """Every limit and metric that a task offers can be written, and no other is let through."""
    assert all(LIMITS[key].of_images for key in TASKS[task].LIMITS)
    of_task = {key for key, kind in LIMITS.items() if kind.asks in TASKS[task].LIMITS}
    assert set(task_limits(task)) == {*of_task, *OF_RUNS}
    metrics = {"", *choices(fields(EvaluationPlan)["metric"])}
    assert TASKS[task].DEFAULT_METRIC in metrics
    assert any(
        task in tasks_of(truths) for kind in DATASETS.values() for truths in kind.truths.values()
    )


def test_every_limit_and_metric_has_a_task() -> None:
    """No limit or metric can be written that no task judges."""
    judged = {key for task in TASKS.values() for key in task.LIMITS}
    of_tasks = {key for key, kind in LIMITS.items() if kind.asks in judged}
    assert {*OF_RUNS, *of_tasks} == set(LIMITS)
    metrics = set(choices(fields(EvaluationPlan)["metric"]))
    assert metrics <= {metric for task in TASKS.values() for metric in task.METRICS}


def test_the_table_of_limits_is_what_a_manifest_can_write() -> None:
    """Every row has its typed field and every field its row, in one order."""
    assert [*LIMITS, "outputs", "devices"] == list(fields(Limits))


def test_the_schema_is_in_the_package() -> None:
    """The schema lies inside the package, so that the wheel carries it."""
    assert SCHEMA.is_relative_to(Path(str(quantgate.__file__)).parent)
