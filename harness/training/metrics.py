"""Plain metrics of the built-in models, apart from the harness's own decoders on purpose."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness.training.reference_decoders import Outputs, objects
from quantgate.zoo.depths import depth_of
from quantgate.zoo.lines import render_lines
from quantgate.zoo.marks import marks_of
from quantgate.zoo.scenes import Scene, render, render_classification, render_hand, render_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import openvino as ov  # noqa: TID251 - a script beside the harness, for people
    from numpy.typing import NDArray

    from quantgate.zoo.catalog import ZooModel
    from quantgate.zoo.strokes import Split


@dataclass(frozen=True)
class Picture:
    """An image with its truth; ``label`` where there is one dominant digit, ``text`` where there is a line, or one's hand."""

    scene: Scene
    label: int | None
    text: str = ""

    @property
    def image(self) -> NDArray[Any]:
        """Pixels, BGR."""
        return self.scene.image


_HALF: Final = 0.5


def picture(model: ZooModel, seed: int, index: int, split: Split) -> Picture:
    """Render the image that a model of this task is judged on."""
    size = model.preprocess.size
    if model.task == "text":
        scene, text = render_text(seed, index, size=size, split=split)
        return Picture(scene, None, text)
    if model.task == "embedding":
        scene, hand = render_hand(seed, index, size=size, split=split)
        return Picture(scene, None, hand)
    if model.task == "quads":
        return Picture(render_lines(seed, index, size=size, split=split), None)
    if model.task in {"classification", "keypoints", "attributes"}:
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
    values = (np.array(value) for value in found.values())
    return dict(zip(model.outputs, values, strict=True))


