"""One adapter of accuracy_check on raw outputs: run by the interpreter of its own environment.

``python adapters.py CASE``: reads ``CASE.json`` (the adapter's configuration, sizes) and ``CASE.npz``
(raw outputs by name), writes ``CASE-found.json`` (columns of objects, in pixels of the image).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

#: Where adapters of several predictions keep the boxes.
OBJECTS = ("detection_prediction", "face_detection", "class_agnostic_prediction")


def main(case: str) -> None:
    """Decode one image."""
    from openvino.tools.accuracy_checker.adapters import Adapter

    asked = json.loads(Path(f"{case}.json").read_text("utf-8"))
    with np.load(f"{case}.npz") as arrays:
        # Some adapters decode in place.
        raw = {name: arrays[name].copy() for name in arrays.files}
    config, (width, height), (columns, rows) = asked["adapter"], asked["image"], asked["model"]
    adapter = Adapter.provide(config["type"], config, label_map=None, output_blob=None)
    meta = {
        "image_size": (height, width, 3),
        "image_info": (rows, columns, 3),
        "input_shape": {"image": (1, 3, rows, columns)},
    }
    (found,) = adapter.process(raw, ["image"], [meta])
    masks = None
    if hasattr(found, "representations"):
        parts = found.representations
        masks = getattr(parts.get("segmentation_prediction"), "raw_mask", None)
        found = next(parts[name] for name in OBJECTS if name in parts)
    Path(f"{case}-found.json").write_text(json.dumps(columns_of(found, masks)), encoding="utf-8")


def columns_of(found: Any, masks: Any) -> dict[str, Any]:
    """Boxes, scores and labels of a prediction, and masks as run lengths where there are any."""
    edges = (found.x_mins, found.y_mins, found.x_maxs, found.y_maxs)
    return {
        "boxes": np.stack([np.asarray(edge, float) for edge in edges], axis=1).tolist(),
        "scores": np.asarray(found.scores, float).tolist(),
        "labels": np.asarray(found.labels).astype(int).tolist(),
        "masks": None if masks is None else list(masks),
    }


if __name__ == "__main__":
    main(sys.argv[1])
