"""Identities: folders, queries and galleries, names, lists and pairs, each read as its benchmark means it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import Identity
from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.selection import subset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError


def put(folder: Path, *names: str) -> None:
    """Write small pictures, each its own."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = abs(hash(name)) % 2**32
        cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (8, 6, 3), np.uint8))


def load(folder: Path, text: str | None = None, suffix: str = "txt", **keys: Any) -> Any:
    """Load a folder, with a list beside it."""
    if text is not None:
        (folder / f"list.{suffix}").write_text(text, encoding="utf-8")
        keys["annotations"] = Path(f"list.{suffix}")
    entry = DatasetEntry(kind="identities", path=Path(), **keys)
    return load_dataset("faces", entry, folder, truth="identity")


def truths(dataset: Any) -> dict[str, Identity]:
    """Identities by name."""
    return {sample.name: sample.truth for sample in dataset.samples}


def test_a_folder_is_an_identity(tmp_path: Path) -> None:
    """Nested or not; images in none are an error that says what else may be."""
    put(tmp_path, "ann/1.png", "ann/2.png", "team/bob/1.png")
    found = load(tmp_path)
    assert truths(found) == {
        "ann/1.png": Identity("ann"),
        "ann/2.png": Identity("ann"),
        "team/bob/1.png": Identity("team/bob"),
    }
    put(tmp_path, "loose.png")
    with pytest.raises(DatasetError, match=r"loose\.png is in no folder of an identity"):
        load(tmp_path)


def test_names_of_market_1501_are_read(tmp_path: Path) -> None:
    """Identity and camera; 0000 is nobody, -1 is left out; queries are sought in the gallery, the rest is not used."""
    put(tmp_path, "query/0001_c1s1_001051_00.png", "bounding_box_test/0001_c2s1_000301_00.png")
    put(
        tmp_path,
        "bounding_box_test/0000_c3s1_000301_00.png",
        "bounding_box_test/-1_c1s1_000401_03.png",
    )
    put(tmp_path, "bounding_box_train/0002_c1s1_000451_03.png")
    found = load(tmp_path)
    assert truths(found) == {
        "query/0001_c1s1_001051_00.png": Identity("0001", "1", "query"),
        "bounding_box_test/0000_c3s1_000301_00.png": Identity("", "3", "gallery"),
        "bounding_box_test/0001_c2s1_000301_00.png": Identity("0001", "2", "gallery"),
    }
    reasons = dict(found.skipped)
    assert "neither right nor wrong" in reasons["bounding_box_test/-1_c1s1_000401_03.png"]
    assert "neither the folder of queries" in reasons["bounding_box_train/0002_c1s1_000451_03.png"]


def test_a_pattern_says_where_names_hold_the_identity(tmp_path: Path) -> None:
    """Its first group the identity, its second the camera; one that does not fit is refused."""
    put(tmp_path, "x/car7-north-1.png", "x/car8-south-1.png")
    found = load(tmp_path, identity_in_name=r"(car\d+)-(\w+)-\d+")
    assert [sample.truth for sample in found.samples] == [
        Identity("car7", "north"),
        Identity("car8", "south"),
    ]
    for pattern, said in (
        (r"car\d+.*", "has no group"),
        (r"(van\d+).*", "does not fit 'car7-north-1'"),
        ("(", "no regular"),
    ):
        with pytest.raises(DatasetError, match=said):
            load(tmp_path, identity_in_name=pattern)


