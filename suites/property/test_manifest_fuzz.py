from __future__ import annotations

import copy
import datetime as dt
import json
import math
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.entries import Manifest
from quantgate.errors import ManifestError
from quantgate.manifest import load_manifest
from quantgate.manifest.problems import dotted

if TYPE_CHECKING:
    from pathlib import Path

VALID: dict[str, Any] = {
    "defaults": {
        "tags": ["nightly"],
        "evaluate": {"score_threshold": 0.4},
        "limits": {"min_int8_share": 0.5},
    },
    "datasets": {
        "cal": {"kind": "digits", "split": "calibrate", "size": [300, 300], "seed": 1, "count": 9},
        "val": {"kind": "coco", "path": "images", "annotations": "val.json", "labels": ["a", "b"]},
    },
    "models": {
        "ssd": {
            "task": "detection",
            "source": {"path": "ssd.onnx"},
            "decoder": {"kind": "ssd", "max_detections": 100, "outputs": ["out"]},
            "preprocess": {"size": [300, 300], "mean": [1, 2.5, 3], "scale": 127.5},
            "calibrate": {"dataset": "cal", "subset": 5, "ignored": {"names": ["conv"]}},
            "evaluate": {"dataset": "val", "metric": "ap50", "hold_out": True},
            "benchmark": {"streams": 2, "device": "CPU"},
            "judge": "interval",
            "limits": {
                "max_accuracy_drop": 0.01,
                "min_match_rate": 0.95,
                "min_speedup": {"amx": 2.0, "vnni": 1.5},
            },
            "expected_failure": {
                "min_match_rate": {
                    "reason": "small objects",
                    "floor": 0.5,
                    "expires": dt.date(2027, 1, 31),
                }
            },
        },
        "shorthands": {
            "task": "classification",
            "source": "ssd.onnx",
            "decoder": "class-scores",
            "calibrate": "cal",
            "evaluate": {"dataset": "cal", "allow_overlap": True},
        },
    },
    "report": {"images": 3, "budget_mb": 10},
}
VALID["datasets"]["single"] = {"kind": "digits", "subject": "single", "split": "evaluate"}
VALID["models"]["shorthands"]["evaluate"]["dataset"] = "single"

Path_ = tuple[str | int, ...]


def places(node: Any, at: Path_ = ()) -> list[Path_]:
    """Every key and every item of a document."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(node, dict):
        items = list(node.items())
    elif isinstance(node, list):
        items = list(enumerate(node))
    return [p for key, item in items for p in ((*at, key), *places(item, (*at, key)))]


PLACES = places(VALID)
KEYS = [place for place in PLACES if isinstance(place[-1], str)]
#: Names that the author chooses: another name is no mistake.
NAMES = [("datasets",), ("models",)]
#: Values that are wrong wherever a key stands: NaN, a list in a list, a table with strange keys.
NOWHERE_RIGHT = [math.nan, [[]], {"strange key": 1}, dt.time(12), [{"strange key": 1}]]
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.dates(),
    st.datetimes(),
    st.just(10**30),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip

#: Documents of real keys in wrong places.
WORDS = st.sampled_from(
    sorted({str(part) for place in PLACES for part in place} | {"zoo", "priors", "x"})
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["defaults", "datasets", "models", "report"]),
    st.recursive(SCALARS, lambda inner: st.dictionaries(WORDS, inner, max_size=4), max_leaves=12),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything the valid manifest names."""
    root = tmp_path_factory.mktemp("manifest")
    (root / "images").mkdir()
    (root / "val.json").touch()
    (root / "ssd.onnx").touch()
    return root


def toml(value: Any) -> str:
    """Write a value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return repr(value)


def text(value: str) -> str:
    """Write a string as TOML: JSON's, without surrogates."""
    escaped = json.dumps(value).replace("\x7f", "\\u007f")
    surrogates = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    return re.sub(
        surrogates, lambda m: f"\\U{ord(json.loads(chr(34) + m[0] + chr(34))):08x}", escaped
    )


def document(tables: dict[str, Any]) -> str:
    """Write a whole document, one line a table."""
    return "\n".join(f"{text(key)} = {toml(value)}" for key, value in tables.items())


