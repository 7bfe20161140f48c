"""Good files of every format that is read, each small, and how the harness reads them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from quantgate.core.predictions import LabelMap, Rendering
from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.images import read_image
from quantgate.entries import DatasetEntry

if TYPE_CHECKING:
    from collections.abc import Callable

SIDES = (30, 20)


@dataclass(frozen=True, slots=True)
class Border:
    """A place where foreign bytes come in.

    Parameters
    ----------
    write
        Makes good files in an empty folder, and names those that are damaged.
    read
        Reads them as a run does. What it returns is compared with what the good files gave where
        ``same``: then damage is an error or changes nothing.
    """

    write: Callable[[Path], list[Path]]
    read: Callable[[Path], Any]
    same: bool = False


def picture(kind: str, value: int = 90) -> bytes:
    """Encode a small picture."""
    pixels = np.full((SIDES[1], SIDES[0], 3), value, np.uint8)
    pixels[4:9, 5:20] = (10, 200, 30)
    if kind in {"gif", "tiff"}:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind)
        return stream.getvalue()
    ok, data = cv2.imencode(f".{kind}", pixels)
    assert ok
    return data.tobytes()


def images(folder: Path, *suffixes: str) -> list[Path]:
    """Write a picture for each suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"im{index}.{suffix}" for index, suffix in enumerate(suffixes)]
    for index, path in enumerate(paths):
        kind = {"jpg": "jpeg", "tif": "tiff"}.get(path.suffix[1:], path.suffix[1:])
        path.write_bytes(picture(kind, 40 + 30 * index))
    return paths


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _load(kind: str, *, truth: str | None = None, **fields: Any) -> Callable[[Path], Any]:
    """Load a dataset, and read what a run reads of it."""

    def read(folder: Path) -> Any:
        entry = DatasetEntry(kind, **fields)
        found = load_dataset("d", entry, folder, cache=folder / "cache", truth=truth)
        for sample in found.samples:
            read_image(sample)
            if isinstance(sample.truth, LabelMap):
                assert sample.truth.labels.ndim == 2
            elif isinstance(sample.truth, Rendering):
                assert sample.truth.pixels.ndim == 3
        return len(found)

    return read


def _outline(width: int) -> list[list[int]]:
    """A rectangle from 2, 2 that is 6 pixels high, as a polygon."""
    return [[2, 2, 2 + width, 2, 2 + width, 8, 2, 8]]


def _runs(width: int) -> list[int]:
    """The same rectangle as run lengths, column by column of 20 pixels."""
    return [42, *([6, 14] * (width - 1)), 6, 600 - 42 - 20 * (width - 1) - 6]


def _coco(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png")
    objects = [
        {
            "id": i,
            "image_id": i % 2 + 1,
            "category_id": 1 + i % 2,
            "bbox": [2, 2, 10 + i, 6],
            "area": 60 + 6 * i,
            "iscrowd": 0,
            "segmentation": _outline(10 + i) if i else {"size": [20, 30], "counts": _runs(10)},
        }
        for i in range(4)
    ]
    document = {
        "images": [
            {"id": i + 1, "file_name": f"im{i}.png", "width": SIDES[0], "height": SIDES[1]}
            for i in (0, 1)
        ],
        "annotations": objects,
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}],
    }
    return [_text(folder / "a.json", json.dumps(document))]


def _voc(folder: Path) -> list[Path]:
    images(folder / "JPEGImages", "png")
    boxes = (
        f"<xmin>{x}</xmin><ymin>3</ymin><xmax>{x + 9}</xmax><ymax>8</ymax>" for x in (1, 7, 15)
    )
    found = "".join(
        f"<object><name>dog</name><difficult>0</difficult><bndbox>{box}</bndbox></object>"
        for box in boxes
    )
    size = f"<size><width>{SIDES[0]}</width><height>{SIDES[1]}</height><depth>3</depth></size>"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    note = _text(
        folder / "Annotations" / "im0.xml", f"{head}<annotation>{size}{found}</annotation>"
    )
    split = _text(folder / "ImageSets" / "Main" / "val.txt", "im0  1\n")
    return [note, note, split]


def _imagenet(folder: Path) -> list[Path]:
    images(folder / "im", "png", "jpg")
    labels = _text(folder / "labels.txt", "car\ndog\ncat\n")
    return [_text(folder / "list.txt", "im0.png 0 car\nim1.jpg 2 cat\n"), labels]