def score(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """The model's metric over images of its own size."""
    return METRICS[model.metric](model, outputs, pictures)


def top1(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Share of images whose best class is the truth."""
    right = [
        int(found[model.outputs[0]].argmax()) == one.label
        for found, one in zip(outputs, pictures, strict=True)
    ]
    return float(np.mean(right))


def ap(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """COCO's AP@[.5:.95] of boxes, or of masks where the model draws them."""
    rows = [
        {
            "image_id": k,
            "category_id": label,
            "score": sure,
            **({"bbox": _sides(box)} if mask is None else {"segmentation": _encoded(mask)}),
        }
        for k, found in enumerate(outputs)
        for label, sure, box, mask in objects(model, found)
    ]
    kind = "segm" if model.task == "instance_segmentation" else "bbox"
    return coco_ap(rows, pictures, kind)


def _sides(box: NDArray[Any]) -> list[float]:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    return [x0, y0, x1 - x0, y1 - y0]


def _encoded(mask: NDArray[Any]) -> dict[str, Any]:
    from faster_coco_eval.core import mask as rle

    encoded: dict[str, Any] = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return encoded


def coco_ap(rows: list[dict[str, Any]], pictures: Sequence[Picture], kind: str) -> float:
    """AP@[.5:.95] of COCO result rows."""
    from faster_coco_eval import COCO, COCOeval_faster

    truth = _truth(pictures, kind)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(truth)
        evaluation = COCOeval_faster(reference, reference.loadRes(rows), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _truth(pictures: Sequence[Picture], kind: str) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for k, one in enumerate(pictures):
        masks = one.scene.masks
        for row, (box, label) in enumerate(zip(one.scene.boxes, one.scene.labels, strict=True)):
            x, y, width, height = _sides(box)
            annotation = {
                "id": len(annotations) + 1,
                "image_id": k,
                "category_id": int(label),
                "bbox": [x, y, width, height],
                "area": width * height,
                "iscrowd": 0,
            }
            if kind == "segm":
                annotation |= {
                    "segmentation": _encoded(masks[row]),
                    "area": float(masks[row].sum()),
                }
            annotations.append(annotation)
    return {
        "images": [
            {"id": k, "height": one.image.shape[0], "width": one.image.shape[1]}
            for k, one in enumerate(pictures)
        ],
        "annotations": annotations,
        "categories": [{"id": k, "name": str(k)} for k in range(10)],
    }


def miou(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Mean IoU of all classes, pixels of all images together."""
    count = len(model.labels)
    table = np.zeros((count, count), np.int64)
    for found, one in zip(outputs, pictures, strict=True):
        classes = found[model.outputs[0]][0].argmax(0)
        pairs = one.scene.classes.astype(np.int64) * count + classes
        table += np.bincount(pairs.ravel(), minlength=count * count).reshape(count, count)
    shared = table.diagonal()
    return float((shared / (table.sum(0) + table.sum(1) - shared)).mean())


def psnr(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Mean PSNR against the clean pictures, dB."""
    return float(np.mean(10 * np.log10(255.0**2 / squared_errors(model, outputs, pictures))))


def squared_errors(
    model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]
) -> NDArray[np.float64]:
    """Mean squared error of every restored picture against the clean one, in grey levels."""
    restored = [
        found[model.outputs[0]][0].transpose(1, 2, 0)[..., ::-1].clip(0, 1) * 255.0
        for found in outputs
    ]
    return _errors(restored, pictures)


def untouched_errors(pictures: Sequence[Picture]) -> NDArray[np.float64]:
    """The same of the images as they are."""
    return _errors([one.image for one in pictures], pictures)


def _errors(found: Sequence[NDArray[Any]], pictures: Sequence[Picture]) -> NDArray[np.float64]:
    errors = [
        np.square(pixels.astype(np.float64) - one.scene.clean).mean()
        for pixels, one in zip(found, pictures, strict=True)
    ]
    return np.array(errors)


def pck(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Share of key points within a tenth of the longer side of their digit; hidden digits are left out."""
    near = [
        hit
        for found, one in zip(outputs, pictures, strict=True)
        if len(one.scene.labels)
        for hit in _near(found[model.outputs[0]][0], one)
    ]
    return float(np.mean(near))


def _near(heat: NDArray[Any], one: Picture) -> NDArray[Any]:
    """Whether each key point is near: its map's peak, a quarter of a cell towards the higher side."""
    x0, y0, x1, y1 = one.scene.boxes[0]
    stride = one.image.shape[1] / heat.shape[2]
    places = []
    for own in heat:
        row, column = divmod(int(own.argmax()), own.shape[1])
        sides = np.pad(own, 1, mode="reflect")[row : row + 3, column : column + 3]
        x = column + 0.5 + 0.25 * np.sign(sides[1, 2] - sides[1, 0])
        places.append((x, row + 0.5 + 0.25 * np.sign(sides[2, 1] - sides[0, 1])))
    away = np.linalg.norm(np.array(places) * stride - one.scene.points[0], axis=1)
    return np.asarray(away <= 0.1 * max(x1 - x0, y1 - y0))


def word_accuracy(
    model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]
) -> float:
    """Share of lines whose digits are all right: best class of each step, repetitions merged, blanks left out."""
    right = []
    for found, one in zip(outputs, pictures, strict=True):
        best = [0, *found[model.outputs[0]][0].argmax(1).tolist()]
        read = [now for last, now in pairwise(best) if now not in {0, last}]
        right.append("".join(str(digit - 1) for digit in read) == one.text)
    return float(np.mean(right))


def hmean(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Twice the lines that are found over all that are drawn and all that are said, at an IoU above one half."""
    import shapely

    found, drawn, right = 0, 0, 0
    for own, one in zip(outputs, pictures, strict=True):
        said = [shapely.Polygon(quad) for quad in _turned(model, own[model.outputs[0]][0, 0])]
        known = [shapely.Polygon(quad) for quad in one.scene.points]
        found, drawn = found + len(said), drawn + len(known)
        for line in known:
            near = [k for k, quad in enumerate(said) if _overlap(line, quad) > _HALF]
            if near:
                del said[near[0]]
                right += 1
    return 2 * right / (found + drawn)


def _overlap(one: Any, other: Any) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def _turned(model: ZooModel, shares: NDArray[Any]) -> list[NDArray[Any]]:
    """Grown rectangles of least area around what is likely a line, where it is likely enough throughout."""
    import cv2

    listed = []
    cut = (shares > float(str(model.decoder["threshold"]))).astype(np.uint8)
    for outline in cv2.findContours(cut, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
        middle, (width, height), angle = cv2.minAreaRect(outline)
        if min(width, height) < float(str(model.decoder["min_side"])):
            continue
        inside = np.zeros(shares.shape, np.uint8)
        corners = cv2.boxPoints((middle, (width, height), angle))
        cv2.fillPoly(inside, [corners.astype(np.int32)], 1)
        more = width * height * float(str(model.decoder["unclip"])) / (width + height)
        if shares[inside > 0].mean() >= _HALF:
            listed.append(cv2.boxPoints((middle, (width + more, height + more), angle)))
    stride = model.preprocess.size[0] / shares.shape[1]
    return [(corners + 0.5) * stride for corners in listed]


def abs_rel(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Mean over images of the mean relative error of every pixel's distance."""
    found = []
    for own, one in zip(outputs, pictures, strict=True):
        wanted = depth_of(one.scene).astype(np.float64)
        found.append((np.abs(own[model.outputs[0]][0, 0] - wanted) / wanted).mean())
    return float(np.mean(found))


def tar_at_far(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Share of the pairs of one hand that are more alike than all but a hundredth of the pairs of two."""
    rows = np.stack([found[model.outputs[0]].ravel() for found in outputs])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    first, second = np.triu_indices(len(rows), 1)
    hands = np.array([one.text for one in pictures])
    same = hands[first] == hands[second]
    alike = (rows @ rows.T)[first, second]
    others = np.sort(alike[~same])[::-1]
    return float((alike[same] > others[len(others) // 100]).mean())


def attributes(model: ZooModel, outputs: Sequence[Outputs], pictures: Sequence[Picture]) -> float:
    """Mean of the shares of images whose digit, parity and darkness are right; of hidden digits the last is left out."""
    right: dict[str, list[bool]] = {"digit": [], "odd": [], "dark": []}
    digit, marked, _ = model.outputs
    for found, one in zip(outputs, pictures, strict=True):
        assert one.label is not None
        odd, dark = found[marked][0]
        right["digit"].append(int(found[digit].argmax()) == one.label)
        right["odd"].append(bool(odd >= 0.5) == bool(one.label % 2))
        marks = marks_of(one.scene)
        if marks is not None:
            right["dark"].append(bool(dark >= 0.5) == marks.dark)
    return float(np.mean([np.mean(each) for each in right.values()]))


METRICS: Final[dict[str, Callable[[ZooModel, Sequence[Outputs], Sequence[Picture]], float]]] = {
    "top1": top1,
    "ap": ap,
    "miou": miou,
    "psnr": psnr,
    "pck": pck,
    "word_accuracy": word_accuracy,
    "hmean": hmean,
    "abs_rel": abs_rel,
    "accuracy": attributes,
    "tar_at_far_1e-2": tar_at_far,
}
