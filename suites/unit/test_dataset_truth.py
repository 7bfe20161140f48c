"""Truth in another frame, form or name than the pixels is read right or refused, and all files are counted."""

from __future__ import annotations

import io
import json
import unicodedata
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from faster_coco_eval.core import mask as rle
from PIL import Image

from quantgate.core.predictions import LabelMap, Objects
from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.images import read_image
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset

WIDTH, HEIGHT = 60, 40


def pixels(seed: int = 0) -> NDArray[np.uint8]:
    """A picture of noise, so that no two are copies of each other."""
    return np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def write(path: Path, seed: int = 0, orientation: int = 1) -> None:
    """Write a picture in the format of its suffix, with an orientation that turns it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels(seed)).save(path, exif=exif)


def objects(dataset: Dataset) -> list[Objects]:
    """The annotated objects of every image."""
    return [one.truth for one in dataset.samples if isinstance(one.truth, Objects)]


def row(number: int = 7, **changes: Any) -> dict[str, Any]:
    """An annotation of the first image."""
    return {"id": number, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 10]} | changes


def coco(
    root: Path,
    *rows: dict[str, Any],
    images: Mapping[str, tuple[int, int] | None] | None = None,
    masks: bool = False,
    categories: list[dict[str, Any]] | None = None,
    labels: tuple[str, ...] | None = None,
) -> Dataset:
    """Load a COCO json; ``images`` maps names in the json to their sizes, which may be left out."""
    listed = images or {"0.png": (WIDTH, HEIGHT)}
    content = {
        "images": [
            {"id": k, "file_name": name}
            | ({} if size is None else {"width": size[0], "height": size[1]})
            for k, (name, size) in enumerate(listed.items(), start=1)
        ],
        "annotations": list(rows),
        "categories": categories or [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    (root / "truth.json").write_text(json.dumps(content))
    entry = DatasetEntry("coco", path=root, annotations=root / "truth.json", labels=labels)
    return load_dataset("d", entry, root, truth="masks" if masks else None)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_fractions_are_of_the_picture_as_it_is_read(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    """Whatever a format's reader turns upright by itself is turned once, not twice."""
    write(tmp_path / f"a.{kind}", orientation=orientation)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 1 1\n")
    dataset = load_dataset("d", DatasetEntry("yolo-txt", path=tmp_path), tmp_path)
    height, width = read_image(dataset.samples[0]).shape[:2]
    assert objects(dataset)[0].boxes.tolist() == [[0, 0, width, height]]


def test_the_stored_frame_is_named_and_the_upright_one_is_read(tmp_path: Path) -> None:
    """Sizes of stored pixels that EXIF turns are refused with the remedy; upright sizes are right."""
    write(tmp_path / "0.png", orientation=6)
    with pytest.raises(DatasetError, match="as it is stored, but its EXIF orientation 6 turns it"):
        coco(tmp_path, row())
    assert not coco(tmp_path, row(), images={"0.png": (HEIGHT, WIDTH)}).notes


