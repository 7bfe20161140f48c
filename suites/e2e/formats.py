"""The same rendered scenes in every layout of annotations on disk, each as its tools write it."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from quantgate.zoo.scenes import LABELS, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quantgate.zoo.scenes import Scene

#: Ids of Cityscapes' classes that count: train id 0 is id 7, and so on (its labels.py).
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23)


def scenes(count: int, size: tuple[int, int]) -> list[Scene]:
    """Draw the scenes of ``kind = "digits"`` with its default seed and split."""
    return [render(0, k, size=size, split="evaluate") for k in range(count)]


def write_images(folder: Path, drawn: Sequence[Scene], ending: str = "") -> None:
    """Write every scene as a PNG: lossless, so that a model sees the very same pixels."""
    folder.mkdir(parents=True)
    for k, scene in enumerate(drawn):
        cv2.imwrite(str(folder / f"{k:04d}{ending}.png"), scene.image)


def write_coco(
    file: Path,
    drawn: Sequence[Scene],
    *,
    one_class: bool = False,
    shifted: int = 0,
    masks: bool = True,
) -> None:
    """Write an instances json, with run lengths if asked; category ids have gaps, as COCO's own.

    ``shifted``: the mistake of counting classes from elsewhere.
    """
    from faster_coco_eval.core import mask as rle

    names = ("face",) if one_class else LABELS
    annotations: list[dict[str, Any]] = []
    for k, scene in enumerate(drawn):
        for box, label, mask in zip(scene.boxes, scene.labels, scene.masks, strict=True):
            x0, y0, x1, y1 = box.tolist()
            encoded = rle.encode(np.asfortranarray(mask))
            encoded["counts"] = encoded["counts"].decode()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": k + 1,
                    "category_id": 0 if one_class else 3 * ((int(label) + shifted) % len(LABELS)),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "iscrowd": 0,
                    **({"area": int(mask.sum()), "segmentation": encoded} if masks else {}),
                }
            )
    images = [
        {"id": k + 1, "file_name": f"{k:04d}.png", "width": w, "height": h}
        for k, (h, w) in enumerate(scene.image.shape[:2] for scene in drawn)
    ]
    categories = [{"id": 3 * k, "name": name} for k, name in enumerate(names)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(document), encoding="utf-8")


def write_yolo_txt(folder: Path, drawn: Sequence[Scene], *, corners: bool = False) -> None:
    """Write a text file an image; ``corners``: the mistake of giving the corner for the centre."""
    folder.mkdir(exist_ok=True)
    for k, scene in enumerate(drawn):
        height, width = scene.image.shape[:2]
        lines = []
        for (x0, y0, x1, y1), label in zip(scene.boxes.tolist(), scene.labels, strict=True):
            x, y = (x0, y0) if corners else ((x0 + x1) / 2, (y0 + y1) / 2)
            sides = (x / width, y / height, (x1 - x0) / width, (y1 - y0) / height)
            lines.append(f"{label} {' '.join(map(repr, sides))}")
        (folder / f"{k:04d}.txt").write_text("\n".join(lines), encoding="utf-8")


def write_open_images(file: Path, drawn: Sequence[Scene], *, swapped: bool = False) -> None:
    """Write the csv of boxes; ``swapped``: the mistake of exchanging the axes."""
    columns = ("ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax")
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow((*columns, "IsOccluded", "IsGroupOf"))
        for k, scene in enumerate(drawn):
            height, width = scene.image.shape[:2]
            for (x0, y0, x1, y1), label in zip(scene.boxes.tolist(), scene.labels, strict=True):
                x, y = (x0 / width, x1 / width), (y0 / height, y1 / height)
                edges = (*y, *x) if swapped else (*x, *y)
                rows.writerow((f"{k:04d}", "xclick", f"/m/{LABELS[label]}", 1, *edges, 0, 0))


def write_wider(file: Path, drawn: Sequence[Scene], *, corners: bool = False) -> None:
    """Write the list of faces; ``corners``: the mistake of giving far corners for sizes."""
    lines = []
    for k, scene in enumerate(drawn):
        lines += [f"{k:04d}.png", str(len(scene.boxes))]
        for x0, y0, x1, y1 in scene.boxes.astype(int).tolist():
            far = (x1, y1) if corners else (x1 - x0, y1 - y0)
            lines.append(f"{x0} {y0} {far[0]} {far[1]} 0 0 0 0 0 0")
        if not len(scene.boxes):
            lines.append("0 0 0 0 0 0 0 0 0 0")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_voc(folder: Path, drawn: Sequence[Scene], *, shifted: int = 0) -> None:
    """Write an xml an image; ``shifted``: the mistake of counting classes from elsewhere."""
    folder.mkdir(exist_ok=True)
    for k, scene in enumerate(drawn):
        objects = "".join(
            f"<object><name>{LABELS[(label + shifted) % len(LABELS)]}</name><bndbox>"
            f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
            "</bndbox></object>"
            for (x0, y0, x1, y1), label in zip(
                scene.boxes.astype(int).tolist(), scene.labels, strict=True
            )
        )
        height, width = scene.image.shape[:2]
        size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
        text = f"<annotation>{size}{objects}</annotation>"
        (folder / f"{k:04d}.xml").write_text(text, "utf-8")


def write_maps(folder: Path, drawn: Sequence[Scene], *, cityscapes: bool = False) -> None:
    """Write class maps in grey: labels, or Cityscapes' ids under Cityscapes' names."""
    ids = CITYSCAPES_IDS if cityscapes else range(1 + len(LABELS))
    table = np.asarray(ids, np.uint8)
    folder.mkdir(exist_ok=True)
    for k, scene in enumerate(drawn):
        ending = "_gtFine_labelIds" if cityscapes else ""
        cv2.imwrite(str(folder / f"{k:04d}{ending}.png"), table[scene.classes])


def write_targets(folder: Path, drawn: Sequence[Scene], *, shifted: int = 0) -> None:
    """Write what restoration should give; ``shifted``: the mistake of pairing with the next."""
    folder.mkdir(exist_ok=True)
    for k in range(len(drawn)):
        cv2.imwrite(str(folder / f"{k:04d}_HR.png"), drawn[(k + shifted) % len(drawn)].clean)
