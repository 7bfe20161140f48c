from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from faster_coco_eval.core import mask as rle

from quantgate.core.predictions import ClassLabel, LabelMap, Objects, Rendering
from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.images import read_image
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from quantgate.datasets.sample import Dataset


def image(path: Path, value: int = 0) -> None:
    """Write a small image in the format of the suffix, unicode paths included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix, np.full((20, 30, 3), value, np.uint8))
    assert ok
    path.write_bytes(data.tobytes())


def labels_of(dataset: Dataset) -> list[int]:
    """Class ids of a classification dataset, in order."""
    truths = [sample.truth for sample in dataset.samples]
    return [truth.label for truth in truths if isinstance(truth, ClassLabel)]


VOC_OBJECT = (
    "<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>1</xmin>"
    "<ymin>3</ymin><xmax>{xmax}</xmax><ymax>8</ymax></bndbox></object>"
)


def write_voc(root: Path, *, name: str = "dog", difficult: int = 0, xmax: str = "11") -> None:
    """Write a VOC folder of one image with one object."""
    image(root / "JPEGImages" / "a.jpg")
    (root / "Annotations").mkdir(exist_ok=True)
    text = VOC_OBJECT.format(name=name, difficult=difficult, xmax=xmax)
    (root / "Annotations" / "a.xml").write_text(f"<annotation>{text}</annotation>")


def voc(root: Path, **changes: object) -> Dataset:
    """Load the VOC folder."""
    return load_dataset("v", DatasetEntry("voc", path=Path(), **changes), root)  # type: ignore[arg-type]


def test_voc_pixels_count_from_one_and_include_the_last(tmp_path: Path) -> None:
    """A VOC box 1, 3, 11, 8 covers ten pixels from the left edge."""
    write_voc(tmp_path)
    truth = voc(tmp_path).samples[0].truth
    assert isinstance(truth, Objects)
    assert truth.boxes.tolist() == [[0.0, 2.0, 11.0, 8.0]]
    assert voc(tmp_path).samples[0].name == "JPEGImages/a.jpg"


@pytest.mark.parametrize(("counted", "crowd"), [(False, True), (True, False)])
def test_voc_difficult_objects_neither_count_nor_harm(
    tmp_path: Path, *, counted: bool, crowd: bool
) -> None:
    """Objects marked difficult are crowd regions unless the entry counts them."""
    write_voc(tmp_path, difficult=1)
    truth = voc(tmp_path, difficult=counted).samples[0].truth
    assert isinstance(truth, Objects)
    assert truth.crowd.tolist() == [crowd]


def test_voc_image_sets_choose_images(tmp_path: Path) -> None:
    """Only the images of ImageSets/Main/<split>.txt are read; a missing one is an error."""
    write_voc(tmp_path)
    image(tmp_path / "JPEGImages" / "b.jpg")
    (tmp_path / "Annotations" / "b.xml").write_text("<annotation/>")
    sets = tmp_path / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "val.txt").write_text("b  1\n")
    assert [s.name for s in voc(tmp_path, split="val").samples] == ["JPEGImages/b.jpg"]
    with pytest.raises(DatasetError, match=r"train\.txt"):
        voc(tmp_path, split="train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "unicorn"}, "'unicorn'"),
        ({"xmax": "x"}, "not a VOC annotation"),
        ({"xmax": "-4"}, "ends before it starts"),
        ({"name": ""}, "lacks its name"),
    ],
)
def test_voc_annotations_that_are_wrong_are_named(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    """An unknown class or a damaged box is an error naming the file."""
    write_voc(tmp_path, **changes)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=message) as caught:
        voc(tmp_path, labels=("cat", "dog"))
    assert "a.xml" in str(caught.value)


def test_voc_damaged_xml_is_named(tmp_path: Path) -> None:
    """An xml that does not parse is an error naming the file."""
    write_voc(tmp_path)
    (tmp_path / "Annotations" / "a.xml").write_text("<annotation>")
    with pytest.raises(DatasetError, match=r"a\.xml is not a VOC annotation"):
        voc(tmp_path)


def imagenet(root: Path, **changes: object) -> Dataset:
    """Load the folder as classification data."""
    return load_dataset("i", DatasetEntry("imagenet", path=Path(), **changes), root)  # type: ignore[arg-type]


def test_a_list_file_names_files_classes_and_titles(tmp_path: Path) -> None:
    """Lines are "file index [name]"; file names may hold spaces and numbers."""
    for name in ("a.jpg", "my 2 dogs.jpg", "sub/ü.png"):
        image(tmp_path / name)
    text = "a.jpg 2 great white shark\nmy 2 dogs.jpg 0 dog\n\nsub/ü.png 2\n"
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    dataset = imagenet(tmp_path, annotations=Path("list.txt"))
    assert [s.name for s in dataset.samples] == ["a.jpg", "my 2 dogs.jpg", "sub/ü.png"]
    assert labels_of(dataset) == [2, 0, 2]
    assert dataset.labels == ("dog", "class 1", "great white shark")
    assert read_image(dataset.samples[2]).shape == (20, 30, 3)


def test_names_gathered_from_a_list_stay_open(tmp_path: Path) -> None:
    """A list may leave classes out; labels that were declared, and folders, are all there are."""
    image(tmp_path / "a" / "a.jpg")
    (tmp_path / "list.txt").write_text("a/a.jpg 1 bee\n")
    listed = imagenet(tmp_path, annotations=Path("list.txt"))
    declared = imagenet(tmp_path, annotations=Path("list.txt"), labels=("ant", "bee"))
    assert [listed.labels_open, declared.labels_open] == [True, False]
    assert not imagenet(tmp_path).labels_open
    assert listed.digest == declared.digest


@pytest.mark.parametrize(
    ("line", "message"),
    [("a.jpg", "line 1 of"), ("a.jpg cat", "line 1 of"), ("a.jpg 2", "class id 2, the 2 labels")],
)
def test_a_wrong_line_is_named_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    """A line without class id, or with one outside the labels, is an error."""
    image(tmp_path / "a.jpg")
    (tmp_path / "list.txt").write_text(line)
    with pytest.raises(DatasetError, match=message):
        imagenet(tmp_path, annotations=Path("list.txt"), labels=("x", "y"))


def test_a_number_that_is_no_class_id_is_refused(tmp_path: Path) -> None:
    """An image number in the column of class ids does not make a million labels."""
    image(tmp_path / "a.jpg")
    (tmp_path / "list.txt").write_text("a.jpg 20250101")
    with pytest.raises(DatasetError, match="class id 20250101"):
        imagenet(tmp_path, annotations=Path("list.txt"))


def test_a_folder_per_class_is_numbered_by_sorted_names(tmp_path: Path) -> None:
    """Without labels the sorted folders are the classes."""
    image(tmp_path / "dog" / "1.jpg")
    image(tmp_path / "cat" / "1.jpg", 9)
    dataset = imagenet(tmp_path)
    assert dataset.labels == ("cat", "dog")
    assert [(s.name, s.group) for s in dataset.samples] == [("cat/1.jpg", 0), ("dog/1.jpg", 1)]


def test_a_folder_outside_the_labels_is_an_error(tmp_path: Path) -> None:
    """A class folder that the labels do not name is refused."""
    image(tmp_path / "dog" / "1.jpg")
    image(tmp_path / "emu" / "1.jpg")
    with pytest.raises(DatasetError, match="folder emu is not among the 2 labels"):
        imagenet(tmp_path, labels=("dog", "cat"))


def test_a_labels_file_gives_one_name_a_line(tmp_path: Path) -> None:
    """Labels may stand in a text file; an empty one is an error."""
    image(tmp_path / "dog" / "1.jpg")
    (tmp_path / "labels.txt").write_text("cat\ndog\n\n")
    dataset = imagenet(tmp_path, labels=Path("labels.txt"))
    assert dataset.labels == ("cat", "dog")
    assert labels_of(dataset) == [1]
    (tmp_path / "labels.txt").write_text("\n")
    with pytest.raises(DatasetError, match="is empty"):
        imagenet(tmp_path, labels=Path("labels.txt"))


@pytest.mark.parametrize("names", ["[a, b]", "{0: a, 1: b}"])
def test_names_of_data_yaml_are_labels(tmp_path: Path, names: str) -> None:
    """YOLO's data.yaml names its classes by a list or by a table of their ids."""
    image(tmp_path / "0.jpg")
    (tmp_path / "data.yaml").write_text(f"nc: 2\nnames: {names}", "utf-8")
    entry = DatasetEntry(kind="folder", path=tmp_path, labels=tmp_path / "data.yaml")
    assert load_dataset("plain", entry, tmp_path).labels == ("a", "b")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("data.yaml", "nc: 2", r"data\.yaml has no names"),
        ("data.yaml", "names: {1: a}", r"data\.yaml has no names"),
        ("data.yaml", "names: [", r"data\.yaml is not valid YAML"),
        ("data.json", "[]", r"data\.json holds more than names"),
    ],
)
def test_labels_that_are_more_than_names_are_refused(
    tmp_path: Path, file: str, text: str, said: str
) -> None:
    """A file that does not name classes one by one is not taken for a list of names."""
    image(tmp_path / "0.jpg")
    (tmp_path / file).write_text(text, "utf-8")
    entry = DatasetEntry(kind="folder", path=tmp_path, labels=tmp_path / file)
    with pytest.raises(DatasetError, match=said):
        load_dataset("plain", entry, tmp_path)


