from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import ManifestError
from quantgate.manifest import load_manifest
from quantgate.sources.zoo import ZooSource
from quantgate.zoo.catalog import ZOO

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.classification]
kind = "digits"
subject = "single"
[datasets.detection]
kind = "digits"
[datasets.instance_segmentation]
kind = "digits"
[datasets.semantic_segmentation]
kind = "digits"
subject = "class-maps"
[datasets.keypoints]
kind = "digits"
subject = "points"
[datasets.quads]
kind = "digits"
subject = "lines"
[datasets.text]
kind = "digits"
subject = "text"
[datasets.dense]
kind = "digits"
subject = "depth"
[datasets.embedding]
kind = "digits"
subject = "hands"
[datasets.attributes]
kind = "digits"
subject = "marks"
[datasets.image_to_image]
kind = "digits"
subject = "clean"
[models.built-in]
calibrate = "cal"
"""


@pytest.mark.parametrize("name", list(ZOO))
def test_a_built_in_model_knows_how_it_is_fed_and_read(tmp_path: Path, name: str) -> None:
    """Task, decoder and preprocess of a built-in model need not be written."""
    path = tmp_path / "models.toml"
    path.write_text(f'{BASE}source = {{ zoo = "{name}" }}\nevaluate = "{ZOO[name].task}"')
    entry = load_manifest(path).models["built-in"]
    assert (entry.task, entry.source) == (ZOO[name].task, ZooSource(name))
    assert entry.decoder.kind == ZOO[name].decoder["kind"]
    fed = dataclasses.asdict(ZOO[name].preprocess)
    assert {key: getattr(entry.preprocess, key) for key in fed} == fed


def test_what_the_entry_says_wins_over_the_built_in_model(tmp_path: Path) -> None:
    """The entry's own keys replace those of the built-in model, which replace the defaults."""
    name, model = next(iter(ZOO.items()))
    path = tmp_path / "models.toml"
    path.write_text(f"""
[defaults.preprocess]
scale = 2
pad = 7
{BASE}
source = {{ zoo = "{name}" }}
evaluate = "{model.task}"
decoder = {{ kind = "{model.decoder["kind"]}", outputs = ["mine"] }}
preprocess = {{ mean = 0 }}
""")
    entry = load_manifest(path).models["built-in"]
    assert getattr(entry.decoder, "outputs", None) == ("mine",)
    own = entry.preprocess
    assert (own.scale, own.pad, own.mean) == (model.preprocess.scale, 7, 0.0)


def test_an_unknown_built_in_model_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    """A misspelt built-in model is told once, at its source."""
    name = next(iter(ZOO))
    path = tmp_path / "models.toml"
    path.write_text(
        f'{BASE}source = {{ zoo = "{name}x" }}\nevaluate = "detection"\n'
        'task = "detection"\ndecoder = "ssd"'
    )
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert caught.value.problems == (
        (
            f"models.built-in.source.zoo: no such built-in model, expected one of {', '.join(ZOO)}, "
            f'found "{name}x"; did you mean {name}?'
        ),
    )
