"""Truths in files beside the images: class maps, and pairs of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from quantgate.core.predictions import IGNORED, LabelMap, Rendering
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset

MAP = np.array([[0, 1, 1], [2, 2, IGNORED]], np.uint8)


def save(path: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], mode: str) -> None:
    """Write a picture, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if mode == "P":
        image = image.convert("L")
        image.putpalette([value % 256 for value in range(0, 768 * 7, 7)])
    image.save(path)


def photograph(path: Path, seed: int = 0, size: tuple[int, int] = (3, 2)) -> None:
    """Write an image of noise."""
    rng = np.random.default_rng(seed)
    save(path, rng.integers(0, 256, (size[1], size[0], 3), np.uint8), "RGB")


def masks(folder: Path, labels: tuple[str, ...] | None = ("sky", "road", "car")) -> Dataset:
    """Load class maps beside images."""
    entry = DatasetEntry(
        kind="masks", path=folder / "images", annotations=folder / "maps", labels=labels
    )
    return load_dataset("street", entry, folder)


@pytest.mark.parametrize("mode", ["P", "L"])
def test_class_maps_are_palette_indices_or_grey(tmp_path: Path, mode: str) -> None:
    """The classes are the pixels' own numbers, whatever colours a palette gives them."""
    photograph(tmp_path / "images" / "a.png")
    save(tmp_path / "maps" / "a.png", MAP, mode)
    dataset = masks(tmp_path)
    (sample,) = dataset.samples
    assert isinstance(sample.truth, LabelMap)
    np.testing.assert_array_equal(sample.truth.labels, MAP)
    assert (sample.name, sample.group, dataset.annotated) == ("a.png", 0, True)


def test_cityscapes_names_belong_together(tmp_path: Path) -> None:
    """Folders and the name before the known ending decide; images without a map are listed."""
    for name in ("bern/bern_1", "bern/bern_2"):
        photograph(tmp_path / "images" / f"{name}_leftImg8bit.png")
    save(tmp_path / "maps" / "bern" / "bern_2_gtFine_labelTrainIds.png", MAP, "L")
    dataset = masks(tmp_path)
    assert [sample.name for sample in dataset.samples] == ["bern/bern_2_leftImg8bit.png"]
    assert dataset.skipped == (("bern/bern_1_leftImg8bit.png", "no class map"),)


def cityscapes(folder: Path, **keys: Any) -> Dataset:
    """Load one scene with all the files that Cityscapes ships for it."""
    photograph(folder / "images" / "bern_1_leftImg8bit.png")
    ids = np.array([[7, 26, 33], [0, 4, 24]], np.uint8)
    save(folder / "maps" / "bern_1_gtFine_labelIds.png", ids, "L")
    save(folder / "maps" / "bern_1_gtFine_labelTrainIds.png", MAP, "L")
    photograph(folder / "maps" / "bern_1_gtFine_color.png")
    labels = tuple(f"class {number}" for number in range(19))
    entry = DatasetEntry(
        kind="masks", path=folder / "images", annotations=folder / "maps", labels=labels, **keys
    )
    return load_dataset("street", entry, folder)


def test_an_ending_chooses_among_the_maps_of_an_image(tmp_path: Path) -> None:
    """Where several files stand for one image, the sentence says which key chooses."""
    with pytest.raises(DatasetError, match=r"choose one kind by datasets\.street\.ending, such as"):
        cityscapes(tmp_path)
    (sample,) = cityscapes(tmp_path, ending="_gtFine_labelTrainIds").samples
    assert isinstance(sample.truth, LabelMap)
    np.testing.assert_array_equal(sample.truth.labels, MAP)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("cityscapes", [[0, 13, 18], [IGNORED, IGNORED, 11]]),
        ((3, -1, 2, 2, 5, 6, 7, 8), [[8, IGNORED, IGNORED], [3, 5, IGNORED]]),
    ],
)
def test_ids_in_maps_stand_for_labels(tmp_path: Path, table: Any, expected: list[Any]) -> None:
    """Each id becomes its label; -1 and ids behind the list are ignored, and count in the digest."""
    plain = cityscapes(tmp_path, ending="_gtFine_labelTrainIds")
    dataset = cityscapes(tmp_path, ending="_gtFine_labelIds", class_ids=table)
    (sample,) = dataset.samples
    assert isinstance(sample.truth, LabelMap)
    assert sample.truth.labels.tolist() == expected
    other = cityscapes(tmp_path, ending="_gtFine_labelIds", class_ids=(1,) * 34)
    assert len({plain.digest, dataset.digest, other.digest}) == 3


