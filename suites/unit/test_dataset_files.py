from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.files import inspect_files
from quantgate.datasets.headers import fault, pixel_size
from quantgate.datasets.images import decode_image, read_image
from quantgate.datasets.sample import Dataset, Sample
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = ("jpeg", "png", "bmp", "webp", "tiff", "gif")


def picture() -> NDArray[np.uint8]:
    """A smooth picture, 50 by 37, whose corners differ."""
    y, x = np.mgrid[:37, :50]
    return np.stack([x * 5, y * 6, (x + y) * 2], axis=2).astype(np.uint8)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """The picture in a format, by Pillow."""
    buffer = io.BytesIO()
    (image or Image.fromarray(picture())).save(buffer, kind, **options)
    return buffer.getvalue()


def folder(root: Path) -> Dataset:
    """Load the folder of images."""
    return load_dataset("f", DatasetEntry("folder", path=Path()), root)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_whole_and_refused_truncated(kind: str) -> None:
    """A whole file has its size and no fault; half of it has one."""
    data = encoded(kind)
    assert fault(data) is None
    assert pixel_size(data) == (50, 37)
    assert decode_image(data, "x").shape == (37, 50, 3)
    if kind != "tiff":
        assert fault(data[: len(data) // 2]) == f"truncated {kind.upper()}"
    with pytest.raises(DatasetError, match="x can"):
        decode_image(data[: len(data) // 2], "x")


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0"}]
)
def test_every_flavour_of_webp_declares_its_size(options: dict[str, Any]) -> None:
    """Lossy, lossless and extended WebP are all understood."""
    assert pixel_size(encoded("webp", **options)) == (50, 37)


def test_a_thumbnail_does_not_hide_a_truncation() -> None:
    """The end marker of a thumbnail in the header is not the image's."""
    whole = encoded("jpeg")
    thumbnail = b"\xff\xe1" + (2 + len(whole)).to_bytes(2, "big") + whole
    data = whole[:2] + thumbnail + whole[2:]
    assert fault(data) is None
    assert fault(data[:-60]) == "truncated JPEG"


def test_bytes_after_the_end_of_a_jpeg_do_no_harm() -> None:
    """Cameras append data of their own."""
    assert fault(encoded("jpeg") + bytes(1000)) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty file"), (b"hello", "not an image"), (b"\xff\xd8\xff", "trunc")],
)
def test_what_is_no_image_is_said(data: bytes, reason: str) -> None:
    """Empty, foreign and cut-off files each have their reason."""
    found = fault(data)
    assert found is not None
    assert reason in found


def test_any_bytes_behind_a_signature_are_survived() -> None:
    """Random bytes after every signature give a reason or a size, never a traceback."""
    rng = np.random.default_rng(0)
    for kind in FORMATS:
        for length in (0, 3, 10, 25, 60):
            data = encoded(kind)[:12] + rng.bytes(length)
            fault(data)
            pixel_size(data)


def test_faulty_files_above_one_per_cent_are_an_error(tmp_path: Path) -> None:
    """Four faulty of twenty: how many, of how many, and each with its reason."""
    for i in range(16):
        (tmp_path / f"good{i}.png").write_bytes(encoded("png"))
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.jpg").write_bytes(b"text")
    (tmp_path / "c.png").write_bytes(encoded("png")[:-30])
    (tmp_path / "d.jpg").write_bytes(encoded("jpeg")[:-30])
    with pytest.raises(DatasetError) as caught:
        folder(tmp_path)
    assert "4 of 20 images cannot be used" in str(caught.value)
    assert "a.png (empty file), b.jpg (not an image" in str(caught.value)
    assert "c.png (truncated PNG), d.jpg (truncated JPEG); repair" in str(caught.value)


def test_of_many_faulty_files_some_are_named(tmp_path: Path) -> None:
    """Eight of ten are named, and the rest are counted."""
    for i in range(10):
        (tmp_path / f"{i}.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"7\.png \(empty file\), and 2 more; repair"):
        folder(tmp_path)


def test_links_to_nothing_and_pipes_are_no_images(tmp_path: Path) -> None:
    """Links that lead nowhere or round in circles and pipes are said to be so, and never waited for."""
    (tmp_path / "good.png").write_bytes(encoded("png"))
    (tmp_path / "a.png").symlink_to("gone.png")
    (tmp_path / "b.png").symlink_to("b.png")
    os.mkfifo(tmp_path / "c.png")
    (tmp_path / "d.png").mkdir()
    with pytest.raises(DatasetError) as caught:
        folder(tmp_path)
    assert "3 of 4 images cannot be used" in str(caught.value)
    assert "a.png (a link to gone.png, where no file is)" in str(caught.value)
    assert "b.png (a link to b.png, where no file is)" in str(caught.value)
    assert "c.png (not a file)" in str(caught.value)


def test_a_folder_that_is_not_the_images_own_is_named(tmp_path: Path) -> None:
    """Where no listed image is there, the path is wrong and not the images: it is said which."""
    (tmp_path / "list.txt").write_text("a.jpg 0\nb.jpg 1\n")
    entry = DatasetEntry(kind="imagenet", path=tmp_path, annotations=tmp_path / "list.txt")
    with pytest.raises(DatasetError, match="none of the 2 images that it lists is there") as caught:
        load_dataset("data", entry, tmp_path)
    assert f"a.jpg is not under {tmp_path}; set datasets.data.path" in str(caught.value)


def test_exactly_one_per_cent_is_skipped_with_its_reason(tmp_path: Path) -> None:
    """One faulty of a hundred is left out and listed."""
    for i in range(99):
        (tmp_path / f"{i}.png").write_bytes(encoded("png"))
    (tmp_path / "bad.jpg").write_bytes(encoded("jpeg")[:-30])
    dataset = folder(tmp_path)
    assert len(dataset) == 99
    assert dataset.skipped == (("bad.jpg", "truncated JPEG"),)


def test_facts_are_kept_until_a_file_changes(tmp_path: Path) -> None:
    """An unchanged file is not read again; a changed one is."""
    file = tmp_path / "a.png"
    file.write_bytes(encoded("png"))
    first = inspect_files([file], tmp_path / "cache")
    stamp = file.stat()
    file.write_bytes(bytes(stamp.st_size))
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert inspect_files([file], tmp_path / "cache") == first
    file.write_bytes(encoded("png") + b"\x00")
    changed = inspect_files([file], tmp_path / "cache")
    assert changed[0].digest != first[0].digest


def test_a_fact_whose_bits_flipped_is_found_again(tmp_path: Path) -> None:
    """Whatever bit of the cache flips, no other fact than the file's own is ever told."""
    file, cache = tmp_path / "a.png", tmp_path / "cache"
    file.write_bytes(encoded("png"))
    expected = inspect_files([file], cache)
    good = (cache / "files.sqlite").read_bytes()
    start = good.index(expected[0].digest[:8].encode()) - 40
    for at in range(start, min(start + 120, len(good))):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        (cache / "files.sqlite").write_bytes(bad)
        assert inspect_files([file], cache) == expected


@pytest.mark.parametrize("damage", ["garbage", "folder"])
def test_a_damaged_cache_costs_time_only(tmp_path: Path, damage: str) -> None:
    """Facts are found again where the cache is no database or cannot be written."""
    file = tmp_path / "a.png"
    file.write_bytes(encoded("png"))
    cache = tmp_path / "cache"
    if damage == "garbage":
        cache.mkdir()
        (cache / "files.sqlite").write_bytes(b"garbage" * 100)
    else:
        cache.write_text("not a folder")
    expected = inspect_files([file], None)
    assert inspect_files([file], cache) == expected


def test_orientation_is_applied_as_imread_does(tmp_path: Path) -> None:
    """A picture marked as lying is turned upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded("jpeg", exif=exif))
    found = read_image(Sample("a", file, ""))
    assert found.shape == (50, 37, 3)
    expected = cv2.imread(str(file))
    assert expected is not None
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_pixel_format_becomes_bgr(mode: str) -> None:
    """Grey, alpha, palette, CMYK and 16 bits all become uint8 BGR."""
    if mode == "I;16":
        image = Image.fromarray(np.full((37, 50), 0x8000, np.uint16))
    else:
        image = Image.fromarray(picture()).convert("L" if mode == "LA" else "RGB").convert(mode)
    found = decode_image(encoded("jpeg" if mode == "CMYK" else "png", image), "x")
    assert found.shape == (37, 50, 3)
    assert found.dtype == np.uint8
    if mode == "I;16":
        assert np.unique(found).tolist() == [128]


def test_an_image_above_a_hundred_megapixels_is_refused_unread() -> None:
    """The header alone decides: a small file may claim a huge image."""
    data = bytearray(encoded("png"))
    data[16:24] = (20_000).to_bytes(4, "big") * 2
    with pytest.raises(DatasetError, match="20000x20000 pixels"):
        decode_image(bytes(data), "x")


def test_damaged_pixels_are_named(tmp_path: Path) -> None:
    """A file whole by its frame but damaged inside is an error naming it."""
    data = bytearray(encoded("png"))
    data[60:-20] = bytes(len(data) - 80)
    file = tmp_path / "a.png"
    file.write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.png cannot be decoded"):
        read_image(Sample("a", file, ""))


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    """Reading later than loading may find the file gone."""
    with pytest.raises(DatasetError, match=r"gone\.png cannot be read: No such file"):
        read_image(Sample("a", tmp_path / "gone.png", ""))


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that refuse such names")
def test_a_name_that_is_no_utf8_is_spelt_out(tmp_path: Path) -> None:
    """A file named in another encoding is read, digested, remembered, and named in ASCII."""
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(encoded("png"))

    found = load_dataset(
        "f", DatasetEntry("folder", path=Path()), tmp_path, cache=tmp_path / "cache"
    )

    assert [sample.name for sample in found.samples] == [r"caf\xe9.png"]
    assert read_image(found.samples[0]).shape == (37, 50, 3)
