"""Maps of numbers beside images: PNG, npy, EXR, flow, lists of pairs, the images' own colours."""

from __future__ import annotations

import os
import pickle
import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import DenseMap
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset

WIDTH, HEIGHT = 20, 16


def image(path: Path, seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Write a picture of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return path


def millimetres(seed: int = 0) -> NDArray[np.uint16]:
    """Depth in mm, with a corner in which nothing was measured."""
    found = np.random.default_rng(seed).integers(500, 9000, (HEIGHT, WIDTH)).astype(np.uint16)
    found[:4, :4] = 0
    return found


def put(path: Path, pixels: NDArray[Any]) -> Path:
    """Write a map as PNG or EXR."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


def values(dataset: Dataset, index: int = 0) -> NDArray[np.float32]:
    """The annotated map of an image."""
    truth = dataset.samples[index].truth
    assert isinstance(truth, DenseMap)
    return truth.values


def load(folder: Path, **keys: Any) -> Dataset:
    """Load images beside maps, or what else the keys say."""
    entry = DatasetEntry(
        "values", path=folder / "images", **({"annotations": folder / "maps"} | keys)
    )
    return load_dataset("d", entry, folder)


def test_depth_in_16_bits(tmp_path: Path) -> None:
    """Scaled; 0 is not measured; a name may end in _depth; unit and digest follow the keys."""
    image(tmp_path / "images" / "a.png")
    put(tmp_path / "maps" / "a_depth.png", millimetres())
    found = load(tmp_path, value_scale=0.001, unit="m")
    expected = millimetres().astype(np.float32) / 1000
    expected[:4, :4] = np.nan

    np.testing.assert_allclose(values(found)[..., 0], expected, rtol=1e-6)
    truth = found.samples[0].truth
    assert isinstance(truth, DenseMap)
    assert truth.unit == "m"
    assert found.annotated
    assert load(tmp_path, value_scale=0.01).digest != found.digest
    again = pickle.loads(pickle.dumps(truth))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.values, truth.values)


def test_what_counts_is_a_key(tmp_path: Path) -> None:
    """Marks as they are stored, a range of what is scaled, and none at all."""
    image(tmp_path / "images" / "a.png")
    stored = millimetres()
    stored[-1] = 65535
    put(tmp_path / "maps" / "a.png", stored)

    marked = load(tmp_path, value_scale=0.001, invalid=(0, 65535))
    ranged = load(tmp_path, value_scale=0.001, invalid=(), valid_range=(1.0, 5.0))
    every = load(tmp_path, invalid=())
    kept = values(ranged)[np.isfinite(values(ranged))]

    assert int(np.isnan(values(marked)).sum()) == 16 + WIDTH
    assert (kept.min() >= 1.0, kept.max() <= 5.0) == (True, True)
    assert np.isfinite(values(every)).all()


@pytest.mark.parametrize("form", [(HEIGHT, WIDTH), (1, HEIGHT, WIDTH), (HEIGHT, WIDTH, 1)])
def test_npy_of_floats(tmp_path: Path, form: tuple[int, ...]) -> None:
    """In metres as it is, NaN and infinity not known, whatever the form."""
    image(tmp_path / "images" / "a.png")
    depth = millimetres().astype(np.float64) / 1000
    depth[0, 5], depth[0, 6] = np.nan, np.inf
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps" / "a.npy", depth.reshape(form))
    found = values(load(tmp_path))

    assert found.shape == (HEIGHT, WIDTH, 1)
    assert np.isnan(found[0, 5:7]).all()
    np.testing.assert_allclose(found[5:, :, 0], depth[5:], rtol=1e-6)


def test_exr_is_read_where_opencv_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floats as they are; a build without the reader is told in one sentence."""
    image(tmp_path / "images" / "a.png")
    monkeypatch.setenv("OPENCV_IO_ENABLE_OPENEXR", "1")
    depth = millimetres().astype(np.float32) / 1000
    (tmp_path / "maps").mkdir()
    place = tmp_path / "maps" / "a.exr"
    if "OpenEXR:                     build" in cv2.getBuildInformation():
        put(place, depth)
        known = depth > 0
        np.testing.assert_array_equal(values(load(tmp_path))[known][:, 0], depth[known])
    place.write_bytes(b"\x76\x2f\x31\x01 no more")
    with pytest.raises(DatasetError, match=r"a\.exr.*; write the map as \.npy"):
        load(tmp_path)
    assert os.environ["OPENCV_IO_ENABLE_OPENEXR"] == "1"


def test_optical_flow_of_middlebury_and_kitti(tmp_path: Path) -> None:
    """The same displacements from .flo and from 16-bit PNG, what is unknown left out."""
    flow = np.random.default_rng(0).integers(-640, 640, (HEIGHT, WIDTH, 2)).astype(np.float32) / 64
    image(tmp_path / "images" / "a.png")
    image(tmp_path / "images" / "b.png", 1)
    unknown = flow.copy()
    unknown[2, 3] = 1e10
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a.flo").write_bytes(
        struct.pack("<fii", 202021.25, WIDTH, HEIGHT) + unknown.astype("<f4").tobytes()
    )
    stored = np.zeros((HEIGHT, WIDTH, 3), np.uint16)
    stored[..., 2], stored[..., 1] = (flow[..., k] * 64 + 2**15 for k in (0, 1))
    stored[..., 0] = 1
    stored[2, 3] = 0
    put(tmp_path / "maps" / "b.png", stored)
    found = load(tmp_path)

    np.testing.assert_array_equal(values(found, 0), values(found, 1))
    assert np.isnan(values(found)[2, 3]).all()
    np.testing.assert_array_equal(values(found)[3:], flow[3:])


