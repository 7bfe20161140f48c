"""Quadrilaterals as people annotate them: ICDAR's text and json, DOTA, YOLO-OBB, COCO; what is odd is told."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import Objects
from quantgate.core.quads import quad_iou
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError
from suites import turned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quantgate.datasets.sample import Dataset

WIDTH, HEIGHT = 200, 120
FIRST = [(20, 30), (90, 10), (95, 30), (25, 50)]
SECOND = [(120, 60), (180, 60), (180, 80), (120, 80)]


def images(folder: Path, *names: str) -> Path:
    """Draw small pictures, each its own."""
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return folder


def load(folder: Path, kind: str, **keys: Any) -> Dataset:
    """Load the images of a folder by their quadrilaterals."""
    entry = DatasetEntry(kind=kind, path=folder, **keys)
    return load_dataset("d", entry, folder, truth="corners")


def truth_of(found: Dataset, index: int = 0) -> Objects:
    """What is annotated on one image."""
    truth = found.samples[index].truth
    assert isinstance(truth, Objects)
    return truth


def quads_of(truth: Objects) -> Any:
    """Corners of the annotated quadrilaterals."""
    assert truth.quads is not None
    return truth.quads


def written(quad: Sequence[tuple[float, float]], mark: str = ",") -> str:
    """Corners as numbers."""
    return mark.join(f"{value:g}" for corner in quad for value in corner)


def test_icdar_text_files_as_people_have_them(tmp_path: Path) -> None:
    """A mark of byte order, commas in texts, ### to ignore, ICDAR 2013's boxes and MLT's scripts."""
    folder = images(tmp_path / "images", "img_1.png", "sub/img_2.png", "empty.png")
    notes = tmp_path / "gt"
    (notes / "sub").mkdir(parents=True)
    (notes / "gt_img_1.txt").write_text(
        f"\ufeff{written(FIRST)},one, two,5\r\n{written(SECOND)},###\r\n", encoding="utf-8"
    )
    (notes / "sub" / "img_2.txt").write_text(
        f'120, 60, 180, 80, "Tiredness"\n{written(FIRST)},Latin,###\n', encoding="utf-8"
    )
    (notes / "gt_empty.txt").write_text("")
    (notes / "gt_img_9.txt").write_text("")

    found = load(folder, "icdar", annotations=notes)

    assert found.labels == ("text",)
    by_name = {sample.name: truth_of(found, k) for k, sample in enumerate(found.samples)}
    assert quads_of(by_name["img_1.png"]).tolist() == [
        [list(map(float, c)) for c in q] for q in (FIRST, SECOND)
    ]
    assert by_name["img_1.png"].aside.tolist() == [False, True]
    assert by_name["img_1.png"].boxes.tolist() == [[20, 10, 95, 50], [120, 60, 180, 80]]
    assert quads_of(by_name["sub/img_2.png"])[0].tolist() == [
        [120, 60],
        [180, 60],
        [180, 80],
        [120, 80],
    ]
    assert by_name["sub/img_2.png"].aside.tolist() == [False, True]
    assert len(by_name["empty.png"]) == 0
    assert ("gt_img_9.txt", "no image of its name") in found.skipped


JSON: dict[str, Any] = {
    "a list": [
        {
            "file": "a.png",
            "regions": [
                {"quad": [*sum(FIRST, ())], "text": "x"},
                {"quad": [*sum(SECOND, ())], "text": "x", "ignore": True},
            ],
        }
    ],
    "LSVT": {
        "a": [
            {"points": FIRST, "transcription": "x", "illegibility": False},
            {"points": SECOND, "transcription": "###"},
        ]
    },
    "LSVT's names": {
        "gt_a": [
            {"points": FIRST, "transcription": "x"},
            {"points": SECOND, "transcription": "x", "illegibility": True},
        ]
    },
    "MMOCR": {
        "data_list": [
            {
                "img_name": "a.png",
                "instances": [
                    {"polygon": [*sum(FIRST, ())]},
                    {"polygon": [*sum(SECOND, ())], "ignore": 1},
                ],
            }
        ]
    },
}


