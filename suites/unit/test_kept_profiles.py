"""What a kept profile, memory or look at the graphs depends on: each of it makes another entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from quantgate import machine
from quantgate.datasets.sample import Dataset, Sample
from quantgate.engine.artifact import Artifact
from quantgate.entries import Benchmark, Preprocess
from quantgate.machine import CpuFacts
from quantgate.manifest import load_manifest
from quantgate.pipeline import performance
from quantgate.pipeline.data import Data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.entries import ModelEntry

MANIFEST = """
[datasets.digits]
kind = "digits"
count = 4
subject = "single"

[models.zoo]
source = { zoo = "digits-mobilenet-v2" }
calibrate = "digits"
evaluate = { dataset = "digits", allow_overlap = true }
preprocess = { size = [224, 224] }
limits = { min_agreement = 0.5 }
"""


@pytest.fixture
def entry(tmp_path: Path) -> ModelEntry:
    """Provide an entry."""
    (tmp_path / "models.toml").write_text(MANIFEST)
    return load_manifest(tmp_path / "models.toml").models["zoo"]


def data(digest: str) -> Data:
    """Make data whose first image has this digest."""
    sample = Sample("first", lambda: None, digest)  # type: ignore[arg-type,return-value] # never drawn
    return Data(Dataset("d", (sample,), (), "d"), None)


def graph(folder: Path, text: str, digest: str = "same") -> Artifact:
    """Write what stands for a graph."""
    path = folder / f"{text}-{digest}.xml"
    path.write_text(text)
    return Artifact(path, digest)


def restrict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell oneDNN to leave instructions out."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")


def other_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on another processor."""
    monkeypatch.setattr(machine, "cpu_facts", lambda: CpuFacts("other", frozenset()))


def other_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have another version installed."""
    monkeypatch.setattr(machine, "version_of", lambda name: f"{name} 0.0")


def other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have another version of what measures."""
    monkeypatch.setattr(performance, "code_digest", lambda *rooms: str(rooms))


@pytest.mark.parametrize("change", [restrict, other_processor, other_openvino, other_code])
def test_the_machine_counts(
    monkeypatch: pytest.MonkeyPatch,
    entry: ModelEntry,
    tmp_path: Path,
    change: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """Instructions, processor, libraries and code have a part in what is executed and what it takes."""
    role = graph(tmp_path, "graph")

    def keys() -> tuple[Any, Any]:
        made = performance.profile_key(entry, role, role, data("image"))
        return made, performance.memory_key(entry, role)

    before = keys()
    assert keys() == before
    change(monkeypatch)
    after = keys()

    assert after[0] != before[0]
    assert after[1] != before[1]


def test_the_model_and_its_input_count(entry: ModelEntry, tmp_path: Path) -> None:
    """File, content, image, preprocessing and device each give a profile of their own."""
    role = graph(tmp_path, "graph")
    gpu = replace(entry, benchmark=Benchmark(device="GPU"))
    fed = replace(entry, preprocess=Preprocess(size=(96, 96)))
    asked = [
        (entry, role, data("image")),
        (entry, graph(tmp_path, "renamed"), data("image")),
        (entry, graph(tmp_path, "graph", "other"), data("image")),
        (entry, role, data("another image")),
        (gpu, role, data("image")),
        (fed, role, data("image")),
    ]
    keys = [performance.profile_key(one, role, made, given) for one, made, given in asked]

    assert all(one not in keys[:place] for place, one in enumerate(keys))
