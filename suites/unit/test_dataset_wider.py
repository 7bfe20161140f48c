"""WIDER FACE's text file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from quantgate.core.predictions import Objects
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset

TEXT = """0--Parade/a.jpg
2
1 2 10 20 2 0 0 0 0 0
5 6 4 4 1 0 0 1 2 0
0--Parade/b.jpg
0
0 0 0 0 0 0 0 0 0 0
c.jpg
1
3 3 3 3 0 0 0 0 0 0
"""


def load(folder: Path, text: str = TEXT) -> Dataset:
    """Load images a, b and c with the text as annotations."""
    rng = np.random.default_rng(0)
    for name in ("0--Parade/a.jpg", "0--Parade/b.jpg", "c.jpg"):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    (folder / "gt.txt").write_text(text)
    entry = DatasetEntry("wider", path=folder / "images", annotations=folder / "gt.txt")
    return load_dataset("faces", entry, folder)


def test_faces_are_read_with_their_marks(tmp_path: Path) -> None:
    """Sizes become corners; invalid faces are crowd; a row of zeros is no face."""
    dataset = load(tmp_path)
    first, second, third = (sample.truth for sample in dataset.samples)
    assert isinstance(first, Objects)
    assert isinstance(second, Objects)
    assert isinstance(third, Objects)
    assert first.boxes.tolist() == [[1, 2, 11, 22], [5, 6, 9, 10]]
    assert first.crowd.tolist() == [False, True]
    assert (len(second), third.boxes.tolist()) == (0, [[3, 3, 6, 6]])
    assert (dataset.labels, dataset.samples[0].name) == (("face",), "0--Parade/a.jpg")


def test_faces_without_area_are_counted(tmp_path: Path) -> None:
    """A slip is noted and harms nobody; a file full of them is refused."""
    faces = [f"{8 * (k % 5)} {6 * (k // 5)} 6 5 0 0 0 0 0 0" for k in range(25)]
    flat = "5 6 0 7 0 0 0 0 0 0"
    found = load(tmp_path, "\n".join(["c.jpg", "26", *faces, flat]))
    assert any("1 of 26 boxes have no area (c.jpg, face 26: x 5..5" in n for n in found.notes)
    assert isinstance(found.samples[0].truth, Objects)
    assert found.samples[0].truth.crowd.tolist() == [False] * 25 + [True]
    with pytest.raises(DatasetError, match="1 of 2 boxes have no area"):
        load(tmp_path, "\n".join(["c.jpg", "2", faces[0], flat]))


def test_an_image_without_faces_may_have_no_row(tmp_path: Path) -> None:
    """Where the row of zeros is left out, the next image follows."""
    text = TEXT.replace("0 0 0 0 0 0 0 0 0 0\n", "")
    dataset = load(tmp_path, text)
    assert [len(sample.truth) for sample in dataset.samples if sample.truth] == [2, 1]  # type: ignore[arg-type]
    assert len(dataset) == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (TEXT.replace("a.jpg\n2", "a.jpg\ntwo"), "line 2 of .*: expected the number of faces"),
        (TEXT.replace("5 6 4 4", "5 six 4 4"), "line 4 of .*: expected .x y width height"),
        (TEXT.replace("3 3 3 3 0 0 0 0 0 0\n", ""), "line 10 of .*: expected .x y width height"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, wrong: str, said: str) -> None:
    """What is no name, number or row is told with its line."""
    with pytest.raises(DatasetError, match=said):
        load(tmp_path, wrong)
