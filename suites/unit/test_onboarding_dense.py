"""Maps of numbers that `init` recognizes: their form, their unit, and the model that gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from quantgate.datasets.digits import load
from quantgate.decoders.dense_map import DenseMapDecoder
from quantgate.entries import DatasetEntry
from quantgate.onboarding.guess import find
from quantgate.onboarding.images import images_of
from quantgate.onboarding.subject import subjects_of
from quantgate.store import Store
from quantgate.zoo.catalog import xml_path

if TYPE_CHECKING:
    from pathlib import Path


def scenes(folder: Path, suffix: str) -> None:
    """Write built-in scenes and their distances as a user has them: metres as floats, or mm in 16 bits."""
    entry = DatasetEntry("digits", subject="depth", size=(128, 128), count=12, split="evaluate")
    for sample in load("d", entry, None).samples:
        name = sample.name.replace("/", "-")
        assert callable(sample.image)
        (folder / "images").mkdir(exist_ok=True)
        (folder / "maps").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "images" / f"{name}.png"), sample.image())
        depth = sample.truth.values[..., 0]  # type: ignore[union-attr]
        if suffix == ".npy":
            np.save(folder / "maps" / f"{name}.npy", depth)
        else:
            millimetres = np.rint(depth * 1000).astype(np.uint16)
            cv2.imwrite(str(folder / "maps" / f"{name}.png"), millimetres)


@pytest.mark.parametrize(("suffix", "scale"), [(".npy", 1.0), (".png", 0.001)])
def test_maps_are_recognized_by_their_form(tmp_path: Path, suffix: str, scale: float) -> None:
    """Floats are as they are, whole numbers of 16 bits mm; a list of pairs is one, too."""
    scenes(tmp_path, suffix)
    found = images_of(tmp_path / "images", tmp_path / "maps", None, tmp_path / "store").entry
    assert (found.kind, found.value_scale) == ("values", scale)
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    rows = [f"{name},{name.replace('.png', suffix)}" for name in names]
    (tmp_path / "maps" / "pairs.csv").write_text("\n".join(["rgb,depth", *rows]))
    listed = images_of(
        tmp_path / "images", tmp_path / "maps" / "pairs.csv", None, tmp_path / "store"
    )
    assert listed.entry.kind == "values"
    assert listed.annotated("dense")


def test_a_depth_network_is_recognized_with_annotations_and_without(tmp_path: Path) -> None:
    """Its one map of floats is neither classes nor a picture; its feeding is found by the fit."""
    scenes(tmp_path, ".npy")
    for suffix in (".xml", ".bin"):
        source = xml_path("digits-depth").with_suffix(suffix)
        (tmp_path / f"own{suffix}").write_bytes(source.read_bytes())
    (subject,) = subjects_of(str(tmp_path / "own.xml"))
    for truth in (tmp_path / "maps", None):
        images = images_of(tmp_path / "images", truth, None, tmp_path / "store")
        guess = find(subject, images, Store(tmp_path / "store")).guess
        assert guess is not None
        assert guess.best.option.task == "dense"
        assert isinstance(guess.best.option.decoder, DenseMapDecoder)
        if truth is not None:
            assert not guess.best.option.decoder.inverse
            assert guess.best.plan.colour == "rgb"
