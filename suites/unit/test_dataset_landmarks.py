"""Landmarks of faces: WFLW's list, 300-W's .pts, key points in YOLO's text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.entries.data import RegionEntry
from quantgate.errors import DatasetError
from quantgate.onboarding.entry import dataset_line
from quantgate.onboarding.images import images_of


def picture(path: Path) -> None:
    """Write a picture of 200 x 160 px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(len(path.name)).integers(0, 255, (160, 200, 3)))


def face(seed: int, points: int = 98) -> Any:
    """Landmarks of one face within 20..140 px."""
    return np.random.default_rng(seed).uniform(20, 140, (points, 2)).round(3)


def line(points: Any, image: str, *behind: float) -> str:
    """Write one face as WFLW does."""
    return " ".join(f"{value:g}" for value in (*points.ravel(), *behind)) + f" {image}\n"


def load(kind: str, root: Path, **keys: Any) -> Any:
    """Load the dataset with its key points."""
    return load_dataset("f", DatasetEntry(kind, path=Path("im"), **keys), root, truth="points")


@pytest.fixture
def wflw(tmp_path: Path) -> Path:
    """Two pictures, two faces in the first, with boxes and attributes."""
    for image in ("a/1.jpg", "a/2.jpg"):
        picture(tmp_path / "im" / image)
    behind = (15, 16, 150, 149, 0, 0, 1, 0, 0, 1)
    rows = [line(face(k), f"a/{1 + k // 2}.jpg", *behind) for k in range(3)]
    (tmp_path / "list.txt").write_text("".join(rows))
    return tmp_path


def test_wflws_list_is_read(wflw: Path) -> None:
    """Faces of one picture stand together, with the list's box, every landmark seen."""
    found = load("wflw", wflw, annotations=Path("list.txt"))

    truth = found.samples[0].truth
    assert [sample.name for sample in found.samples] == ["a/1.jpg", "a/2.jpg"]
    np.testing.assert_allclose(truth.points[1, :, :2], face(1), atol=1e-4)
    assert (truth.points[..., 2] == 2).all()
    assert truth.boxes[0].tolist() == [15, 16, 150, 149]
    assert (found.labels, found.skeleton.eyes) == (("face",), (60, 72))
    region = RegionEntry(around="points", shape="square", factor=1.1, size=(112, 112))
    cut = load("wflw", wflw, annotations=Path("list.txt"), region=region)
    assert len(cut) == 3
    assert cut.samples[2].truth.points.shape == (1, 98, 3)


@pytest.mark.parametrize(("points", "behind"), [(68, ()), (98, (10, 12, 150, 155)), (5, ())])
def test_lists_like_it_are_read(tmp_path: Path, points: int, behind: tuple[float, ...]) -> None:
    """Without attributes, without a box, of another number: a missing box is the landmarks' extent."""
    picture(tmp_path / "im" / "x.png")
    own = face(3, points)
    (tmp_path / "list.txt").write_text(line(own, "x.png", *behind))
    truth = load("wflw", tmp_path, annotations=Path("list.txt")).samples[0].truth
    expected = behind or (*own.min(axis=0), *own.max(axis=0))
    np.testing.assert_allclose(truth.boxes[0], expected, atol=1e-3)
    assert truth.points.shape == (1, points, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 3 4 5 6 7 x.png\n", 'line 1 of .* has 8 words .* expected "x y x y … name"'),
        (
            line(face(0, 5), "x.png") + line(face(0, 68), "x.png"),
            "68 landmarks where others have 5",
        ),
        (line(face(0), "x.png", 90, 10, 20, 80), "whose right or bottom comes first"),
        ("x.png 0\n", "has 2 words"),
    ],
)
def test_other_lists_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """The sentence names the line, what it has, and the form that is read."""
    picture(tmp_path / "im" / "x.png")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DatasetError, match=said):
        load("wflw", tmp_path, annotations=Path("list.txt"))


