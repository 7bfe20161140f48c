"""Parts of an evaluation made by other processes: what the gates join is what they would have found alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from quantgate.engine import parts
from quantgate.manifest import load_manifest
from quantgate.pipeline.parts import missing_parts
from quantgate.run import scratch_run
from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import World

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

ENTRY = """
[models.tiny]
task = "classification"
decoder = "class-scores"
source = "parent.xml"
optimized = "given.xml"
baseline = "parent.xml"
evaluate = { dataset = "evaluation", device = ["AUTO"] }
limits = { min_agreement = 0.9, min_agreement_to_baseline = 0.1 }
"""
#: 597 images are worth three parts to whoever starts with this, and what is done of one is kept at once.
THREE = """
from quantgate.engine import parts

parts.FEWEST_APART, parts.WORTH_S = 190, 0.0
"""
#: Makes a part as another machine would, says which images it reads, and may be killed at one of them.
APART = """
import os, signal, sys
from pathlib import Path
from quantgate.engine import streaming
from quantgate.pipeline.parts import evaluate_parts_of
from quantgate.shard import Part

read, dies_at = streaming.read_image, int(sys.argv[3])
count = 0

def read_or_die(sample):
    global count
    count += 1
    if count == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdout.write(sample.name + "\\n")
    sys.stdout.flush()
    return read(sample)

streaming.read_image = read_or_die
evaluate_parts_of(Path("models.toml"), "tiny", [Part(int(sys.argv[2]), 3)], store=sys.argv[1])
"""
WHOLE, APARTS = "whole", "apart"


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder whose model is in three parts to every process."""
    made = tmp_path_factory.mktemp("parts")
    tiny.quantized(world.root, "given", tiny.build(world.weights))
    for item in world.root.iterdir():
        (made / item.name).symlink_to(item)
    (made / "models.toml").write_text(tiny.HEAD + ENTRY, encoding="utf-8")
    (made / "sitecustomize.py").write_text(THREE, encoding="utf-8")
    return made


def started(folder: Path, index: int, dies_at: int = 0) -> subprocess.Popen[str]:
    """Start a process that makes a part."""
    return subprocess.Popen(
        [sys.executable, "-c", APART, APARTS, str(index), str(dies_at)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_parts_made_elsewhere_are_joined_with_no_option(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One killed in the middle goes on, two that make the same make it once, and the gate reads the rest alone."""
    killed = started(folder, 2, dies_at=195)
    begun = killed.communicate()[0].split()
    twins = [started(folder, 3) for _ in range(2)]
    read = [len(one.communicate()[0].split()) for one in twins]
    again = started(folder, 2).communicate()[0].split()

    assert killed.returncode == -signal.SIGKILL
    assert len(begun) < 199
    assert len(again) < 3 * 199
    assert sum(read) == 3 * 199  # compared, and answered by both on their devices

    assert missing(folder, monkeypatch) == ["1/3"]
    environment = {"PYTHONPATH": f"{folder}:{ROOT}"}
    apart = world.gate(folder, "--store", APARTS, "--reports", "a", **environment)
    whole = world.gate(folder, "--store", WHOLE, "--reports", "w", **environment)

    assert apart.status == whole.status, apart.said
    assert missing(folder, monkeypatch) == []
    kept = [contents(folder / name) for name in (APARTS, WHOLE)]
    assert kept[0] == kept[1]
    assert len(kept[0]) > 8
    assert not list((folder / APARTS).glob("v*/*-slice/*/*"))


def missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the parts that the store lacks, as whoever hands them out would."""
    monkeypatch.setattr(parts, "FEWEST_APART", 190)
    with scratch_run(load_manifest(folder / "models.toml"), folder / APARTS) as run:
        return [str(part) for part in missing_parts(run.entry("tiny"), run)]


def contents(store: Path) -> dict[str, bytes]:
    """Read all that was found and derived, but for the store's own account of it."""
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for kind in ("answers", "comparison", "derived")
        for path in store.glob(f"v*/{kind}/**/*")
        if path.is_file() and path.name != "entry.quantgate.json"
    }