def load(folder: Path, content: bytes) -> Manifest | ManifestError:
    """Load bytes as a manifest: the only two things that may come of it."""
    path = folder / f"models-{os.getpid()}.toml"
    path.write_bytes(content)
    try:
        return load_manifest(path)
    except ManifestError as error:
        outcome = error
    assert outcome.problems
    assert all(0 < len(line) < 3000 for line in outcome.problems)
    return outcome


def parent_of(tables: dict[str, Any], place: Path_) -> Any:
    """Return the table or list in which a place is."""
    node: Any = tables
    for part in place[:-1]:
        node = node[part]
    return node


def test_the_document_that_is_mutated_is_a_manifest(folder: Path) -> None:
    """What the other tests break is whole before they break it."""
    assert isinstance(load(folder, document(VALID).encode()), Manifest)


@given(content=st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_give_a_manifest_error(folder: Path, content: bytes) -> None:
    """No bytes make the loader raise anything but a ManifestError."""
    assert isinstance(load(folder, content), ManifestError)


@given(content=st.text(alphabet="[]{}=\"'.,#\n aß1-_\\\U0001f600", max_size=60))
@settings(deadline=None)
def test_any_text_gives_a_manifest_error(folder: Path, content: str) -> None:
    """No text that looks like TOML makes the loader raise anything but a ManifestError."""
    assert isinstance(load(folder, content.encode()), ManifestError)


@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
@settings(deadline=None)
def test_a_flipped_byte_gives_a_manifest_or_an_error(folder: Path, at: int, byte: int) -> None:
    """A damaged file is read or refused."""
    content = bytearray(document(VALID).encode())
    content[at % len(content)] = byte
    assert isinstance(load(folder, bytes(content)), Manifest | ManifestError)


@given(tables=DOCUMENTS)
@settings(max_examples=300, deadline=None)
def test_any_document_gives_a_manifest_or_an_error(folder: Path, tables: dict[str, Any]) -> None:
    """Real keys in any arrangement are read or refused."""
    assert isinstance(load(folder, document(tables).encode()), Manifest | ManifestError)


@given(place=st.sampled_from(PLACES), value=VALUES)
@settings(max_examples=300, deadline=None)
def test_any_value_anywhere_gives_a_manifest_or_an_error(
    folder: Path, place: Path_, value: Any
) -> None:
    """Whatever stands in place of a value, it is read or refused."""
    tables = copy.deepcopy(VALID)
    parent_of(tables, place)[place[-1]] = value
    assert isinstance(load(folder, document(tables).encode()), Manifest | ManifestError)


@given(place=st.sampled_from(PLACES), value=st.sampled_from(NOWHERE_RIGHT))
@settings(max_examples=300, deadline=None)
def test_a_wrong_value_is_named(folder: Path, place: Path_, value: Any) -> None:
    """The dotted path of a value of the wrong type is in the error."""
    tables = copy.deepcopy(VALID)
    parent_of(tables, place)[place[-1]] = value
    outcome = load(folder, document(tables).encode())
    assert isinstance(outcome, ManifestError)
    assert any(line.startswith(dotted(*place)) for line in outcome.problems), outcome.problems


@given(place=st.sampled_from([key for key in KEYS if key[:-1] not in NAMES]))
@settings(deadline=None)
def test_a_renamed_key_is_named(folder: Path, place: Path_) -> None:
    """The dotted path of a key that does not exist is in the error, with the key that was meant."""
    tables = copy.deepcopy(VALID)
    table = parent_of(tables, place)
    renamed = f"{place[-1]}_"
    table[renamed] = table.pop(place[-1])
    outcome = load(folder, document(tables).encode())
    assert isinstance(outcome, ManifestError)
    said = [
        line for line in outcome.problems if line.startswith(dotted(*place[:-1], renamed) + ":")
    ]
    assert len(said) == 1, outcome.problems
    assert "did you mean " in said[0] or len(table) == 1


@given(place=st.sampled_from(PLACES))
@settings(deadline=None)
def test_a_dropped_key_is_named_where_it_is_needed(folder: Path, place: Path_) -> None:
    """Leaving something out gives a manifest, or an error at the place where it was."""
    tables = copy.deepcopy(VALID)
    del parent_of(tables, place)[place[-1]]
    outcome = load(folder, document(tables).encode())
    names = (place[-1], *(["dataset"] if place[0] == "datasets" and len(place) == 2 else []))
    if isinstance(outcome, ManifestError):
        assert any(str(name) in line for name in names for line in outcome.problems) or (
            isinstance(place[-1], int)
        ), outcome.problems
