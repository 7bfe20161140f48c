"""Plain metrics of the built-in models, apart from the harness's own decoders on purpose."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.zoo.scenes import Scene, render, render_classification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import openvino as ov  # noqa: TID251 - a script beside the harness, for people

    from harness.zoo.catalog import ZooModel
    from harness.zoo.strokes import Split

Outputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Picture:
    """An image with its truth; ``label`` where there is one dominant digit."""

    scene: Scene
    label: int | None

    @property
    def image(self) -> NDArray[Any]:
        """Pixels, BGR."""
        return self.scene.image


def picture(model: ZooModel, seed: int, index: int, split: Split) -> Picture:
    """Render the image that a model of this task is judged on."""
    size = model.preprocess.size
    if model.task == "classification":
        return Picture(*render_classification(seed, index, size=size, split=split))
    return Picture(render(seed, index, size=size, split=split), None)


def prepare(model: ZooModel, image: NDArray[Any]) -> NDArray[Any]:
    """Image of the right size to the model's input [1, 3, h, w]."""
    fed = model.preprocess
    rgb = image[:, :, ::-1].astype(np.float32)
    mean, scale = (np.asarray(v, np.float32) for v in (fed.mean, fed.scale))
    scaled = (rgb - mean) / scale
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def infer(compiled: ov.CompiledModel, model: ZooModel, image: NDArray[Any]) -> Outputs:
    """Outputs by name."""
    found = compiled(prepare(model, image))
    return {port.get_any_name(): np.array(value) for port, value in found.items()}


def top1(outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Share of images whose best class is the truth."""
    right = [
        int(next(iter(found.values())).argmax()) == one.label
        for found, one in zip(outputs, pictures, strict=True)
    ]
    return float(np.mean(right))


def ap(outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """COCO's AP@[.5:.95] of DetectionOutput's rows."""
    rows = [
        {"image_id": k, "category_id": int(row[1]) - 1, "bbox": _box(row, one), "score": row[2]}
        for k, (found, one) in enumerate(zip(outputs, pictures, strict=True))
        for row in _rows(next(iter(found.values())))
    ]
    return coco_ap(rows, pictures, "bbox")


def _rows(found: NDArray[Any]) -> list[list[float]]:
    table = found.reshape(-1, 7)
    ends = np.flatnonzero(table[:, 0] < 0)
    rows: list[list[float]] = table[: ends[0] if len(ends) else len(table)].tolist()
    return rows


def _box(row: list[float], one: Picture) -> list[float]:
    rows, columns = one.image.shape[:2]
    x0, y0, x1, y1 = row[3] * columns, row[4] * rows, row[5] * columns, row[6] * rows
    return [x0, y0, x1 - x0, y1 - y0]


def coco_ap(rows: list[dict[str, Any]], pictures: Sequence[Picture], kind: str) -> float:
    """AP@[.5:.95] of COCO result rows."""
    from faster_coco_eval import COCO, COCOeval_faster

    truth = _truth(pictures)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(truth)
        evaluation = COCOeval_faster(reference, reference.loadRes(rows), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _truth(pictures: Sequence[Picture]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for k, one in enumerate(pictures):
        for (x0, y0, x1, y1), label in zip(one.scene.boxes.tolist(), one.scene.labels, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": k,
                    "category_id": int(label),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    return {
        "images": [
            {"id": k, "height": one.image.shape[0], "width": one.image.shape[1]}
            for k, one in enumerate(pictures)
        ],
        "annotations": annotations,
        "categories": [{"id": k, "name": str(k)} for k in range(10)],
    }


METRICS: Final[dict[str, Callable[[Sequence[Outputs], Sequence[Picture]], float]]] = {
    "top1": top1,
    "ap": ap,
}