def test_a_list_of_pairs(tmp_path: Path) -> None:
    """A csv beside the images, with or without heading, with a scale a row; other images are told."""
    images = tmp_path / "images"
    for k, name in enumerate("abc"):
        image(images / f"{name}.png", k)
        put(images / f"{name}_mm.png", millimetres(k))
    rows = "file,depth,scale\na.png,a_mm.png,0.001\nb.png,b_mm.png,0.0002\n"
    (images / "pairs.csv").write_text(rows)
    found = load(tmp_path, annotations=images / "pairs.csv")

    assert [sample.name for sample in found.samples] == ["a.png", "b.png"]
    assert np.nanmax(values(found, 1)) == pytest.approx(millimetres(1).max() * 0.0002, rel=1e-6)
    assert ("c.png", "not listed in pairs.csv") in found.skipped
    (images / "pairs.txt").write_text("a.png\ta_mm.png\n")
    bare = load(tmp_path, annotations=images / "pairs.txt", value_scale=0.001)
    np.testing.assert_array_equal(values(bare), values(found))


def test_maps_and_images_in_one_folder(tmp_path: Path) -> None:
    """An ending tells which are maps."""
    image(tmp_path / "images" / "a.png")
    put(tmp_path / "images" / "a-depth.png", millimetres())
    found = load(tmp_path, annotations=tmp_path / "images", ending="-depth")
    assert [sample.name for sample in found.samples] == ["a.png"]
    assert found.skipped == ()


def test_the_colours_of_the_images_themselves(tmp_path: Path) -> None:
    """A and b of CIE Lab, as OpenCV computes them: what colourization should give."""
    place = image(tmp_path / "images" / "a.png")
    entry = DatasetEntry("values", path=tmp_path / "images", truth="own-ab")
    found = load_dataset("d", entry, tmp_path)
    pixels = np.asarray(cv2.imread(str(place)), np.float32) / 255

    np.testing.assert_array_equal(values(found), cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)[..., 1:])
    assert found.annotated


def test_half_the_size_is_read_and_another_ratio_is_not(tmp_path: Path) -> None:
    """A map may be smaller than its image, not of another form."""
    image(tmp_path / "images" / "a.png", size=(2 * WIDTH, 2 * HEIGHT))
    put(tmp_path / "maps" / "a.png", millimetres())
    assert len(load(tmp_path)) == 1
    put(tmp_path / "maps" / "a.png", millimetres().T)
    with pytest.raises(DatasetError, match=r"annotated as 16x20 pixels, the file has 40x32"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda p: put(p / "b.png", millimetres()), "b.png has no image of its name"),
        (lambda p: put(p / "a.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8)), "holds colours"),
        (lambda p: np.save(p / "a.npy", np.zeros((4, 4, 3, 2))), "holds an array of"),
        (lambda p: (p / "a.npy").write_bytes(b"no array"), r"a\.npy cannot be read as a map"),
        (lambda p: (p / "a.flo").write_bytes(b"PIEH" + b"\0" * 9), "no flow as Middlebury"),
    ],
)
def test_what_is_no_map_is_refused_by_name(tmp_path: Path, write: Any, said: str) -> None:
    """Colours, other arrays, damaged files, maps without an image."""
    image(tmp_path / "images" / "a.png")
    (tmp_path / "maps").mkdir()
    write(tmp_path / "maps")
    with pytest.raises(DatasetError, match=said):
        values(load(tmp_path))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a.png,none.png\n", r"image a\.png: there is no map .*none\.png"),
        (
            "file,depth\na.png\n",
            r"line 2 of .*pairs\.csv is 'a\.png'; expected an image and its map",
        ),
        ("file,depth,scale\na.png,a.png,x\n", "line 2 of .* has no scale"),
        ("", "is empty"),
    ],
)
def test_bad_lists_are_refused_by_line(tmp_path: Path, rows: str, said: str) -> None:
    """The message says the line, and what is expected."""
    image(tmp_path / "images" / "a.png")
    (tmp_path / "pairs.csv").write_text(rows)
    with pytest.raises(DatasetError, match=said):
        load(tmp_path, annotations=tmp_path / "pairs.csv")


def test_built_in_distances(tmp_path: Path) -> None:
    """Digits are nearer than the ground, tall ones nearer than small ones; drawn only when asked for."""
    entry = DatasetEntry("digits", subject="depth", size=(128, 128), count=6)
    found = load_dataset("d", entry, tmp_path)
    one = values(found)

    assert one.shape == (128, 128, 1)
    assert one.min() < 4.6
    assert 5.0 <= one[-1].max() < one[0].max() <= 8.0
    assert load_dataset("d", entry, tmp_path).digest == found.digest