@pytest.mark.parametrize("form", JSON)
def test_icdar_json_as_people_have_it(tmp_path: Path, form: str) -> None:
    """Tables and lists of images, flat and nested corners, every word for a region that does not count."""
    folder = images(tmp_path / "images", "a.png", "b.png")
    (tmp_path / "gt.json").write_text(json.dumps(JSON[form]))
    found = load(folder, "icdar", annotations=tmp_path / "gt.json")
    truth = truth_of(found)
    assert quads_of(truth).tolist() == [[list(map(float, c)) for c in q] for q in (FIRST, SECOND)]
    assert truth.aside.tolist() == [False, True]
    assert found.skipped == (("b.png", "not listed in gt.json"),)


def test_paddleocrs_list_and_polygons_of_more_corners(tmp_path: Path) -> None:
    """A line an image; of other polygons the rectangle of least area is taken."""
    folder = images(tmp_path, "a.png", "b.png")
    six = [(20, 30), (50, 30), (80, 30), (80, 50), (50, 50), (20, 50)]
    rows = [("a.png", [{"transcription": "x", "points": six}]), ("b.png", [])]
    (folder / "Label.txt").write_text("".join(f"{name}\t{json.dumps(own)}\n" for name, own in rows))
    found = load(folder, "icdar", annotations=folder / "Label.txt")
    truth = truth_of(found)
    assert turned.area(turned.corners(quads_of(truth)[0])) == pytest.approx(60 * 20)
    assert truth.boxes[0].tolist() == pytest.approx([20, 30, 80, 50])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1,2,3\n", r"line 1 of .*gt_a.txt is '1,2,3'; expected \"x1,y1,x2,y2,x3,y3,x4,y4,text\""),
        (f"{written(FIRST)},x\n1,2,3,nan,text\n", "line 2"),
    ],
)
def test_a_line_without_corners_is_refused_by_its_number(
    tmp_path: Path, content: str, said: str
) -> None:
    """File, line and what is expected."""
    images(tmp_path, "a.png")
    (tmp_path / "gt_a.txt").write_text(content)
    with pytest.raises(DatasetError, match=said):
        load(tmp_path, "icdar")


def test_images_without_text_files(tmp_path: Path) -> None:
    """Where none has one, the folder is wrong; a few show nothing."""
    folder = images(tmp_path, "a.png", "b.png")
    with pytest.raises(
        DatasetError,
        match=r"none of the 2 images has a text file in .*; set datasets.d.annotations",
    ):
        load(folder, "icdar")
    (folder / "a.txt").write_text(f"{written(FIRST)},x\n")
    assert "1 of 2 images have no text file (b.png, …)" in " ".join(load(folder, "icdar").notes)


def dota(tmp_path: Path, rows: Sequence[str]) -> Path:
    """Write DOTA's folders of one image."""
    folder = images(tmp_path / "images", "P0001.png")
    (tmp_path / "labelTxt").mkdir()
    (tmp_path / "labelTxt" / "P0001.txt").write_text(
        "imagesource:GoogleEarth\ngsd:0.146343\n" + "\n".join(rows)
    )
    return folder


def test_dota_text_files(tmp_path: Path) -> None:
    """Lines above are passed over; difficult objects count only if asked for; classes have names."""
    rows = [
        f"{written(FIRST, ' ')} ship 0",
        f"{written(SECOND, ' ')} small-vehicle 1",
        f"{written(SECOND, ' ')} plane 2",
    ]
    folder = dota(tmp_path, rows)
    found = load(folder, "dota")
    assert found.labels == ("plane", "ship", "small-vehicle")
    assert found.labels_open
    assert truth_of(found).labels.tolist() == [1, 2, 0]
    assert truth_of(found).aside.tolist() == [False, True, True]
    assert not truth_of(load(folder, "dota", difficult=True)).aside.any()
    chosen = load(folder, "dota", classes=("ship",))
    assert quads_of(truth_of(chosen)).tolist() == [[list(map(float, c)) for c in FIRST]]
    with pytest.raises(
        DatasetError,
        match=r"line 4 of .*P0001.txt is of class 'small-vehicle', which is none of the 2 labels",
    ):
        load(folder, "dota", labels=("plane", "ship"))


