"""Open Images' csv of boxes."""

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

TEXT = """ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsGroupOf
a,xclick,/m/b,1,0.25,0.75,0.5,1,0,0
a,xclick,/m/a,1,0,1,0,1,0,1
"""


def load(folder: Path, text: str = TEXT, labels: Path | tuple[str, ...] | None = None) -> Dataset:
    """Load one image of 40 x 20 with the text as annotations, and one without."""
    (folder / "images").mkdir(exist_ok=True)
    for name in ("a", "b"):
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(folder / "images" / f"{name}.jpg")
    (folder / "boxes.csv").write_text(text)
    entry = DatasetEntry(
        "open-images", path=folder / "images", annotations=folder / "boxes.csv", labels=labels
    )
    return load_dataset("open", entry, folder)


def test_boxes_are_fractions_of_the_image(tmp_path: Path) -> None:
    """Edges become pixels, groups are crowd, classes are sorted, other images are left out."""
    dataset = load(tmp_path)
    (sample,) = dataset.samples
    assert isinstance(sample.truth, Objects)
    assert sample.truth.boxes.tolist() == [[10, 10, 30, 20], [0, 0, 40, 20]]
    assert sample.truth.labels.tolist() == [1, 0]
    assert sample.truth.crowd.tolist() == [False, True]
    assert (sample.name, dataset.labels) == ("a.jpg", ("/m/a", "/m/b"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (TEXT.replace("XMin", "Left"), "has no column XMin"),
        (TEXT.replace("0.25", "left"), "line 2 of .*: expected XMin"),
        (TEXT.replace("0.25,0.75", "0.75,0.25"), "line 2 of .*: expected XMin"),
        (TEXT.replace("0.25,0.75", "10,30"), "line 2 of .*: expected XMin"),
    ],
)
def test_a_wrong_csv_is_named(tmp_path: Path, wrong: str, said: str) -> None:
    """A missing column, a box that cannot be, or one in pixels is one sentence."""
    with pytest.raises(DatasetError, match=said):
        load(tmp_path, wrong)


def test_a_class_outside_the_labels_is_named(tmp_path: Path) -> None:
    """Labels that are given have to name every class."""
    with pytest.raises(DatasetError, match="image a names the class '/m/a', which is not among"):
        load(tmp_path, labels=("/m/b",))


@pytest.mark.parametrize("header", ["", "LabelName,DisplayName\n"])
def test_class_descriptions_name_the_classes(tmp_path: Path, header: str) -> None:
    """The published csv of descriptions maps ids to names, in its own order."""
    described = tmp_path / "class-descriptions-boxable.csv"
    described.write_text(header + '/m/b,Beetle\n/m/a,"Ant, black"\n', "utf-8")
    dataset = load(tmp_path, labels=described)
    (sample,) = dataset.samples
    assert isinstance(sample.truth, Objects)
    assert (dataset.labels, sample.truth.labels.tolist()) == (("Beetle", "Ant, black"), [0, 1])


def test_descriptions_of_other_columns_are_refused(tmp_path: Path) -> None:
    """A csv that is no list of ids and names is one sentence."""
    described = tmp_path / "labels.csv"
    described.write_text("/m/b\n/m/a\n", "utf-8")
    with pytest.raises(DatasetError, match="must have two columns, id and name"):
        load(tmp_path, labels=described)
