"""Which models a shard judges."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantgate.errors import ShardError
from quantgate.shard import Part, deal, part_of, read_durations

if TYPE_CHECKING:
    from pathlib import Path

MODELS = [f"model-{i}" for i in range(40)]


@given(
    count=st.integers(1, 9),
    models=st.lists(st.sampled_from(MODELS), unique=True),
    seconds=st.dictionaries(st.sampled_from(MODELS), st.floats(0, 1e4)),
)
def test_every_model_is_dealt_once(
    count: int, models: list[str], seconds: dict[str, float]
) -> None:
    """Whatever was recorded, all parts together hold every model exactly once, in its order."""
    parts = [deal(models, Part(index, count, seconds)) for index in range(1, count + 1)]

    assert sorted(model for part in parts for model in part) == sorted(models)
    assert all(part == [model for model in models if model in part] for part in parts)


def test_parts_take_equally_long() -> None:
    """Long models are spread first; the heaviest part is within a third of the mean."""
    seconds = {model: 1.0 + index**1.5 for index, model in enumerate(MODELS)}

    loads = [sum(seconds[m] for m in deal(MODELS, Part(i, 4, seconds))) for i in (1, 2, 3, 4)]

    assert max(loads) <= 1.05 * sum(loads) / 4


def test_without_durations_parts_hold_equally_many() -> None:
    """Forty models over four machines are ten each."""
    assert [len(deal(MODELS, Part(index, 4))) for index in (1, 2, 3, 4)] == [10] * 4


def test_a_file_of_single_tests_is_added_up(tmp_path: Path) -> None:
    """pytest-split's own file serves too, wherever the gates lay when it was written."""
    recorded = {
        "../../site/gates/test_accuracy.py::test_accuracy_drop[ssd]": 2.0,
        "suites/gates/test_speed.py::test_speedup[ssd]@ssd": 3.0,
        "yolo": 7.5,
    }
    path = tmp_path / "durations.json"
    path.write_text(json.dumps(recorded))

    assert read_durations(path) == {"ssd": 5.0, "yolo": 7.5}


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", ""])
def test_a_wrong_part_is_one_sentence(text: str) -> None:
    """What was given and what is expected."""
    with pytest.raises(ShardError, match="expected I/N"):
        part_of(text, None)


def test_durations_not_recorded_yet_are_none(tmp_path: Path) -> None:
    """The first run of a pipeline has no file to read."""
    assert part_of("1/2", tmp_path / "durations.json") == Part(1, 2, {})


def test_without_pytest_split_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything runs, with what to install."""
    monkeypatch.setattr("quantgate.shard.find_spec", lambda _: None)

    with pytest.raises(ShardError, match=r"quantgate\[shards\]"):
        part_of("1/2", None)


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"ssd": "long"}'])
def test_wrong_durations_are_one_sentence(tmp_path: Path, content: str) -> None:
    """Damaged or of another form: the file is named, with what to do."""
    path = tmp_path / "durations.json"
    path.write_text(content)

    with pytest.raises(ShardError, match=r"durations\.json cannot be read.*leave it out"):
        part_of("1/2", path)