def test_a_dota_line_that_is_none(tmp_path: Path) -> None:
    """Seven numbers are no corners."""
    with pytest.raises(
        DatasetError,
        match=r"line 3 of .* expected \"x1 y1 x2 y2 x3 y3 x4 y4 class difficult\" in pixels",
    ):
        load(dota(tmp_path, ["1 2 3 4 5 6 7 ship 0"]), "dota")


def test_yolo_obb_text_files(tmp_path: Path) -> None:
    """Class and four corners in fractions; a box is a quadrilateral, too."""
    folder = images(tmp_path / "images", "a.png")
    (tmp_path / "labels").mkdir()
    part = [(x / WIDTH, y / HEIGHT) for x, y in FIRST]
    (tmp_path / "labels" / "a.txt").write_text(f"1 {written(part, ' ')}\n0 0.75 0.5 0.3 0.25\n")
    truth = truth_of(load(folder, "yolo-txt"))
    assert np.abs(quads_of(truth)[0] - np.array(FIRST)).max() < 1e-3
    assert np.abs(quads_of(truth)[1] - [(120, 45), (180, 45), (180, 75), (120, 75)]).max() < 1e-3
    assert truth.labels.tolist() == [1, 0]
    assert truth.areas[0] == pytest.approx(turned.area(FIRST), rel=1e-4)


def coco(tmp_path: Path, annotations: Sequence[dict[str, Any]], **keys: Any) -> Dataset:
    """Load one image of COCO's json."""
    folder = images(tmp_path / "images", "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 3, "name": "ship"}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": 3, **one} for k, one in enumerate(annotations)
        ],
    }
    (tmp_path / "gt.json").write_text(json.dumps(content))
    return load(folder, "coco", annotations=tmp_path / "gt.json", **keys)


def test_coco_with_turned_boxes(tmp_path: Path) -> None:
    """Corners of the segmentation, of a closed ring, of a box of five numbers, and of a plain one."""
    found = coco(
        tmp_path,
        [
            {"bbox": [0, 0, 1, 1], "segmentation": [[*sum(FIRST, ())]]},
            {"bbox": [0, 0, 1, 1], "segmentation": [[*sum(SECOND, ()), *SECOND[0]]], "iscrowd": 1},
            {"bbox": [100, 60, 80, 20, 30]},
            {"bbox": [120, 60, 60, 20]},
        ],
    )
    truth = truth_of(found)
    assert quads_of(truth)[:2].tolist() == [
        [list(map(float, c)) for c in q] for q in (FIRST, SECOND)
    ]
    assert truth.aside.tolist() == [False, True, False, False]
    assert (
        np.abs(quads_of(truth)[2] - turned.rectangle(100, 60, 80, 20, math.radians(30))).max()
        < 1e-4
    )
    assert quads_of(truth)[3].tolist() == [list(map(float, c)) for c in SECOND]
    assert any(
        "centre, size and angle in degrees, clockwise; set datasets.d.angle" in note
        for note in found.notes
    )


@pytest.mark.parametrize(
    ("angle", "said", "expected"),
    [
        (0.5, None, 0.5),
        (5.0, "degrees", math.radians(5)),
        (40.0, None, math.radians(40)),
        (40.0, "counter-clockwise degrees", math.radians(-40)),
        (0.5, "counter-clockwise radians", -0.5),
    ],
)
def test_units_and_directions_of_angles(
    tmp_path: Path, angle: float, said: Any, expected: float
) -> None:
    """Radians unless one is beyond a turn, as the key says otherwise, in either direction."""
    truth = truth_of(coco(tmp_path, [{"bbox": [100, 60, 80, 20, angle]}], angle=said))
    assert np.abs(quads_of(truth)[0] - turned.rectangle(100, 60, 80, 20, expected)).max() < 1e-4


