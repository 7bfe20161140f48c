"""Processes that work ahead: they stop for what is timed, and end with the session."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

from quantgate.engine.worker import client
from quantgate.engine.worker.client import Step, Worker
from quantgate.errors import DecoderError, QuantizationError, StoreError, WorkerError
from quantgate.manifest import load_manifest
from quantgate.pipeline import ahead as steps
from quantgate.progress import SILENT
from quantgate.run import Run
from quantgate.session import ahead as room
from quantgate.session.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.entries import ModelEntry
    from quantgate.progress import Progress

pytestmark = pytest.mark.skipif(not client.APART, reason="steps run in the run's own process here")
MANIFEST = "[datasets.digits]\nkind = 'digits'\nsubject = 'single'\n" + "".join(
    f"""
[models.{name}]
source = {{ zoo = "digits-mobilenet-v2" }}
calibrate = "digits"
evaluate = {{ dataset = "digits", allow_overlap = true }}
limits = {{ min_agreement = 0.5 }}
"""
    for name in ("first", "second", "third", "fourth")
)
ASKED = {name: frozenset({"comparison"}) for name in ("first", "second", "third", "fourth")}
ENDLESS_S = 600.0


def make(
    entry: ModelEntry, run: Run, asked: frozenset[str], *, progress: Progress = SILENT
) -> float:
    """Stand for the steps of a model: the second fails, the third never ends."""
    del asked
    run.append("built", {"model": entry.id, "kind": "optimized", "seconds": 7.0})
    (run.store / f"{entry.id}-{os.getpid()}").touch()
    if entry.id == "second":
        with steps._failing("optimized"):
            raise QuantizationError(entry.id)
    if entry.id == "third":
        progress.start("calibrate", 9)
        progress.advance(4)
        time.sleep(ENDLESS_S)
    return 7.0


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Provide a run of four models."""
    (tmp_path / "models.toml").write_text(MANIFEST)
    (tmp_path / "store").mkdir()
    made = load_manifest(tmp_path / "models.toml")
    return Run(
        tmp_path / "run", manifest=made, store=tmp_path / "store", strict_sources=True, started=""
    )


@pytest.fixture
def ahead(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ahead]:
    """Provide two processes that begin at once."""
    monkeypatch.setattr(room, "make_ahead", make)
    monkeypatch.setattr(room, "PATIENCE_S", 0.0)
    made = Ahead(run, ASKED, 2)
    yield made
    made.close()


def waited(ahead: Ahead, model: str, kind: str = "") -> None:
    """Wait until no more of a model comes."""
    while ahead.wait(model, kind):
        pass


def pids(run: Run) -> dict[str, int]:
    """Name the process that each model was begun in."""
    found = (path.name.partition("-") for path in run.store.iterdir())
    return {model: int(pid) for model, _, pid in found}


def until_begun(run: Run, model: str) -> int:
    """Wait for a model's process."""
    while model not in pids(run):
        time.sleep(0.01)
    return pids(run)[model]


def test_what_was_made_ahead_is_the_models_own(run: Run, ahead: Ahead) -> None:
    """Its seconds and what was built are counted for it; what failed, or nobody made, is left to its gates."""
    ahead.begin("first")
    until_begun(run, "second")
    waited(ahead, "second")
    until_begun(run, "fourth")
    waited(ahead, "fourth")

    assert "first" not in pids(run)
    assert ahead.leave("fourth") > 0
    assert ahead.leave("second") == ahead.leave("first") == 0
    assert [record["model"] for record in run.records("built")] == ["fourth"]


def test_no_time_is_taken_from_what_is_timed(run: Run, ahead: Ahead) -> None:
    """Every process is stopped while the body runs, and goes on behind it."""
    ahead.begin("first")
    process = psutil.Process(until_begun(run, "third"))
    with ahead.stopped():
        stopped = process.status()
    time.sleep(0.1)

    assert stopped == psutil.STATUS_STOPPED
    assert process.status() != psutil.STATUS_STOPPED


def test_a_death_ends_working_ahead(run: Run, ahead: Ahead) -> None:
    """Where memory ran out, the gates need it: nothing more is begun."""
    ahead.begin("second")
    psutil.Process(until_begun(run, "third")).kill()
    waited(ahead, "third")
    ahead.begin("second")

    assert not ahead.wait("third")
    assert ahead.leave("third") == 0


def test_a_session_ends_them_also_where_they_are_stopped(run: Run, ahead: Ahead) -> None:
    """None outlives the session."""
    ahead.begin("first")
    process = psutil.Process(until_begun(run, "third"))
    with ahead.stopped():
        pass
    ahead.close()

    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_an_ended_worker_answers_no_more() -> None:
    """A call that comes too late starts no process."""
    worker = Worker()
    worker.end()

    with pytest.raises(WorkerError, match="was ended before counting"):
        worker.call(Step("counting"), len, "abc")


def test_a_worker_that_is_ended_as_it_is_asked_starts_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The session may end between a thread's call and its process."""
    worker = Worker()

    def pack(given: object) -> bytes:
        del given
        worker.end()
        return b""

    monkeypatch.setattr(client, "pack", pack)
    monkeypatch.setattr(client, "_Process", lambda *_: pytest.fail("a process was started"))

    with pytest.raises(WorkerError, match="was ended before counting"):
        worker.call(Step("counting"), len, "abc")


def test_what_would_fail_again_fails_once(run: Run, ahead: Ahead) -> None:
    """The gate that lacks it fails as it failed ahead; one that lacks something else tries for itself."""
    ahead.begin("first")
    until_begun(run, "second")
    with pytest.raises(QuantizationError, match="second"):
        waited(ahead, "second", "optimized")

    assert not ahead.wait("second", "optimized")


def test_a_gate_that_lacks_something_else_tries_for_itself(run: Run, ahead: Ahead) -> None:
    """What failed ahead says nothing about other steps."""
    ahead.begin("first")
    until_begun(run, "second")
    waited(ahead, "second", "look")

    assert not ahead.wait("second", "look")


@pytest.mark.parametrize(
    ("error", "kind"), [(DecoderError("no"), "comparison"), (StoreError("full"), "")]
)
def test_only_what_follows_from_the_input_is_taken_for_lasting(error: Exception, kind: str) -> None:
    """A full disk may be empty at the gate's turn."""
    with pytest.raises(type(error)) as raised, steps._failing("comparison"):
        raise error

    assert steps.failed_kind(raised.value) == kind


class Seen:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self, name: str, total: int) -> None:
        """Note a beginning."""
        self.told.append((name, total))

    def advance(self, steps: int = 1) -> None:
        """Note steps."""
        self.told.append(steps)

    def close(self) -> None:
        """Note an end."""
        self.told.append("closed")


def test_a_gate_that_waits_shows_how_far_it_is(run: Run, ahead: Ahead) -> None:
    """Work that began long before is shown from where it is, and no more once nobody waits."""
    ahead.begin("first")
    until_begun(run, "third")
    while ahead._progress["third"]._done < 4:
        time.sleep(0.01)
    seen = Seen()
    for _ in range(3):
        assert ahead.wait("third", "optimized", seen)
    ahead.leave_off("third")
    ahead._progress["third"].advance()

    assert seen.told == [("calibrate", 9), 4, "closed"]
