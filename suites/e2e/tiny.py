"""A small real classifier and its images: handwritten digits, random convolutions, a trained last layer."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov
    from numpy.typing import NDArray

SIDE = 32
FEATURES = 32
MEAN, SCALE = 120.0, 60.0
FIRST_EVALUATED = 1200


@dataclass(frozen=True, slots=True)
class Tiny:
    """Where the tiny world lies: a model, its images in two folders per class, its weights."""

    root: Path
    weights: dict[str, NDArray[np.float32]]


def make(root: Path) -> Tiny:
    """Write images and the trained parent model under ``root``."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    digits = load_digits()
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 28, (len(digits.images), SIDE, SIDE))
    images = [
        np.clip(cv2.resize(image * 12, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) + grain, 0, 255)
        for image, grain in zip(digits.images, noise, strict=True)
    ]
    pixels = np.stack(images).astype(np.uint8)
    weights = {"first": rng.normal(0, 0.3, (FEATURES, 3, 5, 5)).astype(np.float32)}
    features = _features(pixels, weights)
    train = slice(0, FIRST_EVALUATED)
    fitted = LogisticRegression(max_iter=300, C=0.05).fit(features[train], digits.target[train])
    weights["last"] = fitted.coef_.astype(np.float32)
    weights["bias"] = fitted.intercept_.astype(np.float32)
    _write_images(root, pixels, digits.target)
    save(build(weights), root / "parent.xml")
    return Tiny(root, weights)


def quantized(root: Path, name: str, model: ov.Model) -> Path:
    """Quantize a model with NNCF on the calibration images, as someone else would have done."""
    import nncf

    paths = sorted((root / "calibration").rglob("*.png"))[::2]
    images: list[Any] = [cv2.imread(str(path)) for path in paths]
    pixels = np.stack(images).astype(np.float32)
    planes = ((pixels - MEAN) / SCALE).transpose(0, 3, 1, 2)
    made = nncf.quantize(model, nncf.Dataset([plane[None] for plane in planes]))
    return save(made, root / f"{name}.xml")


def build(
    weights: dict[str, NDArray[np.float32]], *, extra_layers: int = 0, shift: float = 0.0
) -> ov.Model:
    """Build the network: convolution, ReLU, pooling, fully connected, softmax.

    ``shift`` is added to the input: what a wrong mean does; ``extra_layers`` only cost time.
    """
    import openvino as ov

    ops = operations()
    image = ops.parameter([1, 3, SIDE, SIDE], np.float32, name="image")
    image.output(0).set_names({"image"})
    moved = ops.add(image, ops.constant(np.float32(shift))) if shift else image
    node = _convolved(ops, moved, weights["first"])
    pooled = ops.avg_pool(node, [4, 4], [0, 0], [0, 0], [4, 4], exclude_pad=True)
    flat = ops.reshape(pooled, np.array([1, -1]), special_zero=False)
    logits = ops.add(
        ops.matmul(flat, ops.constant(weights["last"]), transpose_a=False, transpose_b=True),
        ops.constant(weights["bias"][None]),
    )
    scores = ops.softmax(_slowed(ops, logits, extra_layers), axis=1)
    scores.output(0).set_names({"scores"})
    return ov.Model([scores], [image], "tiny")


def operations() -> Any:
    """Import the operations from where this OpenVINO keeps them: it moved them once."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")


def _convolved(ops: Any, node: Any, kernel: NDArray[np.float32]) -> Any:
    edge = kernel.shape[-1] // 2
    convolved = ops.convolution(
        node, ops.constant(kernel), [1, 1], [edge, edge], [edge, edge], [1, 1]
    )
    return ops.relu(convolved)


def _slowed(ops: Any, logits: Any, layers: int) -> Any:
    """Add work that leaves the answer as it is: a matrix that is the identity, many times."""
    for _ in range(layers):
        wide = ops.matmul(logits, ops.constant(_identity(10, 4096)), False, False)
        logits = ops.matmul(wide, ops.constant(_identity(4096, 10)), False, False)
    return logits


def _identity(rows: int, columns: int) -> NDArray[np.float32]:
    return np.eye(rows, columns, dtype=np.float32)


def save(model: ov.Model, path: Path) -> Path:
    """Write a model uncompressed."""
    import openvino as ov

    ov.save_model(model, path, compress_to_fp16=False)
    return path


def _features(pixels: NDArray[np.uint8], weights: dict[str, NDArray[np.float32]]) -> Any:
    """Run the frozen part of the network over all images with OpenVINO itself."""
    import openvino as ov

    ops = operations()
    image = ops.parameter([-1, 3, SIDE, SIDE], np.float32)
    node = _convolved(ops, image, weights["first"])
    pooled = ops.avg_pool(node, [4, 4], [0, 0], [0, 0], [4, 4], exclude_pad=True)
    model = ov.Model([ops.reshape(pooled, np.array([0, -1]), special_zero=True)], [image])
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    planes = (pixels.astype(np.float32) - MEAN) / SCALE
    return compiled(np.repeat(planes[:, None], 3, axis=1))[0]


def _write_images(root: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        split = "calibration" if index < FIRST_EVALUATED else "evaluation"
        if split == "calibration" and index % 6:
            continue
        folder = root / split / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index:04d}.png"), image)


DATASETS = """
[datasets.calibration]
kind = "imagenet"
path = "calibration"

[datasets.evaluation]
kind = "imagenet"
path = "evaluation"
"""
#: Head of a manifest of models quantized elsewhere: what follows belongs to ``[defaults]``.
HEAD = f"""{DATASETS}
[defaults]
evaluate = "evaluation"
preprocess = {{ size = [32, 32], mean = 120, scale = 60 }}
"""
MANIFEST = f"""{DATASETS}
[models.tiny]
task = "classification"
source = "parent.xml"
decoder = "class-scores"
preprocess = {{ size = [32, 32], mean = 120, scale = 60 }}
calibrate = {{ dataset = "calibration", subset = 100 }}
evaluate = "evaluation"
"""