def test_a_coco_annotation_without_corners_is_refused(tmp_path: Path) -> None:
    """Its id is named."""
    with pytest.raises(DatasetError, match="annotation 0 has the bbox None and no polygon"):
        coco(tmp_path, [{"bbox": None}])


def test_corners_that_cross_or_run_the_other_way_are_told(tmp_path: Path) -> None:
    """Both are judged as they are meant; which ones is said."""
    crossing = [(x, y + 40) for x, y in (FIRST[0], FIRST[1], FIRST[3], FIRST[2])]
    back = [(x, y + 30) for x, y in SECOND[::-1]]
    rows = [f"{written(q, ' ')} ship 0" for q in (FIRST, SECOND, back, crossing)]
    found = load(dota(tmp_path, rows), "dota")
    notes = " ".join(found.notes)
    assert "the sides of 1 of 4 quadrilaterals cross (P0001.png, line 6 of P0001.txt)" in notes
    assert "the corners of 1 of 4 quadrilaterals run counter-clockwise" in notes
    truth = truth_of(found)
    assert truth.areas[3] == pytest.approx(turned.area(FIRST))


def test_fractions_and_exchanged_axes_are_refused(tmp_path: Path) -> None:
    """Corners in fractions where pixels are expected, and y before x: the numbers tell."""
    part = [(x / WIDTH, y / HEIGHT) for x, y in FIRST]
    with pytest.raises(DatasetError, match="seem to be fractions of the image; write pixels"):
        load(dota(tmp_path / "a", [f"{written(part, ' ')} ship 0"] * 3), "dota")
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(12):
        quad = turned.rectangle(
            float(rng.uniform(40, 160)),
            float(rng.uniform(30, 90)),
            40,
            12,
            float(rng.uniform(-1, 1)),
        )
        rows.append(f"{written([(y, x) for x, y in quad], ' ')} ship 0")
    with pytest.raises(DatasetError, match="y before x"):
        load(dota(tmp_path / "b", rows), "dota")


def test_boxes_end_at_the_edge_and_corners_do_not(tmp_path: Path) -> None:
    """A turned box may lean out of its image: that is no slip, and is not told."""
    quad = turned.rectangle(195, 60, 60, 20, 0.7)
    found = load(dota(tmp_path, [f"{written(quad, ' ')} ship 0"]), "dota")
    truth = truth_of(found)
    assert truth.boxes[0, 2] == WIDTH
    assert np.abs(quads_of(truth)[0] - quad).max() < 1e-3
    assert found.notes == ()


def test_another_corner_is_another_dataset(tmp_path: Path) -> None:
    """Quadrilaterals are part of the digest, even where their extent is the same."""
    one = load(dota(tmp_path / "a", [f"{written(FIRST, ' ')} ship 0"]), "dota")
    mirrored = [(115 - x, y) for x, y in FIRST]
    other = load(dota(tmp_path / "b", [f"{written(mirrored, ' ')} ship 0"]), "dota")
    assert np.array_equal(truth_of(one).boxes, truth_of(other).boxes)
    assert one.digest != other.digest


def test_built_in_lines_are_where_their_ink_is(tmp_path: Path) -> None:
    """Turned as a whole, apart from each other, the same whether drawn anew or read from the store."""
    entry = DatasetEntry(kind="digits", subject="lines", count=12)
    drawn = load_dataset("d", entry, tmp_path, cache=tmp_path, truth="corners")
    again = load_dataset("d", entry, tmp_path, cache=tmp_path, truth="corners")
    assert drawn.digest == again.digest
    assert drawn.labels == ("line",)
    every = [truth_of(drawn, k) for k in range(12)]
    assert 12 < sum(map(len, every)) < 48
    for truth in every:
        overlaps = quad_iou(quads_of(truth), quads_of(truth)) - np.eye(len(truth))
        assert overlaps.max() < 0.05
    steep = [np.diff(quads_of(truth)[:, :2], axis=1)[:, 0] for truth in every]
    angles = np.concatenate([np.arctan2(own[:, 1], own[:, 0]) for own in steep])
    assert angles.std() > 0.3