@pytest.mark.parametrize("folded", [True, False])
def test_pairs_of_lfw_are_read(tmp_path: Path, *, folded: bool) -> None:
    """Folds of so many pairs of one person and of two; files with or without their folders."""
    names = ["Ann_Lee_0001", "Ann_Lee_0004", "Bob_0001", "Bob_0002", "Cy_0001"]
    put(tmp_path, *(f"{name[:-5]}/{name}.jpg" if folded else f"{name}.png" for name in names))
    text = "2\t1\nAnn_Lee\t1\t4\nAnn_Lee\t1\tCy\t1\nBob\t1\t2\nBob\t2\tCy\t1\n"
    found = truths(load(tmp_path, text))

    def called(name: str) -> str:
        return f"{name[:-5]}/{name}.jpg" if folded else f"{name}.png"

    assert found[called("Ann_Lee_0001")] == Identity(
        "Ann_Lee", pairs=((called("Ann_Lee_0004"), True, 0), (called("Cy_0001"), False, 0))
    )
    assert found[called("Bob_0001")].pairs == ((called("Bob_0002"), True, 1),)
    assert found[called("Bob_0002")].pairs == ((called("Cy_0001"), False, 1),)
    assert {one.name for one in found.values()} == {"Ann_Lee", "Bob", "Cy"}
    with pytest.raises(DatasetError, match="announces 2 × 2 pairs in its first line and has 3"):
        load(tmp_path, "\n".join(text.splitlines()[:-1]))


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("first,second,same,fold\na.png,b.png,1,0\na.png,c.png,0,1\n", "csv"),
        ("image1;image2;label\na.png;b.png;true\na.png;c.png;false\n", "csv"),
        ("a.png b.png 1\na.png c.png 0\n", "txt"),
        ("1 a.png b.png\n-1 a.png c.png\n", "txt"),
        ("a.png\tb.png\t1\na.png\tc.png\t0\n", "txt"),
    ],
)
def test_lists_of_pairs_are_read(tmp_path: Path, text: str, suffix: str) -> None:
    """The label first or last; what is called the same is of one identity."""
    put(tmp_path, "a.png", "b.png", "c.png", "unused.png")
    found = load(tmp_path, text, suffix)
    own = truths(found)
    assert [(name, same) for name, same, _ in own["a.png"].pairs] == [
        ("b.png", True),
        ("c.png", False),
    ]
    assert own["a.png"].name == own["b.png"].name != own["c.png"].name
    assert ("unused.png", f"not listed in list.{suffix}") in found.skipped


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        (
            "image,identity,camera,side\na.png,7,c1,query\nb.png,7,c2,gallery\nc.png,,c1,gallery\n",
            "csv",
        ),
        (
            "side,pid,camid,filename\nquery,7,c1,a.png\ngallery,7,c2,b.png\ngallery,,c1,c.png\n",
            "csv",
        ),
    ],
)
def test_lists_of_identities_are_read(tmp_path: Path, text: str, suffix: str) -> None:
    """Columns by their names, in any order; an empty identity is a distractor."""
    put(tmp_path, "a.png", "b.png", "c.png")
    assert truths(load(tmp_path, text, suffix)) == {
        "a.png": Identity("7", "c1", "query"),
        "b.png": Identity("7", "c2", "gallery"),
        "c.png": Identity("", "c1", "gallery"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (
            "a.png b.png maybe\n",
            "line 1 of .*expected LFW's lines|line 1 is 'a.png b.png maybe'; expected LFW's lines",
        ),
        ("first,second,same\na.png,b.png,perhaps\n", "line 2 has 'a.png', 'b.png' and 'perhaps'"),
        ("image,identity,side\na.png,7,left\n", "query or gallery"),
        ("image,identity\na.png,7\na.png,8\n", "lists 1 images more than once"),
        ("a.png gone.png 1\nb.png gone2.png 0\n", "cannot be used, more than 1%"),
    ],
)
def test_broken_lists_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """With the line, what was expected and what was found."""
    put(tmp_path, "a.png", "b.png")
    with pytest.raises(DatasetError, match=said):
        load(tmp_path, text)


def test_one_picture_under_two_identities_is_noted(tmp_path: Path) -> None:
    """By content: also where a query is in its own gallery."""
    put(tmp_path, "query/7/a.png", "gallery/7/b.png", "gallery/8/c.png")
    (tmp_path / "gallery/8/copy.png").write_bytes((tmp_path / "query/7/a.png").read_bytes())
    notes = " ".join(load(tmp_path).notes)
    assert "query/7/a.png and gallery/8/copy.png" in notes
    assert "two identities" in notes
    (tmp_path / "gallery/8/copy.png").unlink()
    (tmp_path / "gallery/7/copy.png").write_bytes((tmp_path / "query/7/a.png").read_bytes())
    assert "finding it there is no recognition" in " ".join(load(tmp_path).notes)


def test_a_subset_to_judge_on_keeps_identities_whole(tmp_path: Path) -> None:
    """One image of each could not be found again; to calibrate on, many identities are better."""
    put(tmp_path, *(f"p{k}/{i}.png" for k in range(10) for i in range(4)))
    found = load(tmp_path)
    judged: Any = subset(found, 8, 0, together=True).dataset
    spread: Any = subset(found, 8, 0).dataset
    assert len({sample.truth.name for sample in judged.samples}) == 2
    assert len({sample.truth.name for sample in spread.samples}) == 8
    names = {sample.name for sample in subset(found, 20, 0, together=True).dataset.samples}
    assert {sample.name for sample in judged.samples} <= names


def test_digits_are_hands_that_no_other_split_has(tmp_path: Path) -> None:
    """Five pictures in a row of each, drawn otherwise each time; truth is told without drawing."""
    sets: dict[str, Any] = {
        split: load_dataset(
            "d",
            DatasetEntry(kind="digits", subject="hands", split=split, count=40),
            tmp_path,
            truth="identity",
        )
        for split in ("calibrate", "evaluate")
    }
    names = {split: [sample.truth.name for sample in one.samples] for split, one in sets.items()}
    assert [len(set(names["evaluate"][k : k + 5])) for k in range(0, 40, 5)] == [1] * 8
    assert len(set(names["evaluate"])) == 8
    assert not set(names["evaluate"]) & set(names["calibrate"])
    first, second = (sample.image() for sample in sets["evaluate"].samples[:2])
    assert first.shape == (64, 64, 3)
    assert (first != second).any()
