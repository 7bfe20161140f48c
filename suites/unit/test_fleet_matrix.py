"""The matrix of a pipeline: what it plans is what the shards judge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantgate.cli import main
from quantgate.errors import ShardError
from quantgate.fleet.matrix import fewest_jobs, jobs_of
from quantgate.shard import Part, deal

if TYPE_CHECKING:
    from pathlib import Path

MODELS = [f"model-{i}" for i in range(12)]
MANIFEST = """
[datasets.images]
kind = "folder"
path = "."
"""
ENTRY = """
[models.{name}]
task = "generic"
source = "parent.xml"
optimized = "parent.xml"
evaluate = "images"
limits = {{ max_tensor_distance = 0.1 }}
"""
seconds_of = st.dictionaries(st.sampled_from(MODELS), st.floats(0.1, 1e4), min_size=1)


@given(count=st.integers(1, 12), seconds=seconds_of)
def test_the_matrix_is_what_shards_judge(count: int, seconds: dict[str, float]) -> None:
    """Each job lists the very models that its ``gate --shard`` will select."""
    for job in jobs_of(MODELS, count, seconds):
        assert list(job.models) == deal(MODELS, Part(job.shard, count, seconds))


@given(seconds=seconds_of, spare=st.floats(1, 5))
def test_minutes_take_the_fewest_shards(seconds: dict[str, float], spare: float) -> None:
    """All shards stay within the time, and one shard less would not."""
    limit = spare * max(seconds.values())

    jobs = fewest_jobs(MODELS, limit, seconds, "durations.json")

    assert all(job.seconds is not None and job.seconds <= limit for job in jobs)
    fewer = jobs_of(MODELS, len(jobs) - 1, seconds) if len(jobs) > 1 else ()
    assert not fewer or any(job.seconds is not None and job.seconds > limit for job in fewer)


def test_what_cannot_be_planned_is_one_sentence() -> None:
    """More shards than models, nothing recorded, a model that takes longer alone: with what to give."""
    with pytest.raises(ShardError, match="give at most --shards 12"):
        jobs_of(MODELS, 13, {})
    with pytest.raises(ShardError, match=r"d\.json tells it of none of them: .* or give --shards"):
        fewest_jobs(MODELS, 60, {"other": 1.0}, "d.json")
    with pytest.raises(ShardError, match=r"model-3 alone takes 2\.5 minutes.* --minutes 3 or more"):
        fewest_jobs(MODELS, 60, {"model-3": 150.0, "model-1": 5.0}, "d.json")


def test_the_command_prints_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON for fromJSON on standard output, and what durations do not know on standard error."""
    names = ("long", "short", "new")
    text = MANIFEST + "".join(ENTRY.format(name=name) for name in names)
    (tmp_path / "models.toml").write_text(text, encoding="utf-8")
    (tmp_path / "parent.xml").touch()
    (tmp_path / "durations.json").write_text(json.dumps({"long": 900, "short": 300}))
    monkeypatch.chdir(tmp_path)

    assert main(["ci", "matrix", "models.toml", "--minutes", "15"]) == 0
    said = capsys.readouterr()

    rows = json.loads(said.out)["include"]
    assert [(row["shard"], row["shards"], row["models"], row["minutes"]) for row in rows] == [
        (1, 2, "long", 15.0),
        (2, 2, "short new", 15.0),
    ]
    assert "counted as the mean of the others: new" in said.err
    assert main(["ci", "matrix", "models.toml", "--shards", "4"]) == 1
    assert capsys.readouterr().err.startswith("quantgate: --shards 4: a model is never split")
