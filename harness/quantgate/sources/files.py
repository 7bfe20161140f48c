"""A model's files on disk: which belong together, and one digest over all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.errors import SourceError
from quantgate.sources.onnx_external import external_locations
from quantgate.store import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A model as it was found.

    Parameters
    ----------
    path
        What OpenVINO is asked to read: a file, or the folder of a TensorFlow saved model.
    paths
        Every file that belongs to it, sorted.
    digest
        SHA-256 over the names (relative to the model) and contents of ``paths``.
    form
        The format, as people call it.
    """

    path: Path
    paths: tuple[Path, ...]
    digest: str
    form: str


def _ir(path: Path) -> tuple[Path, ...]:
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise SourceError(
            f"{path}: an OpenVINO IR needs its weights beside it, expected {weights.name}, which is "
            "missing: copy it there"
        )
    return (path, weights)


def _onnx(path: Path) -> tuple[Path, ...]:
    parts = tuple(path.parent / name for name in external_locations(path))
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise SourceError(
            f"{path}: keeps its weights in other files, of which {', '.join(missing)} is missing: "
            "copy it beside the model"
        )
    return (path, *parts)


def _paddle(path: Path) -> tuple[Path, ...]:
    weights = path.with_suffix(".pdiparams")
    return (path, weights) if weights.is_file() else (path,)


def _alone(path: Path) -> tuple[Path, ...]:
    return (path,)


#: What OpenVINO reads: suffix → (what people call it, the files that belong to it).
FORMATS: Mapping[str, tuple[str, Callable[[Path], tuple[Path, ...]]]] = {
    ".xml": ("OpenVINO IR", _ir),
    ".onnx": ("ONNX", _onnx),
    ".pb": ("TensorFlow frozen graph", _alone),
    ".tflite": ("TensorFlow Lite", _alone),
    ".pdmodel": ("PaddlePaddle", _paddle),
}

_DARKNET = 'a Darknet network is two files: source = { cfg = "net.cfg", weights = "net.weights" }'

#: What people try all the same: suffix → what to do instead.
ADVICE: Mapping[str, str] = {
    ".caffemodel": "convert it first with openvino-dev 2024.6: mo --framework caffe",
    ".prototxt": "convert it first with openvino-dev 2024.6: mo --framework caffe",
    ".weights": _DARKNET,
    ".cfg": _DARKNET,
    ".pt": "export it first: torch.onnx.export, or openvino.convert_model and openvino.save_model",
    ".pth": "export it first: torch.onnx.export, or openvino.convert_model and openvino.save_model",
    ".h5": "export it first as a saved model: model.export(folder)",
    ".keras": "export it first as a saved model: model.export(folder)",
    ".bin": "name the .xml beside it",
    ".pdiparams": "name the .pdmodel beside it",
    ".json": "PaddlePaddle 3 models have to be exported as .pdmodel or ONNX",
}


def inspect(path: Path) -> SourceFile:
    """Find the files of a model and digest them, without reading the model.

    Raises
    ------
    SourceError
        For a missing or empty file, a part that is missing, and a format OpenVINO does not read.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such model file")
    if path.is_dir():
        return _saved_model(path)
    suffix = path.suffix.lower()
    if path.name == "saved_model.pb":
        return _saved_model(path.parent)
    if suffix not in FORMATS:
        advice = ADVICE.get(suffix)
        raise SourceError(
            f"{path}: {suffix or 'a file without a suffix'} is not read"
            + (f": {advice}" if advice else f"; what is read: {', '.join(FORMATS)} and a ")
            + ("" if advice else "TensorFlow saved-model folder")
        )
    form, parts = FORMATS[suffix]
    _refuse_empty(path)
    return _source(path, parts(path), form)


def _saved_model(folder: Path) -> SourceFile:
    if not (folder / "saved_model.pb").is_file():
        raise SourceError(
            f"{folder}: a folder must be a TensorFlow saved model, with saved_model.pb in it"
        )
    _refuse_empty(folder / "saved_model.pb")
    parts = [path for path in folder.rglob("*") if path.is_file()]
    return _source(folder, tuple(parts), "TensorFlow saved model")


def _refuse_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the model file is empty (0 bytes): get it again")


def _source(path: Path, parts: tuple[Path, ...], form: str) -> SourceFile:
    """Digest names relative to the model, so that moving a model does not change it."""
    root = path if path.is_dir() else path.parent
    stem = path.stem
    digest = hashlib.sha256(form.encode())
    ordered = tuple(sorted(parts))
    for part in ordered:
        name = part.suffix if part.stem == stem else part.relative_to(root).as_posix()
        digest.update(f"\0{name}\0{digest_of_file(part)}".encode())
    return SourceFile(path, ordered, digest.hexdigest(), form)