def test_a_plain_folder_is_read_recursively_without_truth(tmp_path: Path) -> None:
    """Images of every format below the folder are samples; other files are listed as skipped."""
    for name in ("b.png", "a a/ñ.JPG", "c.bmp", "d.webp", "e.tiff", ".hidden.jpg"):
        image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("hello")
    dataset = load_dataset("f", DatasetEntry("folder", path=Path()), tmp_path)
    names = ["a a/ñ.JPG", "b.png", "c.bmp", "d.webp", "e.tiff"]
    assert [s.name for s in dataset.samples] == names
    assert not dataset.annotated
    assert dataset.skipped == ((".hidden.jpg", "hidden"), ("notes.txt", "no image by its name"))


@pytest.mark.parametrize("kind", ["folder", "imagenet", "voc", "coco"])
def test_a_missing_or_empty_folder_is_one_sentence(tmp_path: Path, kind: str) -> None:
    """No kind of dataset is ever silently empty."""
    entry = DatasetEntry(kind, path=Path("nowhere"), annotations=Path("nowhere"))
    with pytest.raises(DatasetError, match="nowhere"):
        load_dataset("f", entry, tmp_path)
    with pytest.raises(DatasetError):
        load_dataset("f", DatasetEntry(kind, path=Path()), tmp_path)


