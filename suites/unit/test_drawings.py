"""Rendered scenes are drawn once and then read, the same to the last bit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import pytest
from sklearn.datasets import load_digits

from quantgate.core.predictions import LabelMap
from quantgate.datasets import drawings
from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.images import read_image
from quantgate.entries import DatasetEntry
from quantgate.zoo import scenes
from quantgate.zoo.material import scans

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.predictions import Rendering
    from quantgate.datasets.sample import Dataset, Sample

ENTRY = DatasetEntry(kind="digits", size=(64, 48), count=6)


def load(cache: Path | None, tmp_path: Path, entry: DatasetEntry = ENTRY) -> Dataset:
    """Load six scenes."""
    drawings._whole.cache_clear()
    return load_dataset("scenes", entry, tmp_path, cache=cache)


def test_kept_scenes_are_those_that_would_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store keeps is drawn no more, and every pixel is the same."""
    drawn = load(None, tmp_path)
    expected = [read_image(sample) for sample in drawn.samples]
    kept = load(tmp_path / "store", tmp_path)
    monkeypatch.delattr(scenes, "render")

    for image, sample in zip(expected, load(tmp_path / "store", tmp_path).samples, strict=True):
        np.testing.assert_array_equal(read_image(sample), image, strict=True)
    assert kept.digest == drawn.digest


@pytest.mark.parametrize("subject", ["class-maps", "clean"])
def test_annotated_pixels_are_kept_of_sets_that_are_judged(
    subject: Literal["class-maps", "clean"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Class maps and clean pictures of an evaluation set are read, to the last bit what would be drawn."""
    entry = replace(ENTRY, subject=subject)
    expected = [annotated(sample) for sample in load(None, tmp_path, entry).samples]
    load(tmp_path / "store", tmp_path, entry)
    load(tmp_path / "store", tmp_path, replace(entry, split="calibrate"))
    kept = load(tmp_path / "store", tmp_path, entry)
    monkeypatch.delattr(scenes, "render")

    for truth, sample in zip(expected, kept.samples, strict=True):
        np.testing.assert_array_equal(annotated(sample), truth, strict=True)
    assert len(list((tmp_path / "store").rglob(drawings._FILE))) == 3


def annotated(sample: Sample) -> NDArray[np.generic]:
    """Pixels of a truth [h, w] or [h, w, 3]."""
    truth = sample.truth
    return truth.labels if isinstance(truth, LabelMap) else cast("Rendering", truth).pixels


def test_damaged_scenes_are_drawn_again(tmp_path: Path) -> None:
    """A changed byte in the store reaches no model."""
    expected = read_image(load(tmp_path / "store", tmp_path).samples[0])
    (file,) = (tmp_path / "store").rglob(drawings._FILE)
    pixels = bytearray(file.read_bytes())
    pixels[10] ^= 0xFF
    file.write_bytes(pixels)

    found = read_image(load(tmp_path / "store", tmp_path).samples[0])
    np.testing.assert_array_equal(found, expected)


def test_scenes_that_went_missing_are_drawn(tmp_path: Path) -> None:
    """A store that is cleaned while images are read costs time, and nothing else."""
    dataset = load(tmp_path / "store", tmp_path)
    expected = read_image(dataset.samples[5])
    (file,) = (tmp_path / "store").rglob(drawings._FILE)
    file.unlink()

    np.testing.assert_array_equal(read_image(dataset.samples[5]), expected)


def test_a_large_set_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store does not fill with what can be drawn."""
    monkeypatch.setattr(drawings, "MOST_BYTES", 6 * 64 * 48 * 3 - 1)
    dataset = load(tmp_path / "store", tmp_path)

    assert not list((tmp_path / "store").rglob(drawings._FILE))
    assert read_image(dataset.samples[0]).shape == (48, 64, 3)


def test_digits_are_those_of_scikit_learn() -> None:
    """Its files are read as it reads them itself."""
    images, labels = scans()
    expected = load_digits()

    np.testing.assert_array_equal(images, expected.images.astype(np.float32) / 16)
    np.testing.assert_array_equal(labels, expected.target)


def test_drawing_imports_no_scikit_learn() -> None:
    """Its import would take seconds in every process that draws."""
    code = (
        "import sys; from quantgate.zoo.scenes import render; "
        "[render(0, k, size=(64, 64), split='evaluate') for k in range(9)]; "
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