def test_what_no_size_can_prove_is_remembered(tmp_path: Path) -> None:
    """Turned by half a circle the size stays: the parent has to tell the frame, unless another proves it."""
    write(tmp_path / "0.png", orientation=3)
    write(tmp_path / "1.png", 1, orientation=8)
    assert coco(tmp_path, row()).turned == {"0.png": 3}
    both = {"0.png": (WIDTH, HEIGHT), "1.png": (HEIGHT, WIDTH)}
    assert not coco(tmp_path, row(), images=both).turned


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bbox": None}, "annotation 7 has the bbox None"),
        ({"area": "big"}, "annotation 7 has the area 'big'"),
        ({"area": -1}, "annotation 7 has the area -1"),
        ({"iscrowd": "maybe"}, "annotation 7 has the iscrowd 'maybe'"),
        ({"iscrowd": 2}, "annotation 7 has the iscrowd 2"),
        ({"category_id": None}, "annotation 7 has category id None"),
        ({"category_id": "cat"}, "annotation 7 has category id 'cat'"),
    ],
)
def test_a_wrong_field_is_told_with_its_annotation(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    """Every field that is read names the annotation's id when it cannot be."""
    write(tmp_path / "0.png")
    with pytest.raises(DatasetError, match=said):
        coco(tmp_path, row(**wrong))


@pytest.mark.parametrize("field", ["bbox", "category_id", "image_id"])
def test_a_missing_field_is_told_with_its_annotation(tmp_path: Path, field: str) -> None:
    """No KeyError: which annotation lacks what."""
    write(tmp_path / "0.png")
    broken = {key: value for key, value in row().items() if key != field}
    with pytest.raises(DatasetError, match=f"annotation 7 has no {field}"):
        coco(tmp_path, broken)


@pytest.mark.parametrize(("text", "crowd"), [("0", False), ("1", True), ("False", False)])
def test_numbers_that_were_written_as_text_are_read(
    tmp_path: Path, text: str, *, crowd: bool
) -> None:
    """A "0" is no crowd, although it is true to Python; ids as text are the same ids."""
    write(tmp_path / "0.png")
    found = coco(tmp_path, row(iscrowd=text, image_id="1", category_id="2"))
    assert objects(found)[0].crowd.tolist() == [crowd]
    assert objects(found)[0].labels.tolist() == [1]


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ({"id": 0, "name": "fruits", "supercategory": "none"}, False),
        ({"id": 0, "name": "background"}, False),
        ({"id": 0, "name": "plum", "supercategory": "fruits"}, True),
    ],
)
def test_a_placeholder_is_no_label(tmp_path: Path, first: dict[str, Any], *, kept: bool) -> None:
    """An unused first category above the others, or of a name that is no class, moves no label."""
    write(tmp_path / "0.png")
    categories = [first, {"id": 1, "name": "apple", "supercategory": "fruits"}]
    found = coco(tmp_path, row(), categories=categories)
    assert found.labels == ((first["name"], "apple") if kept else ("apple",))
    assert bool(found.notes) is not kept
    assert coco(tmp_path, row(category_id=0), categories=categories).labels[0] == first["name"]


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("cat", "dog"), [0, 1]),
        (("Dog", "cat"), [1, 0]),
        (("N/A", "cat", "bird", "dog"), [1, 3]),
        (("feline", "canine"), [0, 1]),
        (("dog", "feline"), [0, 1]),
    ],
)
def test_labels_that_name_the_categories_are_matched_by_name(
    tmp_path: Path, labels: tuple[str, ...], found: list[int]
) -> None:
    """The model's order of classes is that of the labels; names of their own go by the order of ids."""
    write(tmp_path / "0.png")
    rows = (row(1), row(2, category_id=2, bbox=[30, 5, 9, 9]))
    assert objects(coco(tmp_path, *rows, labels=labels))[0].labels.tolist() == found


def square(x: float, y: float, side: float) -> list[float]:
    """A polygon."""
    return [x, y, x + side, y, x + side, y + side, x, y + side]


def lengths(height: int, width: int) -> dict[str, Any]:
    """Run lengths of a square in an image of some size."""
    mask = np.zeros((height, width), np.uint8)
    mask[5:15, 5:25] = 1
    encoded = rle.encode(np.asfortranarray(mask))
    return {"size": [height, width], "counts": encoded["counts"].decode()}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([[]], "part 1 of its segmentation has 0 numbers"),
        (
            [[[5, 5], [9, 5], [9, 9]]],
            "part 1 of its segmentation has its points in lists of their own",
        ),
        ([square(5, 5, 9), [1, 1, 2, 2]], "part 2 of its segmentation has 4 numbers"),
        ([[*square(5, 5, 9), 3]], "has 9 numbers, expected pairs"),
        (square(5, 5, 9), "expected a list of polygons, each a list"),
        ([[None] * 6], "holds what is no number"),
        ([square(5, 50, 9)], "spans x 5..14, y 50..59, the image has 60x40"),
        (lengths(WIDTH, HEIGHT), "height and width are exchanged"),
        (lengths(20, 30), r"of the size \[20, 30\], the image has \[40, 60\]"),
        ({**lengths(20, 30), "size": [HEIGHT, WIDTH]}, "are of 600 pixels, the image has 2400"),
        ({"size": [HEIGHT, WIDTH], "counts": "~~~"}, "its counts hold foreign letters"),
        ({"size": [HEIGHT, WIDTH], "counts": "oo"}, "its counts end within a number"),
        ({"size": [HEIGHT, WIDTH], "counts": [2401]}, "are of 2401 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": ["1"]}, "its counts are no run lengths"),
    ],
)
def test_masks_that_libraries_misread_are_refused(tmp_path: Path, shape: Any, said: str) -> None:
    """What pycocotools takes for boxes, or for masks of any size, is named with its annotation."""
    write(tmp_path / "0.png")
    with pytest.raises(DatasetError, match=rf"annotation 7 .*{said}"):
        coco(tmp_path, row(segmentation=shape), masks=True)