def _yolo(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png")
    notes = [
        _text(folder / "im" / f"im{i}.txt", f"{i} 0.5 0.5 0.2 0.25\n1 0.3 0.3 0.1 0.1\n")
        for i in (0, 1)
    ]
    return [*notes, _text(folder / "data.yaml", "names:\n  0: car\n  1: dog\n")]


def _wider(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png")
    row = "1 2 10 8 0 0 0 0 0 0"
    return [_text(folder / "faces.txt", f"im0.png\n2\n{row}\n{row}\nim1.png\n1\n{row}\n")]


def _wflw(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png")
    row = "1 2 10 3 5 5 3 8 9 8"
    lines = f"{row} 1 2 11 9 im0.png\n{row} 2 2 11 9 im0.png\n{row} 1 2 12 9 im1.png\n"
    return [_text(folder / "list.txt", lines)]


def _pts(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png")
    text = "version: 1\nn_points: 3\n{\n1.5 2\n9 3.25\n5 8\n}\n"
    return [_text(folder / "im" / f"im{i}.pts", text) for i in (0, 1)]


def _open_images(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png")
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf"
    rows = "".join(f"im{i},x,/m/0{i},1,0.1,0.5,0.2,0.6,0\n" for i in (0, 1))
    names = _text(folder / "names.csv", "/m/00,Car\n/m/01,Dog\n")
    return [_text(folder / "boxes.csv", f"{head}\n{rows}"), names]


def _maps(folder: Path) -> list[Path]:
    images(folder / "im", "png")
    labels = np.zeros((SIDES[1], SIDES[0]), np.uint8)
    labels[4:9] = 1
    found = folder / "maps" / "im0.png"
    found.parent.mkdir()
    image = Image.fromarray(labels, "P")
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(found)
    return [found]


def _pairs(folder: Path) -> list[Path]:
    return [*images(folder / "im", "png"), *images(folder / "clean", "png")]


def _pictures(folder: Path) -> list[Path]:
    return images(folder / "im", "png", "jpg", "bmp", "webp", "gif", "tif")


def _sizes(folder: Path) -> list[Path]:
    """Notes whose fractions need the size of each picture, in formats that tell it differently."""
    found = images(folder / "im", "png", "jpg", "bmp", "webp", "gif", "tif")
    for path in found:
        _text(path.with_suffix(".txt"), "0 0.5 0.5 0.2 0.25\n")
    return found


def _tar(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name in ("m/model.xml", "m/model.bin", "other/a.txt"):
            info = tarfile.TarInfo(name)
            info.size = 300
            archive.addfile(info, io.BytesIO(b"abc" * 100))
    return stream.getvalue()


def _archives(folder: Path) -> list[Path]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("m/model.xml", "m/model.bin", "other/a.txt"):
            archive.writestr(name, b"abc" * 100)
    kinds = {"a.tar": "w", "b.tgz": "w:gz", "c.tbz": "w:bz2", "d.txz": "w:xz"}
    made = {"z.zip": stream.getvalue(), **{name: _tar(mode) for name, mode in kinds.items()}}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in made]


def _extract_all(folder: Path) -> Any:
    """Unpack one archive after the other, each into a folder of its own."""
    import shutil

    from quantgate.errors import SourceError
    from quantgate.sources.archive import extract

    refused = None
    for path in sorted(folder.glob("?.*")):
        target = folder / "out"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        try:
            extract(path, "m/model.xml", target)
        except SourceError as error:
            refused = error
    if refused is not None:
        raise refused
    return True


#: Loaders of data, by the kind in models.toml, and what comes beside it.
DATA: dict[str, Border] = {
    "coco": Border(_coco, _load("coco", path=Path("im"), annotations=Path("a.json"))),
    "coco with masks": Border(
        _coco, _load("coco", truth="masks", path=Path("im"), annotations=Path("a.json"))
    ),
    "voc": Border(_voc, _load("voc", path=Path(), split="val")),
    "imagenet": Border(
        _imagenet,
        _load("imagenet", path=Path("im"), annotations=Path("list.txt"), labels=Path("labels.txt")),
    ),
    "yolo-txt": Border(_yolo, _load("yolo-txt", path=Path("im"), labels=Path("data.yaml"))),
    "wider": Border(_wider, _load("wider", path=Path("im"), annotations=Path("faces.txt"))),
    "wflw": Border(
        _wflw, _load("wflw", truth="points", path=Path("im"), annotations=Path("list.txt"))
    ),
    "pts": Border(_pts, _load("pts", truth="points", path=Path("im"))),
    "open-images": Border(
        _open_images,
        _load(
            "open-images", path=Path("im"), annotations=Path("boxes.csv"), labels=Path("names.csv")
        ),
    ),
    "masks": Border(
        _maps,
        _load("masks", path=Path("im"), annotations=Path("maps"), labels=("background", "car")),
    ),
    "pairs": Border(_pairs, _load("pairs", path=Path("im"), annotations=Path("clean"))),
    "pictures": Border(_pictures, _load("folder", path=Path("im"))),
    "sizes of pictures": Border(_sizes, _load("yolo-txt", path=Path("im"), labels=("car",))),
    "archives": Border(_archives, _extract_all),
}
