"""A run over a fleet beside one of a single process: what is the same, and how busy the nodes are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.shard import deal_all, read_durations
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How many models are judged.
MODELS = int(os.environ.get("QUANTGATE_BENCH_MODELS", "40"))
#: Nodes of one core each.
NODES = 2
_DEFAULTS = """
[defaults]
benchmark = { hint = "latency", seconds = 4 }
undecided = "warn"
evaluate = "evaluation"
preprocess = { size = [32, 32], mean = 120, scale = 60 }
"""
_ENTRY = """
[models.m{0:02}]
task = "classification"
source = "parent.xml"
decoder = "class-scores"
calibrate = {{ dataset = "calibration", subset = {1}, seed = {0} }}
limits = {{ max_accuracy_drop = 0.5, min_agreement = 0.5, max_size_ratio = 1.5, min_speedup = 0.3 }}
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many small models, each calibrated on images of its own."""
    root = tmp_path_factory.mktemp("fleet")
    tiny.make(root)
    path = root / "models.toml"
    entries = [_ENTRY.format(place, 60 + 80 * (place % 4)) for place in range(MODELS)]
    path.write_text(tiny.DATASETS + _DEFAULTS + "".join(entries), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster on this machine."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_AUTH_MODE"] = "disabled"
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    for _ in range(NODES - 1):
        cluster.add_node(num_cpus=1)
    yield cluster.address
    end: Any = cluster.shutdown
    end()


def gate(manifest: Path, name: str, *more: str) -> tuple[Any, str]:
    """Judge the manifest in a store of its own; give the verdicts and what was said."""
    root = manifest.parent
    options = ("--store", str(root / f"store-{name}"), "--reports", str(root / name), *more)
    command = [sys.executable, "-m", "quantgate", "gate", str(manifest), *options]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout[-3000:]
    return json.loads((root / name / "latest" / "verdicts.json").read_text("utf-8")), said.stdout


def decided(document: Any) -> dict[tuple[str, str], object]:
    """Give value and interval of what is not timed, of what is only the outcome."""
    return {
        (one["model"], one["key"]): one["outcome"]
        if one["key"] == "min_speedup"
        else (one["value"], one["interval"], one["n"], one["detail"])
        for one in document["verdicts"]
    }


def test_a_fleet_judges_as_one_machine_does(manifest: Path, address: str) -> None:
    """Verdicts are the same, speed is never the opposite, and nodes are hardly ever idle."""
    alone, _ = gate(manifest, "alone")
    spread, said = gate(manifest, "spread", f"--ray={address}")
    here, there = decided(alone), decided(spread)
    assert here.keys() == there.keys()
    timed = {gate for gate in here if gate[1] == "min_speedup"}
    assert {gate: here[gate] for gate in here.keys() - timed} == {
        gate: there[gate] for gate in there.keys() - timed
    }
    assert not [gate for gate in timed if {here[gate], there[gate]} == {"passed", "failed"}]
    seconds = read_durations(manifest.parent / "spread" / "latest" / "durations.json")
    shards = deal_all(list(seconds), NODES, seconds)
    longest = max(shard.seconds for shard in shards)
    busy = re.search(r"Ray: judged in (.*), the nodes were busy (\d+)%", said)
    assert busy is not None
    print(
        f"\n{MODELS} models: alone {alone['duration_s']:.0f} s, {NODES} nodes {spread['duration_s']:.0f} s with "
        f"the start of Ray's driver; {busy[0]}, so {100 / int(busy[2]):.2f} of the ideal makespan; static shards "
        f"of the same durations {longest:.0f} s and no quiet host for speed"
    )