def digits(**changes: object) -> DatasetEntry:
    """A small built-in dataset."""
    return DatasetEntry("digits", **{"count": 4, "size": (64, 48), **changes})  # type: ignore[arg-type]


def test_built_in_scenes_are_the_same_every_time(tmp_path: Path) -> None:
    """Truth, digest and pixels repeat, with and without what an earlier run kept."""
    first = load_dataset("d", digits(), tmp_path, cache=tmp_path)
    again = load_dataset("d", digits(), tmp_path, cache=tmp_path)
    fresh = load_dataset("d", digits(), tmp_path)
    assert first.digest == again.digest == fresh.digest
    assert read_image(first.samples[1]).shape == (48, 64, 3)
    assert np.array_equal(read_image(first.samples[1]), read_image(fresh.samples[1]))
    assert len(first.labels) == 10


def test_built_in_splits_subjects_and_seeds_share_no_scene(tmp_path: Path) -> None:
    """Another split, seed or subject is other content."""
    entries = [digits(), digits(split="calibrate"), digits(seed=1), digits(subject="single")]
    found = [load_dataset("d", entry, tmp_path) for entry in entries]
    digests = [sample.digest for dataset in found for sample in dataset.samples]
    assert len(set(digests)) == 16
    assert isinstance(found[3].samples[0].truth, ClassLabel)


def test_built_in_class_maps_name_every_pixel(tmp_path: Path) -> None:
    """Class 0 is background, and an object's pixels hold its class, where it is visible."""
    maps = load_dataset("d", digits(subject="class-maps"), tmp_path)
    scenes = load_dataset("d", digits(), tmp_path, truth="masks")
    assert maps.labels == ("background", *scenes.labels)
    for one, same in zip(maps.samples, scenes.samples, strict=True):
        assert isinstance(one.truth, LabelMap)
        assert isinstance(same.truth, Objects)
        assert same.truth.masks is not None
        expected = np.zeros((48, 64), np.uint8)
        for mask, label in zip(same.truth.masks, same.truth.labels, strict=True):
            expected[rle.decode(mask) == 1] = label + 1
        assert np.array_equal(one.truth.labels, expected)


