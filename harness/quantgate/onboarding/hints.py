"""What a model's own metadata, and configuration beside its file, say of it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from quantgate.sources.onnx_metadata import onnx_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_ULTRALYTICS_TASKS = {
    "detect": "detection",
    "segment": "instance_segmentation",
    "pose": "keypoints",
    "obb": "quads",
    "classify": "classification",
}
_HF_TASKS = {
    "ForImageClassification": "classification",
    "ForObjectDetection": "detection",
    "ForSemanticSegmentation": "semantic_segmentation",
    "ForInstanceSegmentation": "instance_segmentation",
}
_NAMES_OF_SYMBOLS = ("*char*.txt", "*dict*.txt", "*keys*.txt", "*vocab*.txt", "*alphabet*.txt")
_NAMES_OF_LABELS = ("*labels*.txt", "*classes*.txt", "*.names")
_MOST_BYTES = 4_000_000
_ROWS_OF_PRIORS = 4
_PIXEL = 255.0


@dataclass(frozen=True, slots=True)
class Hints:
    """Settings that something says, by key of the entry or of ``preprocess``, and what says it.

    Keys: task, size, colour, mean, scale, resize, short_side.

    Parameters
    ----------
    labels
        Lists of class names that may be the model's, with the file that holds each.
    symbols
        Files that may list the symbols of a recognizer of text.
    priors
        Files that may hold the prior boxes of a detector: arrays [n, 4].
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    said_by: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[tuple[Path, tuple[str, ...]], ...] = ()
    priors: tuple[Path, ...] = ()
    symbols: tuple[Path, ...] = ()

    def evidence(self, *keys: str) -> str:
        """Name what says any of these keys; empty where nothing does."""
        return ", ".join(dict.fromkeys(self.said_by[key] for key in keys if key in self.said_by))


def hints_of(path: Path) -> Hints:
    """Collect what is said of a model file, the file itself first; nothing unreadable stops it."""
    values: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    for origin, found in _told(path):
        for key, value in found.items():
            if key not in values:
                values[key], said_by[key] = value, origin
    folder = path if path.is_dir() else path.parent
    return Hints(values, said_by, tuple(_labels(folder)), tuple(_priors(folder)), _symbols(folder))


def _told(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.suffix == ".onnx" and path.is_file():
        yield "its ONNX metadata", _of_ultralytics(onnx_metadata(path))
    if path.suffix == ".tflite" and zipfile.is_zipfile(path):
        yield "its TFLite metadata", _of_ultralytics(_zipped(path))
    folder = path if path.is_dir() else path.parent
    yield "metadata.yaml", _of_ultralytics(_document(folder / "metadata.yaml"))
    yield "preprocessor_config.json", _of_hf_images(_document(folder / "preprocessor_config.json"))
    yield "config.json", _of_hf_model(_document(folder / "config.json"))


def _document(path: Path) -> dict[str, Any]:
    """Read YAML or JSON, which is YAML; empty where there is none."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _zipped(path: Path) -> dict[str, Any]:
    """Read the metadata that Ultralytics appends to a TFLite file as an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read("metadata.json")[:_MOST_BYTES])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}
    return found if isinstance(found, dict) else {}


def _of_ultralytics(told: Mapping[str, Any]) -> dict[str, Any]:
    """Read Ultralytics' keys: RGB 0..1, letterboxed, or cropped for classes."""
    task = _ULTRALYTICS_TASKS.get(str(told.get("task")))
    if task is None or "stride" not in told:
        return {}
    found: dict[str, Any] = {"task": task, "colour": "rgb", "mean": 0.0, "scale": _PIXEL}
    found["resize"] = "crop" if task == "classification" else "letterbox"
    size = told.get("imgsz")
    sides = yaml.safe_load(size) if isinstance(size, str) else size
    if isinstance(sides, list) and len(sides) == 2:  # noqa: PLR2004 - height and width
        found["size"] = (int(sides[1]), int(sides[0]))
    return found


def _of_hf_images(told: Mapping[str, Any]) -> dict[str, Any]:
    """Read an image processor of Hugging Face's transformers; its models take RGB."""
    if "image_mean" not in told and "do_rescale" not in told:
        return {}
    factor = float(told.get("rescale_factor", 1 / _PIXEL)) if told.get("do_rescale", True) else 1.0
    found: dict[str, Any] = {"colour": "rgb", "mean": 0.0, "scale": round(1 / factor, 4)}
    if told.get("do_normalize", True) and told.get("image_mean") and told.get("image_std"):
        found["mean"] = _per_channel(told["image_mean"], factor)
        found["scale"] = _per_channel(told["image_std"], factor)
    size, crop = told.get("size"), told.get("crop_size")
    if isinstance(size, dict) and "shortest_edge" in size:
        if told.get("do_center_crop", crop is not None):
            found |= {"resize": "crop", "short_side": int(size["shortest_edge"])}
    elif size is not None:
        found["resize"] = "stretch"
    wanted = crop if crop is not None and told.get("do_center_crop", True) else size
    if isinstance(wanted, dict) and {"height", "width"} <= wanted.keys():
        found["size"] = (int(wanted["width"]), int(wanted["height"]))
    return found


def _per_channel(values: Sequence[float], factor: float) -> float | tuple[float, ...]:
    """Bring numbers of 0..1 to 0..255; one where all are the same."""
    scaled = tuple(round(value / factor, 3) for value in values)
    return scaled[0] if len(set(scaled)) == 1 else scaled


def _of_hf_model(told: Mapping[str, Any]) -> dict[str, Any]:
    for name in told.get("architectures") or ():
        for ending, task in _HF_TASKS.items():
            if str(name).endswith(ending):
                return {"task": task}
    return {}


def _labels(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield lists of names in text files beside the model."""
    paths = sorted({path for pattern in _NAMES_OF_LABELS for path in folder.glob(pattern)})
    for path in paths:
        try:
            lines = (
                path.read_text("utf-8").splitlines() if path.stat().st_size <= _MOST_BYTES else []
            )
        except (OSError, ValueError):
            continue
        names = tuple(line.strip() for line in lines if line.strip())
        if names:
            yield path, names


def _symbols(folder: Path) -> tuple[Path, ...]:
    """List text files beside the model whose names say characters, or a dictionary."""
    return tuple(sorted({path for pattern in _NAMES_OF_SYMBOLS for path in folder.glob(pattern)}))


def _priors(folder: Path) -> Iterator[Path]:
    """Yield arrays of four numbers a row beside the model."""
    import numpy as np

    for path in sorted(folder.glob("*.npy")):
        try:
            shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        except (OSError, ValueError):
            continue
        if shape[-1:] == (_ROWS_OF_PRIORS,):
            yield path
