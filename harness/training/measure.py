"""``python -m harness.training.measure NAME``: the figures that the catalog records.

Runs where openvino, nncf and faster-coco-eval are installed; torch is not needed.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import nncf  # noqa: TID251 - a script beside the harness, for people
import numpy as np
import openvino as ov  # noqa: TID251

from harness.training import metrics
from quantgate.zoo.catalog import ZOO, ZooModel, xml_path

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.metrics import Picture

CALIBRATION_IMAGES = 200
CALIBRATION_SEED = 0


def main() -> None:
    """Quantize, score both roles, compare their speed."""
    parser = argparse.ArgumentParser(prog="python -m harness.training.measure")
    parser.add_argument("name", choices=tuple(ZOO))
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="of the weights; default: the committed ones")
    arguments = parser.parse_args()
    path = xml_path(arguments.name)
    if arguments.folder:
        path = path.__class__(arguments.folder) / path.name
    model = ZOO[arguments.name]
    pictures = [
        metrics.picture(model, arguments.seed, index, "evaluate")
        for index in range(arguments.images)
    ]
    parent, optimized = both(model, path)
    print(f"{model.name}: {model.metric} on {arguments.images} images, seed {arguments.seed}")
    for role, compiled in (("parent", parent), ("optimized", optimized)):
        outputs = [metrics.infer(compiled, model, one.image) for one in pictures]
        print(f"{role}: {metrics.score(model, outputs, pictures):.4f}", flush=True)
    if model.metric == "psnr":
        errors = metrics.squared_errors(model, outputs, pictures).mean()
        share = errors / metrics.untouched_errors(pictures).mean()
        print(f"squared error left by the optimized model: {share:.3f} of the untouched images'")
    print(f"speedup: {speedup(parent, optimized, model, pictures[0]):.2f}")


def both(model: ZooModel, path: Path) -> tuple[ov.CompiledModel, ov.CompiledModel]:
    """Compile the model and its quantized form, for one thread's latency in f32."""
    core = ov.Core()
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": 1,
    }
    parent = core.read_model(path)
    calibration = [
        metrics.prepare(model, metrics.picture(model, CALIBRATION_SEED, k, "calibrate").image)
        for k in range(CALIBRATION_IMAGES)
    ]
    optimized = nncf.quantize(parent, nncf.Dataset(calibration), subset_size=CALIBRATION_IMAGES)
    return core.compile_model(parent, "CPU", options), core.compile_model(optimized, "CPU", options)


def speedup(
    parent: ov.CompiledModel, optimized: ov.CompiledModel, model: ZooModel, one: Picture
) -> float:
    """Ratio of the best times of alternating runs: the machine may be busy."""
    image = metrics.prepare(model, one.image)
    best = [np.inf, np.inf]
    for _ in range(60):
        for role, compiled in enumerate((parent, optimized)):
            started = time.perf_counter()
            compiled(image)
            best[role] = min(best[role], time.perf_counter() - started)
    return best[0] / best[1]


if __name__ == "__main__":
    main()
