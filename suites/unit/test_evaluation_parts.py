"""Parts of an evaluation that are made by themselves: alike, made once, healed, and joined with no option."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.damage import damage_since
from quantgate.engine import parts
from quantgate.engine.artifact import load, parent_artifact, save
from quantgate.engine.comparing import compare, pass_of
from quantgate.engine.runtime import Target
from quantgate.errors import DatasetError, ShardError
from quantgate.manifest import load_manifest
from quantgate.pair import Pair
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of
from quantgate.shard import Part
from quantgate.store import Store
from suites.unit.test_evaluate import Renderer, kept
from suites.unit.test_evaluate import bench_of as bench_of_colours

try:
    from openvino import opset8 as op
except ImportError:  # OpenVINO 2024 keeps it elsewhere
    from openvino.runtime import opset8 as op

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.passes import Pass

HOW: dict[str, Any] = {"target": Target(), "isa": "vnni"}
KINDS = {
    "digits-mobilenet-v2": "single",
    "digits-ssd-mobilenet-v2": "scenes",
    "digits-instance-segmentation": "scenes",
    "digits-segmentation": "class-maps",
}
MANIFEST = """
[datasets.images]
kind = "digits"
subject = "{subject}"
size = [160, 160]
count = 18

[models.net]
source = {{ zoo = "{zoo}" }}
optimized = "unused.xml"
evaluate = "images"
"""


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a handful of images be worth a part."""
    monkeypatch.setattr(parts, "FEWEST_APART", 4)


def coarse(artifact: Artifact, folder: Path) -> Artifact:
    """Save an artifact whose kernels are rounded, so that it answers a little otherwise."""
    model = ov.Core().read_model(artifact.path)
    for node in model.get_ordered_ops():
        values = node.get_data() if node.get_type_name() == "Constant" else np.zeros(0)
        if values.ndim == 4 and values.dtype == np.float32:
            step = np.abs(values).max() / 40
            rounded = (np.round(values / step) * step).astype(np.float32)
            node.output(0).replace(op.constant(rounded).output(0))
    folder.mkdir()
    save(model, folder)
    return load(folder)


def files(store: Store, kind: str = "comparison") -> list[dict[str, bytes]]:
    """Read the files of every entry of a kind."""
    entries = sorted(store.root.glob(f"v*/{kind}/*/*"))
    return [{path.name: path.read_bytes() for path in one.glob("comparison.*")} for one in entries]


@pytest.mark.parametrize("zoo", KINDS)
def test_parts_of_every_kind_make_the_same_record(tmp_path: Path, zoo: str) -> None:
    """Some made apart and the others with the whole: bit for bit as in one piece, and nothing stays."""
    (tmp_path / "unused.xml").touch()
    path = tmp_path / "models.toml"
    path.write_text(MANIFEST.format(subject=KINDS[zoo], zoo=zoo), encoding="utf-8")
    manifest, store = load_manifest(path), Store(tmp_path / "models")
    entry = manifest.models["net"]
    parent = parent_artifact(entry.source, entry.preprocess, tmp_path, store)
    both = (parent, coarse(parent, tmp_path / "coarse"))
    bench = bench_of(entry, load_data(entry, manifest, store.root).evaluation)
    split, whole = Store(tmp_path / "split"), Store(tmp_path / "whole")

    compare(Pair(*both), bench, whole, **HOW)
    for index in (4, 2):
        pass_of(both, bench, split, **HOW).keep_part(Part(index, 4))
    pieces = files(split, "comparison-slice")
    compare(Pair(*both), bench, split, **HOW)

    assert len(pieces) == 2
    assert files(split) == files(whole)
    assert not files(split, "comparison-slice")


def colours(
    tmp_path: Path, renderer: Renderer, store: Store, **unread: Path
) -> Pass[Comparison[Any]]:
    """Plan a pass of two models of colours over 200 images in 50 parts."""
    both = [kept(tmp_path / name, gain=gain) for name, gain in (("p", 1.0), ("o", 1.01))]
    samples = [renderer.sample(index) for index in range(200)]
    for place, path in unread.items():
        samples[int(place[1:])] = replace(samples[int(place[1:])], image=path)
    return pass_of(both, bench_of_colours(samples), store, **HOW)


def test_a_damaged_part_is_made_again(tmp_path: Path) -> None:
    """Its images go through the models once more, those of the other parts do not, and the run is told."""
    renderer, store = Renderer(), Store(tmp_path / "store")
    planned = colours(tmp_path, renderer, store)
    for index in range(1, 51):
        planned.keep_part(Part(index, 50))
    assert renderer.calls == 200
    damaged = sorted(store.root.glob("v*/comparison-slice/*/*/comparison.npz"))[7]
    damaged.write_bytes(damaged.read_bytes()[:-1])

    planned.keep()

    assert renderer.calls == 204
    assert any("comparison-slice" in said for said in damage_since(store.root, 0.0))
    other = Store(tmp_path / "other")
    (tmp_path / "again").mkdir()
    colours(tmp_path / "again", renderer, other).keep()
    assert files(store) == files(other)


def test_a_part_is_of_its_images_alone(tmp_path: Path) -> None:
    """A set in which one other image was replaced finds it again."""
    renderer, store = Renderer(), Store(tmp_path / "store")
    colours(tmp_path, renderer, store).keep_part(Part(1, 50))
    samples = [renderer.sample(index) for index in [*range(199), 500]]
    both = [load(tmp_path / name) for name in ("p", "o")]
    other = pass_of(both, bench_of_colours(samples), store, **HOW)

    assert other.holds(Part(1, 50))
    assert not other.holds(Part(50, 50))


def test_unreadable_images_are_counted_over_parts_made_apart(tmp_path: Path) -> None:
    """A part may hold more than one per cent of its own, the whole not of all, wherever they lie."""
    missing = dict.fromkeys(("_1", "_100", "_199"), tmp_path / "no.png")
    planned = colours(tmp_path, Renderer(), Store(tmp_path / "store"), **missing)
    for index in range(1, 51):
        planned.keep_part(Part(index, 50))

    with pytest.raises(DatasetError, match="3 of 200 images cannot be read, more than 1 %"):
        planned.keep()


def test_other_parts_than_are_looked_for_are_refused(tmp_path: Path) -> None:
    """Nobody would find them; the sentence has how many there are."""
    planned = colours(tmp_path, Renderer(), Store(tmp_path / "store"))
    with pytest.raises(ShardError, match=r"part 1/16 of an evaluation of 200 images: .* make 50"):
        planned.keep_part(Part(1, 16))