def test_built_in_clean_pictures_lack_blur_and_noise(tmp_path: Path) -> None:
    """The truth of restoration has the image's size and is smoother than the noisy image."""
    dataset = load_dataset("d", digits(subject="clean", size=(96, 64)), tmp_path)
    assert dataset.labels == ()
    rough = []
    for sample in dataset.samples:
        assert isinstance(sample.truth, Rendering)
        clean, image = sample.truth.pixels, read_image(sample).astype(np.float32)
        assert clean.shape == image.shape == (64, 96, 3)
        rough.append([np.abs(np.diff(pixels, axis=1)).mean() for pixels in (clean, image)])
    assert np.mean(rough, axis=0)[0] < np.mean(rough, axis=0)[1]


def test_built_in_digits_have_four_ends(tmp_path: Path) -> None:
    """The ends lie in their digit's box, each nearest to its own side; the images are those of one digit each."""
    pointed = load_dataset("d", digits(subject="points", count=20), tmp_path, cache=tmp_path)
    single = load_dataset("d", digits(subject="single", count=20), tmp_path)
    assert pointed.labels == ("digit",)
    assert pointed.skeleton is not None
    assert pointed.skeleton.names == ("top", "right", "bottom", "left")
    assert [s.digest for s in pointed.samples] == [s.digest for s in single.samples]
    objects = [s.truth for s in pointed.samples if isinstance(s.truth, Objects) and len(s.truth)]
    assert len(objects) >= 15
    for one in objects:
        assert one.points is not None
        (box,), (ends,) = one.boxes, one.points
        assert ends.shape == (4, 3)
        assert (ends[:, 2] == 2).all()
        assert (ends[:, :2] > box[:2] - 4).all()
        assert (ends[:, :2] < box[2:] + 4).all()
    up = np.mean([one.points[0, 2, 1] - one.points[0, 0, 1] for one in objects])  # type: ignore[index]
    assert up > 10


@pytest.mark.parametrize("subject", ["class-maps", "clean"])
def test_built_in_scenes_are_the_same_images_whatever_is_annotated(
    tmp_path: Path, subject: str
) -> None:
    """An image that two subjects share has one digest, so that overlap is seen; datasets differ."""
    scenes = load_dataset("d", digits(), tmp_path)
    other = load_dataset("d", digits(subject=subject), tmp_path)
    assert [s.digest for s in scenes.samples] == [s.digest for s in other.samples]
    assert [s.group for s in scenes.samples] == [s.group for s in other.samples]
    assert scenes.digest != other.digest
    assert other.digest == load_dataset("d", digits(subject=subject), tmp_path).digest


@pytest.mark.parametrize("changes", [{"split": "nope"}, {"size": (8, 8)}])
def test_built_in_scenes_refuse_what_cannot_be_drawn(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    """An unknown split or a tiny size is an error of the dataset."""
    with pytest.raises(DatasetError, match=r"datasets\.d"):
        load_dataset("d", digits(**changes), tmp_path)


def test_built_in_masks_cover_their_areas(tmp_path: Path) -> None:
    """Masks of scenes are kept between runs and are as large as the objects' areas."""
    for _ in range(2):
        dataset = load_dataset("d", digits(), tmp_path, cache=tmp_path, truth="masks")
        for sample in dataset.samples:
            truth = sample.truth
            assert isinstance(truth, Objects)
            assert truth.masks is not None
            assert [int(rle.area(mask)) for mask in truth.masks] == truth.areas.tolist()


def test_what_was_kept_of_scenes_may_be_damaged(tmp_path: Path) -> None:
    """Where a bit of the file of truths flips, they are drawn again, the same as before."""
    first = load_dataset("d", digits(), tmp_path, cache=tmp_path, truth="masks")
    (file,) = tmp_path.rglob("*.npz")
    good = file.read_bytes()
    for at in (30, len(good) // 3, len(good) // 2, len(good) - 40):
        file.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        again = load_dataset("d", digits(), tmp_path, cache=tmp_path, truth="masks")
        assert again.digest == first.digest
        assert file.read_bytes() == good