def test_boxes_that_are_not_those_of_their_masks_are_refused(tmp_path: Path) -> None:
    """Masks in one frame and boxes in another cannot both be of the image."""
    write(tmp_path / "0.png")
    shape = [[5, 5, 25, 5, 25, 15, 5, 15]]
    assert not coco(tmp_path, row(segmentation=shape), masks=True).notes
    with pytest.raises(DatasetError, match="1 of 1 boxes are not those of their masks"):
        coco(tmp_path, row(segmentation=shape, bbox=[25, 20, 20, 10]), masks=True)


def test_two_boxes_that_leave_the_image_are_noted(tmp_path: Path) -> None:
    """Slips are in every set: few of many are told and judged all the same."""
    write(tmp_path / "0.png")
    rows = [row(k, bbox=[k % 30, k % 20, 9 + k % 7, 8 + k % 5]) for k in range(37)]
    rows += [row(98, bbox=[50, 5, 15, 8]), row(99, bbox=[5, 30, 9, 16])]
    (note,) = coco(tmp_path, *rows).notes
    assert "2 of 39 boxes leave their images (0.png, annotation 98: x 50..65" in note


def test_boxes_in_the_first_pixel_are_noted_and_many_are_refused(tmp_path: Path) -> None:
    """One tool in a chain wrote fractions: some files of it among others are enough."""
    write(tmp_path / "0.png")
    rows = [row(k, bbox=[k % 30, k % 20, 9 + k % 7, 8 + k % 5]) for k in range(39)]
    small = row(99, bbox=[0.1, 0.2, 0.3, 0.4])
    assert any(
        "1 of 40 boxes lie within the first pixel" in n for n in coco(tmp_path, *rows, small).notes
    )
    with pytest.raises(DatasetError, match=r"1 of 2 boxes lie within the first pixel .* fractions"):
        coco(tmp_path, rows[0], small)


def test_a_set_without_an_object_is_noted(tmp_path: Path) -> None:
    """Annotated as empty from end to end, nothing can be missed on it."""
    write(tmp_path / "0.png")
    assert "no object is annotated on any of 1 images" in coco(tmp_path).notes[0]