def pts(path: Path, points: Any, said: int | None = None) -> None:
    """Write landmarks as 300-W does, counted from 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in points + 0.5)
    path.write_text(f"version: 1\nn_points:  {said or len(points)}\n{{\n{rows}\n}}\n")


@pytest.mark.parametrize("beside", [True, False])
def test_pts_beside_images_are_read(tmp_path: Path, beside: bool) -> None:  # noqa: FBT001 - a parameter
    """Beside the images or below a folder of their own, counted from 1; an image without one is told."""
    notes = tmp_path / ("im" if beside else "notes")
    for k in range(3):
        picture(tmp_path / "im" / f"indoor/{k}.png")
        if k < 2:
            pts(notes / f"indoor/{k}.pts", face(k, 68))
    keys = {} if beside else {"annotations": Path("notes")}

    found = load("pts", tmp_path, **keys)

    assert len(found) == 2
    np.testing.assert_allclose(found.samples[1].truth.points[0, :, :2], face(1, 68), atol=2e-3)
    assert ("indoor/2.png", "no .pts of its name") in found.skipped
    assert found.skeleton.eyes == (36, 45)


def test_damaged_pts_are_refused(tmp_path: Path) -> None:
    """Fewer lines than the head says, another number than elsewhere, none at all."""
    picture(tmp_path / "im" / "a.png")
    picture(tmp_path / "im" / "b.png")
    with pytest.raises(DatasetError, match=r"none of the 2 images has a \.pts of its name"):
        load("pts", tmp_path)
    pts(tmp_path / "im" / "a.pts", face(0, 68))
    pts(tmp_path / "im" / "b.pts", face(0, 5))
    with pytest.raises(DatasetError, match=r"b\.pts has 5 landmarks where others have 68"):
        load("pts", tmp_path)
    pts(tmp_path / "im" / "b.pts", face(0, 67), said=68)
    with pytest.raises(DatasetError, match=r"b\.pts is no \.pts: expected"):
        load("pts", tmp_path)


def test_lists_and_pts_are_recognized(wflw: Path, tmp_path: Path) -> None:
    """`init --images --annotations` finds the kind by itself, and cuts each face out, as its models see it."""
    listed = images_of(wflw / "im", wflw / "list.txt", None, tmp_path / "cache")
    assert (listed.entry.kind, listed.annotated("keypoints")) == ("wflw", True)
    assert not listed.annotated("detection")
    assert listed.only_task == "keypoints"
    assert listed.entry.region is not None
    assert 'region = { around = "points", factor = 1.1, shape = "square" }' in dataset_line(
        "faces", listed.entry, None
    )
    assert len(listed.sets["keypoints"]) == 3
    folder = tmp_path / "w"
    picture(folder / "im" / "a.png")
    pts(folder / "im" / "a.pts", face(0, 68))
    beside = images_of(folder / "im", None, None, tmp_path / "cache")
    assert (beside.entry.kind, beside.annotated("keypoints")) == ("pts", True)
    apart = images_of(folder / "im", folder / "im", None, tmp_path / "cache")
    assert apart.entry.kind == "pts"


def yolo(root: Path, rows: dict[str, str], **keys: Any) -> Any:
    """Write and load YOLO's text."""
    for name, text in rows.items():
        picture(root / "im" / f"{name}.png")
        (root / "im" / f"{name}.txt").write_text(text)
    return load("yolo-txt", root, **keys)


def test_key_points_in_yolos_text_are_read(tmp_path: Path) -> None:
    """With visibilities, in pixels; an object without any is set aside; boxes alone where nobody asks."""
    row = "0 0.5 0.5 0.4 0.5 0.25 0.5 2 0 0 0 0.75 0.25 1\n"
    found = yolo(tmp_path, {"a": row + "0 0.1 0.1 0.1 0.1\n", "b": ""})

    truth = found.samples[0].truth
    assert truth.points[0].tolist() == [[50, 80, 2], [0, 0, 0], [150, 40, 1]]
    assert truth.aside.tolist() == [False, True]
    assert len(found.skeleton.names) == 3
    boxes = load_dataset("f", DatasetEntry("yolo-txt", path=Path("im")), tmp_path)
    np.testing.assert_allclose(boxes.samples[0].truth.boxes[0], [60, 40, 140, 120], atol=1e-4)  # type: ignore[union-attr]


def test_two_numbers_a_key_point(tmp_path: Path) -> None:
    """As data.yaml says: without it they might be a polygon; 0, 0 is not annotated."""
    row = "0 0.5 0.5 0.4 0.5 0.25 0.5 0 0\n"
    (tmp_path / "data.yaml").write_text("names: [person]\nkpt_shape: [2, 2]\n")
    truth = yolo(tmp_path, {"a": row}, labels=Path("data.yaml")).samples[0].truth
    assert truth.points[0].tolist() == [[50, 80, 2], [0, 0, 0]]
    with pytest.raises(DatasetError, match="kpt_shape"):
        yolo(tmp_path, {"a": row})
    as_boxes = DatasetEntry("yolo-txt", path=Path("im"), labels=Path("data.yaml"))
    truth = load_dataset("f", as_boxes, tmp_path).samples[0].truth
    np.testing.assert_allclose(truth.boxes[0], [60, 40, 140, 120], atol=1e-4)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0 0.5 0.5 0.4 0.5\n", "no row in .* has key points behind its box"),
        ("0 .5 .5 .4 .5 .2 .5 2\n0 .5 .5 .4 .5 .2 .5 2 .1\n", "and 1 key points of 3 numbers"),
    ],
)
def test_rows_without_key_points_are_refused(tmp_path: Path, rows: str, said: str) -> None:
    """The sentence names the line and the form."""
    with pytest.raises(DatasetError, match=said):
        yolo(tmp_path, {"a": rows})
    (tmp_path / "data.yaml").write_text("names: [person]\nkpt_shape: 17\n")
    with pytest.raises(DatasetError, match=r"kpt_shape 17; expected \[key points, 2 or 3\]"):
        yolo(tmp_path, {"a": rows}, labels=Path("data.yaml"))
