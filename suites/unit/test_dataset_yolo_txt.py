from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from quantgate.core.predictions import Objects
from quantgate.datasets.assembly import assemble
from quantgate.datasets.yolo_txt import find
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset


def write(root: Path, text: str | None, *, orientation: int = 1) -> None:
    """Write images/a/x.jpg of 40 x 20 and, where there is a text, labels/a/x.txt."""
    (root / "images" / "a").mkdir(parents=True, exist_ok=True)
    (root / "labels" / "a").mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.zeros((20, 40, 3), np.uint8))
    image.save(root / "images" / "a" / "x.jpg", exif=exif)
    image.save(root / "images" / "y.jpg")
    (root / "labels" / "y.txt").write_text("")
    if text is not None:
        (root / "labels" / "a" / "x.txt").write_text(text)


def load(root: Path) -> Dataset:
    """Load the folder as the dataset ``y``."""
    entry = DatasetEntry("folder", path=root / "images")
    return assemble("y", find("y", entry, root), None)


def test_boxes_are_fractions_of_the_upright_image(tmp_path: Path) -> None:
    """Centre and size become corners in pixels; EXIF orientation counts."""
    for orientation, expected in ((1, [10.0, 5.0, 30.0, 15.0]), (6, [5.0, 10.0, 15.0, 30.0])):
        write(tmp_path, "3 0.5 0.5 0.5 0.5\n\n", orientation=orientation)
        dataset = load(tmp_path)
        truth = dataset.samples[0].truth
        assert isinstance(truth, Objects)
        assert truth.boxes.tolist() == [expected]
        assert truth.labels.tolist() == [3]
        assert dataset.labels == ("0", "1", "2", "3")


def test_an_image_without_text_is_a_background(tmp_path: Path) -> None:
    """A missing or empty text file means that nothing is on the image."""
    write(tmp_path, None)
    dataset = load(tmp_path)
    assert dataset.annotated
    assert [len(s.truth) for s in dataset.samples if isinstance(s.truth, Objects)] == [0, 0]
    assert "1 of 2 images have no text file (a/x.jpg, …)" in dataset.notes[0]


@pytest.mark.parametrize(
    "line", ["0 0.5 0.5 0.5", "cat 0 0 1 1", "-1 0 0 1 1", "0 nan 0 1 1", "0 20 10 8 4"]
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    """File and line number are in the error."""
    write(tmp_path, f"0 0.5 0.5 1 1\n{line}\n")
    with pytest.raises(DatasetError, match=r"line 2 of .*x\.txt"):
        load(tmp_path)


def test_a_folder_without_any_text_is_refused(tmp_path: Path) -> None:
    """Images of which none has labels are most likely in the wrong place."""
    write(tmp_path, None)
    (tmp_path / "labels" / "y.txt").unlink()
    with pytest.raises(DatasetError, match="none of the 2 images has a text file"):
        load(tmp_path)