def apart(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Annotations of different sizes side by side."""
    return [
        row(k, bbox=[2 + 9 * (k % 6), 2 + 9 * (k // 6), 5 + k % 3, 5 + k // 9], **changes)
        for k in range(count)
    ]


def test_a_set_of_which_nothing_counts_is_refused(tmp_path: Path) -> None:
    """Crowds count neither for nor against: of all objects that is refused, of most it is noted."""
    write(tmp_path / "0.png")
    with pytest.raises(
        DatasetError, match="all 6 objects are marked iscrowd, and such count neither"
    ):
        coco(tmp_path, *apart(6, iscrowd=1))
    first, *others = apart(6, iscrowd=True)
    (note,) = coco(tmp_path, first | {"iscrowd": 0}, *others).notes
    assert "5 of 6 objects are marked iscrowd" in note


@pytest.mark.parametrize("kind", ["voc", "open-images", "wider"])
def test_the_mark_is_named_in_the_words_of_its_format(tmp_path: Path, kind: str) -> None:
    """Difficult, of a group, invalid: every annotated kind is checked in one place."""
    write(tmp_path / "a.png")
    boxes = [(2, 2, 9, 9), (12, 2, 20, 9), (22, 2, 33, 9)]
    if kind == "voc":
        rows = "".join(
            f"<object><name>x</name><difficult>1</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for x0, y0, x1, y1 in boxes
        )
        (tmp_path / "a.xml").write_text(f"<annotation>{rows}</annotation>")
        entry, said = DatasetEntry("voc", path=tmp_path, annotations=tmp_path), "marked difficult"
    elif kind == "open-images":
        lines = [f"a,x,{x0 / 60},{x1 / 60},{y0 / 40},{y1 / 40},True" for x0, y0, x1, y1 in boxes]
        (tmp_path / "t.csv").write_text(
            "\n".join(["ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf", *lines])
        )
        entry, said = DatasetEntry(kind, tmp_path, tmp_path / "t.csv"), "marked as groups"
    else:
        lines = [f"{x0} {y0} {x1 - x0} {y1 - y0} 0 0 0 1 0 0" for x0, y0, x1, y1 in boxes]
        (tmp_path / "t.txt").write_text("\n".join(["a.png", "3", *lines]))
        entry, said = DatasetEntry(kind, tmp_path, tmp_path / "t.txt"), "marked invalid"
    with pytest.raises(DatasetError, match=f"all 3 objects are {said}"):
        load_dataset("d", entry, tmp_path)


def test_objects_annotated_again_a_few_pixels_away_are_told(tmp_path: Path) -> None:
    """All of them are refused, some are noted, and rows of objects that overlap are left alone."""
    write(tmp_path / "0.png")
    rows = [row(k, bbox=[1 + 14 * (k % 4), 1 + 13 * (k // 4), 11, 10 + k % 2]) for k in range(12)]
    again = [
        one | {"id": 100 + k, "bbox": [one["bbox"][0] + 1, one["bbox"][1] + 1, 11, 11]}
        for k, one in enumerate(rows)
    ]
    assert not coco(tmp_path, *rows).notes
    with pytest.raises(
        DatasetError, match=r"12 of 24 objects are annotated twice, .* nearly the same"
    ):
        coco(tmp_path, *rows, *again)
    (note,) = coco(tmp_path, *rows, *again[:4]).notes
    assert "4 of 16 objects are annotated twice" in note
    (note,) = coco(tmp_path, *rows[:3], *again[:3]).notes  # so few may be neighbours
    assert "3 of 6 objects are annotated twice" in note
    queue = [row(k, bbox=[2 + 2 * k, 5, 20, 20]) for k in range(15)]
    assert not coco(tmp_path, *queue).notes
    nested = [row(50 + k, bbox=[3 + 14 * (k % 4), 3 + 13 * (k // 4), 6, 6]) for k in range(12)]
    assert not coco(tmp_path, *rows, *nested).notes


def test_two_classes_of_one_name_are_told(tmp_path: Path) -> None:
    """Exports merge lists of categories: a model knows one of the two."""
    write(tmp_path / "0.png")
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}, {"id": 3, "name": "dog"}]
    first, second, third = apart(3)
    (note,) = coco(tmp_path, first, second | {"category_id": 2}, third, categories=categories).notes
    assert "2 classes with objects are called 'cat' (labels 0 and 1)" in note
    assert not coco(tmp_path, first, second, third, categories=categories).notes


def test_masks_that_are_boxes_are_told(tmp_path: Path) -> None:
    """Converters make polygons of boxes: as masks they say nothing."""
    for name, shape, told in (("box", "filled", True), ("disc", "round", False)):
        images, rows = {}, []
        for k in range(12):
            write(tmp_path / name / f"{k}.png", k)
            images[f"{k}.png"] = (WIDTH, HEIGHT)
            angles = np.linspace(0, 2 * np.pi, 24)
            disc = (
                np.stack([25 + 10 * np.cos(angles), 20 + 10 * np.sin(angles)], 1).ravel().tolist()
            )
            part = square(15, 10, 20) if shape == "filled" else disc
            rows.append(row(k, image_id=k + 1, bbox=[15, 10, 20, 20], segmentation=[part]))
        notes = coco(tmp_path / name, *rows, images=images, masks=True).notes
        assert any("12 of 12 masks fill their boxes" in note for note in notes) is told


def test_both_corners_in_yolo_texts_are_told(tmp_path: Path) -> None:
    """x0 y0 x1 y1 in fractions are no centres and sizes."""
    write(tmp_path / "0.png")
    rows = [(x / 20, y / 20, (x + 9) / 20, (y + 8) / 20) for x in range(11) for y in range(12)]
    text = "\n".join(f"0 {x0} {y0} {x1} {y1}" for x0, y0, x1, y1 in rows)
    (tmp_path / "0.txt").write_text(text)
    with pytest.raises(
        DatasetError, match="both corners where the centre and the size are expected"
    ):
        load_dataset("d", DatasetEntry("yolo-txt", path=tmp_path), tmp_path)


def test_labels_that_nothing_has_are_noted_where_there_is_much(tmp_path: Path) -> None:
    """Of a few objects some class is always missing; of many it may be counted differently."""
    write(tmp_path / "0.png")
    rows = [row(k, bbox=[k % 31, k % 17, 10 + k % 7, 9 + k % 5]) for k in range(40)]
    assert not coco(tmp_path, *rows[:20]).notes
    (note,) = coco(tmp_path, *rows).notes
    assert "1 of 2 labels occur nowhere (dog)" in note


def test_copies_of_images_are_noted_with_their_classes(tmp_path: Path) -> None:
    """The same picture under two classes cannot be right twice."""
    for k in range(6):
        write(tmp_path / ("cat" if k % 2 else "dog") / f"{k}.png", seed=k // 2)
    (note,) = load_dataset("d", DatasetEntry("imagenet", path=tmp_path), tmp_path).notes
    assert "3 of 6 images are copies of others, 3 of them under different classes" in note


@pytest.mark.parametrize(
    ("on_disk", "said"),
    [
        ("é.png", unicodedata.normalize("NFD", "é.png")),
        (unicodedata.normalize("NFD", "é.png"), "é.png"),
        ("sub/a.png", "sub\\a.png"),
        ("sub/a.png", "SUB/A.PNG"),
        ("a.png", "C:\\data\\images\\a.png"),
        ("a.png", "/home/somebody/data/a.png"),
    ],
)
def test_names_of_other_systems_are_found(tmp_path: Path, on_disk: str, said: str) -> None:
    """Annotations written under Windows or macOS mean the files that are here."""
    write(tmp_path / on_disk)
    found = coco(tmp_path, row(), images={said: (WIDTH, HEIGHT)})
    assert [sample.name for sample in found.samples] == [on_disk]
    assert not found.skipped


def test_a_name_that_fits_two_files_finds_neither(tmp_path: Path) -> None:
    """A guess between two would judge one of them by the other's truth."""
    write(tmp_path / "a" / "0.png", 1)
    write(tmp_path / "b" / "0.png", 2)
    with pytest.raises(DatasetError, match="none of the 1 images that it lists is there"):
        coco(tmp_path, row(), images={"D:\\0.png": (WIDTH, HEIGHT)})


def test_texts_of_composed_names_belong_to_their_images(tmp_path: Path) -> None:
    """A label file in NFD is not lost, which would make its image a background."""
    write(tmp_path / "é.png")
    name = unicodedata.normalize("NFD", "é.txt")
    (tmp_path / name).write_text("0.0 0.2 0.2 0.8 0.2 0.5 0.9\n1 0.5 0.5 0.2 0.2\n")
    found = objects(load_dataset("d", DatasetEntry("yolo-txt", path=tmp_path), tmp_path))[0]
    assert found.labels.tolist() == [0, 1]
    assert found.boxes[0].tolist() == pytest.approx([12, 8, 48, 36], abs=1e-4)


def test_names_that_differ_in_case_are_different_files(tmp_path: Path) -> None:
    """Where the system tells ``a`` from ``A``, each has its own text."""
    for k, name in enumerate("aA"):
        write(tmp_path / f"{name}.png", k)
        (tmp_path / f"{name}.txt").write_text(f"{k} 0.5 0.5 0.2 0.2\n")
    found = load_dataset("d", DatasetEntry("yolo-txt", path=tmp_path), tmp_path)
    labels = {
        one.name: one.truth.labels.tolist()
        for one in found.samples
        if isinstance(one.truth, Objects)
    }
    assert labels == {"a.png": [0], "A.png": [1]}


def test_pictures_of_one_name_share_their_text(tmp_path: Path) -> None:
    """A JPEG beside a PNG of its name is no background; a text without a picture is counted."""
    write(tmp_path / "a.png")
    write(tmp_path / "a.jpg", 1)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("0 0.5 0.5 0.2 0.2\n")
    found = load_dataset("d", DatasetEntry("yolo-txt", path=tmp_path), tmp_path)
    assert [len(one) for one in objects(found)] == [1, 1]
    assert found.skipped == (("b.txt", "no image of its name"),)


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    """Links to other folders are read, links round in circles and to what is read already are named."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    write(data / "0.png", 0)
    write(elsewhere / "1.png", 1)
    (data / "part").symlink_to(elsewhere)
    (data / "again").symlink_to(data)
    found = load_dataset("d", DatasetEntry("folder", path=data), tmp_path)
    assert [sample.name for sample in found.samples] == ["0.png", "part/1.png"]
    assert found.skipped == (("again", "a link to a folder that is in the dataset already"),)


def test_every_file_that_is_not_used_has_its_reason(tmp_path: Path) -> None:
    """Formats that are not read, wrong names, hidden images, and links that were copied as text."""
    write(tmp_path / "0.png")
    write(tmp_path / ".1.png", 1)
    (tmp_path / "2.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "3.image").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "part").write_text("../" + tmp_path.name)
    (tmp_path / "note.json").write_text('{"made by": "' + "somebody " * 40 + '"}')
    found = load_dataset("d", DatasetEntry("folder", path=tmp_path), tmp_path)
    assert dict(found.skipped) == {
        ".1.png": "hidden",
        "2.heic": "HEIC is not read; convert it to JPEG or PNG",
        "3.image": "no image by its name, but a PNG by its content; rename it",
        "note.json": "no image by its name",
        "part": "a link to a folder that was copied as text; make it a link again",
    }
    (tmp_path / "0.png").unlink()
    with pytest.raises(
        DatasetError, match=r"holds no image: .*, but other files: 1 × hidden, 1 × HEIC"
    ):
        load_dataset("d", DatasetEntry("folder", path=tmp_path), tmp_path)


def test_images_that_annotations_leave_out_are_counted(tmp_path: Path) -> None:
    """An image that no json lists is not judged, and that is said."""
    write(tmp_path / "0.png")
    write(tmp_path / "1.png", 1)
    assert coco(tmp_path, row()).skipped == (("1.png", "not listed in truth.json"),)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_pixels_in_floating_point_are_called_that(
    tmp_path: Path, channels: tuple[int, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """A valid float TIFF is not damaged: its range is unknown, which OpenCV need not say as well."""
    values = np.random.default_rng(0).random((HEIGHT, WIDTH, *channels)).astype(np.float32)
    ok, data = cv2.imencode(".tiff", values, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    assert ok
    (tmp_path / "a.tiff").write_bytes(data.tobytes())
    with pytest.raises(DatasetError, match="its pixels are float32, whose range nothing tells"):
        load_dataset("d", DatasetEntry("folder", path=tmp_path), tmp_path)
    assert "OpenCV" not in capfd.readouterr().err


@pytest.mark.parametrize(("most", "refused"), [(4095, True), (16383, False), (65535, False)])
def test_bits_that_are_not_filled_are_told(tmp_path: Path, most: int, *, refused: bool) -> None:
    """12 bits in 16 are refused, 14 noted, 16 read: one bright image clears all of them."""
    for k in range(2):
        values = np.random.default_rng(k).integers(0, most + 1, (HEIGHT, WIDTH), np.uint16)
        values[0, 0] = most if k else 0
        cv2.imwrite(str(tmp_path / f"{k}.png"), values)
    entry = DatasetEntry("folder", path=tmp_path)
    if refused:
        with pytest.raises(DatasetError, match="they hold 12 bits and would be read nearly black"):
            load_dataset("d", entry, tmp_path)
    else:
        assert bool(load_dataset("d", entry, tmp_path).notes) == (most < 65535)


def test_files_of_few_bits_among_full_ones_are_told(tmp_path: Path) -> None:
    """A sensor's 12 bits, some of them scaled: the others would be read nearly black."""
    for k in range(8):
        values = np.random.default_rng(k).integers(0, 65536 if k % 2 else 4096, (HEIGHT, WIDTH))
        cv2.imwrite(str(tmp_path / f"{k}.png"), values.astype(np.uint16))
    (note,) = load_dataset("d", DatasetEntry("folder", path=tmp_path), tmp_path).notes
    assert (
        "no pixel of 4 of 8 images of 16 bits (0.png, …) is above 4095, and others are full" in note
    )


def voc(root: Path, difficult: str = "0", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Dataset:
    """Load an image with a VOC xml."""
    write(root / "JPEGImages" / "a.png")
    (root / "Annotations").mkdir(exist_ok=True)
    (root / "Annotations" / "a.xml").write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size><object>"
        f"<name>dog</name><difficult>{difficult}</difficult><bndbox><xmin>1</xmin><ymin>3</ymin>"
        "<xmax>11</xmax><ymax>8</ymax></bndbox></object></annotation>"
    )
    return load_dataset("v", DatasetEntry("voc", path=root), root)


@pytest.mark.parametrize(("said", "crowd"), [("True", True), ("0", False), (" 1 ", True)])
def test_difficult_is_read_in_every_spelling(tmp_path: Path, said: str, *, crowd: bool) -> None:
    """``True`` is a difficult object, as 1 is; what is neither is refused."""
    assert objects(voc(tmp_path, said))[0].crowd.tolist() == [crowd]
    with pytest.raises(DatasetError, match="difficult is 'so so' for dog, expected 0 or 1"):
        voc(tmp_path, "so so")


def test_the_size_of_an_xml_is_that_of_its_image(tmp_path: Path) -> None:
    """VOC's size is compared, and may be left at 0 as some tools do."""
    assert len(voc(tmp_path, size=(0, 0))) == 1
    with pytest.raises(DatasetError, match="annotated as 120x80 pixels, the file has 60x40"):
        voc(tmp_path, size=(2 * WIDTH, 2 * HEIGHT))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda image: image, "8 of 8 targets are their own inputs"),
        (lambda image: image // 16, "the targets are all but black (no more than"),
        (lambda image: 255 - (255 - image) // 2, ""),
    ],
)
def test_targets_that_ask_for_nothing_are_told(tmp_path: Path, made: Any, said: str) -> None:
    """The input itself, or next to nothing, is no picture that a model should make."""
    for k in range(8):
        write(tmp_path / "images" / f"{k}.png", k)
        (tmp_path / "targets").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "targets" / f"{k}.png"), made(pixels(k)[..., ::-1]))
    entry = DatasetEntry("pairs", path=tmp_path / "images", annotations=tmp_path / "targets")
    notes = load_dataset("d", entry, tmp_path).notes
    assert said in "".join(notes)
    assert bool(notes) is bool(said)


