"""Attributes: tables in every dialect people write, boxes in them, names; what is said of what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import Facts
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.entries.data import RegionEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images that differ, 40 x 30 px, one of them in a folder."""
    for i, name in enumerate(("a.png", "b.png", "c d.png", "in/e.png")):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 255, (30, 40, 3), np.uint8)
        cv2.imwrite(str(path), pixels)
    return tmp_path


def loaded(folder: Path, text: str, **keys: Any) -> Dataset:
    """Load the images with a table."""
    (folder / "table.csv").write_text(text, encoding=keys.pop("encoding", "utf-8"))
    entry = DatasetEntry(
        kind="table", path=folder / "images", annotations=folder / "table.csv", **keys
    )
    return load_dataset("faces", entry, folder, truth="facts")


def told(dataset: Dataset) -> dict[str, dict[str, str]]:
    """What is annotated, by image."""
    return {
        one.name: dict(one.truth.cells) for one in dataset.samples if isinstance(one.truth, Facts)
    }


WANTED = {
    "a.png": {"age": "31.5", "sex": "male"},
    "b.png": {"age": "", "sex": "female"},
    "c d.png": {"age": "4", "sex": ""},
}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("image,age,sex\na.png,31.5,male\nb.png,,female\nc d.png,4,\n", "utf-8"),
        (
            'File Name;sex;age\r\na.png;male;31,5\r\nb.png;"female";\r\n\r\nc d.png;;4\r\n',
            "utf-8-sig",
        ),
        ("sex\tage\tpath\nmale\t31.5\t/home/x/a.png\nfemale\t\tB.PNG\n\t4\tc d.png\n", "utf-8"),
        ("id, age, sex\na, 31.5, male\nb, , female\nc d, 4, \n", "utf-8"),
    ],
)
def test_dialects_are_read_alike(folder: Path, text: str, encoding: str) -> None:
    """Commas, semicolons with decimal commas, tabs; names with foreign folders, other capitals, or no suffix."""
    dataset = loaded(folder, text, encoding=encoding)
    assert told(dataset) == WANTED
    assert dataset.annotated
    assert dict(dataset.skipped) == {"in/e.png": "not listed in table.csv"}


def test_celeba_is_read_as_it_is(folder: Path) -> None:
    """A count, titles without one for the images, spaces; 1 and -1 are yes and no, and the notes say so."""
    text = "3\nBald  Hat Age\na.png  1 -1  20\nb.png -1  1 -1\nin/e.png -1 -1 40\n"
    dataset = loaded(folder, text)
    assert told(dataset) == {
        "a.png": {"Bald": "1", "Hat": "0", "Age": "20"},
        "b.png": {"Bald": "0", "Hat": "1", "Age": "-1"},
        "in/e.png": {"Bald": "0", "Hat": "0", "Age": "40"},
    }
    assert any(
        "-1 is read as no in columns that hold nothing but 1 and -1: Bald, Hat" in n
        for n in dataset.notes
    )


def test_columns_are_renamed_to_heads(folder: Path) -> None:
    """A column may be called otherwise than the head; one that is not there is told with the nearest."""
    table = "image,Male,years\na.png,1,20\nb.png,0,30\n"
    dataset = loaded(folder, table, columns={"sex": "Male", "age": "years"})
    assert told(dataset)["a.png"] == {"sex": "1", "age": "20"}
    with pytest.raises(
        DatasetError, match=r"columns.age: there is no column 'year', .* did you mean years\?"
    ):
        loaded(folder, table, columns={"age": "year"})


@pytest.mark.parametrize("columns", ["x0,y0,x1,y1", "bbox_x,bbox_y,bbox_w,bbox_h"])
def test_rows_with_boxes_are_regions(folder: Path, columns: str) -> None:
    """Several rows of one image are several regions, each with its own attributes."""
    sides = columns.startswith("bbox")
    second = "20,10,10,10" if sides else "20,10,30,20"
    text = f"image,{columns},age\na.png,0,0,10,10,5\na.png,{second},50\nb.png,0,0,20,10,9\n"
    dataset = loaded(folder, text, region=RegionEntry())
    assert told(dataset) == {
        "a.png#0": {"age": "5"},
        "a.png#1": {"age": "50"},
        "b.png#0": {"age": "9"},
    }
    assert dataset.cuts["a.png#1"].region.size == (10, 10)
    assert len({sample.digest for sample in dataset.samples}) == 3
    with pytest.raises(DatasetError, match=r"line 2 of .* has no box to cut out"):
        loaded(folder, "image,age\na.png,5\n", region=RegionEntry())
    whole = loaded(folder, f"image,{columns},age\na.png,0,0,10,10,5\nb.png,0,0,9,9,5\n")
    assert any("the table has boxes, and whole images are judged" in note for note in whole.notes)


def test_names_tell_attributes(folder: Path) -> None:
    """Named groups of a pattern are the attributes, folders included; what does not fit is named."""
    entry = DatasetEntry(
        kind="table",
        path=folder / "images",
        attributes_in_name=r"(in/)?(?P<letter>.)(?P<rest>.*)",
    )
    dataset = load_dataset("faces", entry, folder, truth="facts")
    assert told(dataset)["c d.png"] == {"letter": "c", "rest": " d"}
    assert told(dataset)["in/e.png"] == {"letter": "e", "rest": ""}
    for pattern, said in (
        (r"(?P<letter>[a-c].*)", "does not fit 'in/e'"),
        (r".*", "names no attribute"),
    ):
        entry = DatasetEntry(kind="table", path=folder / "images", attributes_in_name=pattern)
        with pytest.raises(DatasetError, match=said):
            load_dataset("faces", entry, folder)
    with pytest.raises(DatasetError, match="nothing tells the attributes"):
        load_dataset("faces", DatasetEntry(kind="table", path=folder / "images"), folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a header, such as image,age,gender, and rows, found nothing"),
        ("image\na.png\n", "must have a header"),
        ("sex,age\nmale,3\n", "no column of .* names the images, found sex, age; call it image"),
        ("image,age\na.png,3\nb.png,4,5\n", "line 3 of .* has 3 cells, the header 2"),
        ("image,age,age\na.png,3,4\n", "has two columns 'age'"),
        ("image,age\na.png,3\na.png,4\n", "lists a.png more than once"),
        ("image,x0,y0,x1,y1,age\na.png,1,2,three,4,5\n", "line 2 of .* has the box 1, 2, three, 4"),
    ],
)
def test_what_is_no_table_is_refused(folder: Path, text: str, said: str) -> None:
    """One sentence with file and line: no header, no column of images, cells too many, a box of words."""
    with pytest.raises(DatasetError, match=said):
        loaded(folder, text)


def test_digits_have_attributes() -> None:
    """The built-in images tell digit, parity, darkness and height; a hidden one has the first two alone."""
    entry = DatasetEntry(kind="digits", subject="marks", count=60, split="evaluate")
    dataset = load_dataset("digits", entry, None, truth="facts")  # type: ignore[arg-type]
    rows = list(told(dataset).values())
    assert all(int(row["digit"]) % 2 == int(row["odd"]) for row in rows)
    heights = [float(row["height"]) for row in rows if row["height"]]
    assert 5 < min(heights) < max(heights) <= 100
    assert {row["dark"] for row in rows} >= {"0", "1"}