def test_a_changed_map_is_another_dataset(tmp_path: Path) -> None:
    """The digest covers the class maps."""
    photograph(tmp_path / "images" / "a.png")
    save(tmp_path / "maps" / "a.png", MAP, "L")
    before = masks(tmp_path).digest
    save(tmp_path / "maps" / "a.png", MAP * 0, "L")
    assert masks(tmp_path).digest != before


def test_maps_that_cannot_be_right_are_refused(tmp_path: Path) -> None:
    """Colours, classes outside the labels, lonely or doubled maps: one sentence each."""
    photograph(tmp_path / "images" / "a.png")
    save(tmp_path / "maps" / "a.png", np.zeros((2, 3, 3), np.uint8), "RGB")
    with pytest.raises(DatasetError, match="pixels of mode RGB, expected class ids"):
        masks(tmp_path)
    save(tmp_path / "maps" / "a.png", MAP, "L")
    with pytest.raises(DatasetError, match="class id 1, the 1 labels end at 0"):
        masks(tmp_path, ("sky",))
    with pytest.raises(DatasetError, match="class maps do not name classes"):
        masks(tmp_path, None)
    save(tmp_path / "maps" / "b.png", MAP, "L")
    with pytest.raises(DatasetError, match=r"b\.png has no image of its name"):
        masks(tmp_path)
    save(tmp_path / "maps" / "a_mask.png", MAP, "L")
    with pytest.raises(DatasetError, match="stand for the same image"):
        masks(tmp_path)


def test_a_damaged_map_is_named(tmp_path: Path) -> None:
    """A cut-off file is an error before anything runs."""
    photograph(tmp_path / "images" / "a.png")
    save(tmp_path / "maps" / "a.png", MAP, "L")
    whole = (tmp_path / "maps" / "a.png").read_bytes()
    (tmp_path / "maps" / "a.png").write_bytes(whole[:-15])
    with pytest.raises(DatasetError, match=r"a\.png: truncated PNG"):
        masks(tmp_path)


def test_class_maps_in_jpeg_are_refused(tmp_path: Path) -> None:
    """JPEG keeps no numbers; of a binary mask it blurs the edge, and black and white are left."""
    photograph(tmp_path / "images" / "a.png")
    (tmp_path / "maps").mkdir()
    Image.fromarray(np.full((2, 3), 255, np.uint8)).save(tmp_path / "maps" / "a.jpg")
    with pytest.raises(DatasetError, match=r"1 of 1 class maps are JPEG \(a\.jpg, …\)"):
        masks(tmp_path)
    where = (tmp_path / "images", tmp_path / "maps")
    entry = DatasetEntry("masks", *where, labels=("ground", "cell"), class_ids="binary")
    assert len(load_dataset("cells", entry, tmp_path)) == 1


def test_pairs_of_pictures(tmp_path: Path) -> None:
    """A low-resolution image belongs to the target of its name, ending left aside."""
    photograph(tmp_path / "low" / "0001x2.png", 1)
    photograph(tmp_path / "high" / "0001.png", 2, (6, 4))
    entry = DatasetEntry(kind="pairs", path=tmp_path / "low", annotations=tmp_path / "high")
    (sample,) = load_dataset("sr", entry, tmp_path).samples
    assert isinstance(sample.truth, Rendering)
    expected = np.asarray(Image.open(tmp_path / "high" / "0001.png"))[..., ::-1]
    np.testing.assert_array_equal(sample.truth.pixels, expected.astype(np.float32))
    assert (sample.name, str(sample.truth.pixels.dtype)) == ("0001x2.png", "float32")


def test_targets_may_be_the_inputs_themselves(tmp_path: Path) -> None:
    """What should come out unchanged is annotated by the folder of the inputs."""
    photograph(tmp_path / "images" / "a.png")
    entry = DatasetEntry("pairs", path=tmp_path / "images", annotations=tmp_path / "images")
    (sample,) = load_dataset("d", entry, tmp_path).samples
    assert isinstance(sample.truth, Rendering)
    assert sample.name == "a.png"