def test_targets_that_would_be_read_nearly_black_are_refused(tmp_path: Path) -> None:
    """Depth in twelve bits of sixteen leaves sixteen greys, by which every model is right."""
    (tmp_path / "depth").mkdir()
    for k in range(3):
        write(tmp_path / "images" / f"{k}.png", k)
        depth = np.random.default_rng(k).integers(0, 4096, (HEIGHT, WIDTH)).astype(np.uint16)
        Image.fromarray(depth).save(tmp_path / "depth" / f"{k}.png")
    entry = DatasetEntry("pairs", path=tmp_path / "images", annotations=tmp_path / "depth")
    with pytest.raises(DatasetError, match=r"d\.annotations: .* they hold 12 bits"):
        load_dataset("d", entry, tmp_path)


def test_masks_of_one_bit_are_read(tmp_path: Path) -> None:
    """Black and white in one bit are the classes 0 and 1."""
    (tmp_path / "maps").mkdir()
    write(tmp_path / "images" / "a.png")
    drawn = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % 3 == 0
    Image.fromarray(drawn).save(tmp_path / "maps" / "a.png")
    entry = DatasetEntry(
        "masks", path=tmp_path / "images", annotations=tmp_path / "maps", labels=("no", "yes")
    )
    truth = load_dataset("d", entry, tmp_path).samples[0].truth
    assert isinstance(truth, LabelMap)
    assert truth.labels.tolist() == drawn.astype(int).tolist()


def test_a_palette_knows_no_binary_mask(tmp_path: Path) -> None:
    """``class_ids = "binary"`` reads grey masks, soft edges included, as two classes."""
    write(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    grey = np.zeros((HEIGHT, WIDTH), np.uint8)
    grey[:20], grey[20] = 255, 127
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    (tmp_path / "masks" / "a.png").write_bytes(buffer.getvalue())
    entry = DatasetEntry(
        "masks",
        path=tmp_path / "images",
        annotations=tmp_path / "masks",
        labels=("ground", "cell"),
        class_ids="binary",
    )
    truth: Any = load_dataset("d", entry, tmp_path).samples[0].truth
    assert np.bincount(truth.labels.ravel()).tolist() == [20 * WIDTH, 20 * WIDTH]
