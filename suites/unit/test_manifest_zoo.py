from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from harness.decoders.ssd import SsdDecoder
from harness.entries import ZooSource
from harness.errors import ManifestError
from harness.manifest import load_manifest

if TYPE_CHECKING:
    from pathlib import Path

DIGITS = SimpleNamespace(
    task="detection",
    decoder={"kind": "ssd", "max_detections": 50},
    preprocess={"size": [300, 300], "mean": 127.5, "scale": 127.5},
)
BASE = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.val]
kind = "digits"
[models.built-in]
calibrate = "cal"
evaluate = "val"
"""


@pytest.fixture(autouse=True)
def catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a catalog with one model in place of the built-in models."""
    module = SimpleNamespace(ZOO={"digits-ssd": DIGITS})
    monkeypatch.setitem(sys.modules, "harness.zoo.catalog", module)


def test_a_built_in_model_knows_how_it_is_fed_and_read(tmp_path: Path) -> None:
    """Task, decoder and preprocess of a built-in model need not be written."""
    path = tmp_path / "models.toml"
    path.write_text(BASE + 'source = { zoo = "digits-ssd" }')
    entry = load_manifest(path).models["built-in"]
    assert (entry.task, entry.source) == ("detection", ZooSource("digits-ssd"))
    assert entry.decoder == SsdDecoder(max_detections=50)
    assert (entry.preprocess.size, entry.preprocess.scale) == ((300, 300), 127.5)


def test_what_the_entry_says_wins_over_the_built_in_model(tmp_path: Path) -> None:
    """The entry's own keys replace those of the built-in model, which replace the defaults."""
    path = tmp_path / "models.toml"
    path.write_text(
        "[defaults.preprocess]\nscale = 2\npad = 7\n"
        + BASE
        + 'source = { zoo = "digits-ssd" }\ndecoder = "ssd"\npreprocess = { mean = 0 }'
    )
    entry = load_manifest(path).models["built-in"]
    assert entry.decoder == SsdDecoder()
    assert (entry.preprocess.scale, entry.preprocess.pad, entry.preprocess.mean) == (127.5, 7, 0.0)


def test_an_unknown_built_in_model_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    """A misspelt built-in model is the one problem that stands at its source."""
    path = tmp_path / "models.toml"
    path.write_text(BASE + 'source = { zoo = "digit-ssd" }\ntask = "detection"\ndecoder = "ssd"')
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert caught.value.problems == (
        (
            "models.built-in.source.zoo: no such built-in model, expected one of digits-ssd, "
            'found "digit-ssd"; did you mean digits-ssd?'
        ),
    )
