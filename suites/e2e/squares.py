"""A user's folder with a detector of their own, in ONNX, and photographs of what it finds, annotated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np

from suites.onnx_files import square_detector

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("red", "green", "blue")
_SIDE, _CELL = 128, 16


def make(
    folder: Path, *, images: int = 30, bgr: bool = False, metadata: dict[str, str] | None = None
) -> Path:
    """Write own.onnx, images/ and truth.json (COCO); return the model, fed in RGB 0..1 or BGR."""
    rng = np.random.default_rng(7)
    (folder / "images").mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for index in range(images):
        image, boxes = _picture(rng)
        cv2.imwrite(str(folder / "images" / f"{index:03d}.png"), image)
        rows += [
            {"id": len(rows) + k + 1, "image_id": index, "category_id": label + 1, "bbox": box,
             "area": _CELL**2, "iscrowd": 0}
            for k, (label, box) in enumerate(boxes)
        ]  # fmt: skip
    document = {
        "images": [
            {"id": k, "file_name": f"{k:03d}.png", "width": _SIDE, "height": _SIDE}
            for k in range(images)
        ],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(LABELS)],
        "annotations": rows,
    }
    (folder / "truth.json").write_text(json.dumps(document), encoding="utf-8")
    model = folder / "own.onnx"
    model.write_bytes(square_detector(_SIDE, cell=_CELL, bgr=bgr, metadata=metadata))
    return model


def _picture(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, list[int]]]]:
    """Draw squares in red, green and blue on grey noise, BGR [h, w, 3]."""
    image = rng.integers(90, 150, (_SIDE, _SIDE, 1)).repeat(3, axis=2).astype(np.uint8)
    places = rng.choice((_SIDE // _CELL) ** 2, size=rng.integers(2, 6), replace=False)
    found = []
    for place in places:
        row, column = divmod(int(place), _SIDE // _CELL)
        label = int(rng.integers(0, 3))
        colour = np.full(3, 20)
        colour[2 - label] = 235
        y, x = row * _CELL, column * _CELL
        image[y : y + _CELL, x : x + _CELL] = colour
        found.append((label, [x, y, _CELL, _CELL]))
    return image, found
