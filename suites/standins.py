"""Stand-ins for the models of well-known tutorials: each has the contract of its original and a built-in model inside.

The contract is names, ports, sizes, layout, colours and classes; digit k stands for class k. YOLOv4 alone has
random weights, in Darknet's own layers with a sixteenth of their channels.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino as ov
from openvino.preprocess import ColorFormat, PrePostProcessor

from quantgate.decoders.fields import COCO_UNUSED_IDS
from quantgate.sources.darknet.importer import import_darknet
from quantgate.sources.omz import find_model
from quantgate.sources.omz.fetch import store_key
from quantgate.sources.opset import opset
from quantgate.zoo.catalog import ZOO, xml_path
from quantgate.zoo.scenes import render_classification
from suites.darknet_files import write_darknet, yolov4_cfg
from suites.e2e import formats

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.store import Store

ops = opset()
#: The 80 categories of COCO by their own ids.
COCO_IDS = [category for category in range(1, 91) if category not in COCO_UNUSED_IDS]
#: Of YOLOv4's channels one in so many is left; what keeps its random heads from finding objects everywhere.
DIVISOR, DOUBT = 16, 4.5
#: Sizes of the scenes on which the inner detectors were trained, and of what the original takes.
_SCENE, _WIDE, _HIGH = 300, 1024, 768


def in_store(store: Store, name: str, model: ov.Model) -> None:
    """Put a model where `quantgate fetch` leaves the converted model of Open Model Zoo."""

    def build(folder: Path) -> None:
        ov.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)

    store.get_or_build("omz", store_key(find_model(name)), build)


def classifier() -> ov.Model:
    """mobilenet-v2-1.0-224: NHWC, 1001 probabilities of which the first is background."""
    model = _fed("digits-mobilenet-v2", "input", nhwc=True)
    shares = ops.softmax(model.output(0).get_node().input_value(0), -1)
    none = ops.constant(np.zeros((1, 1), np.float32))
    rest = ops.constant(np.zeros((1, 990), np.float32))
    padded = ops.concat([none, shares, rest], 1)
    return _ending(model, {"MobilenetV2/Predictions/Reshape_1": padded})


def ssd() -> ov.Model:
    """ssd_mobilenet_v1_coco, and v2: NHWC, one output [1, 1, N, 7] whose classes are COCO's category ids."""
    model = _fed("digits-ssd-mobilenet-v2", "image_tensor", nhwc=True)
    return _ending(model, {"DetectionOutput": model.output(0).get_node().input_value(0)})


def instances() -> ov.Model:
    """instance-segmentation-security-0002: [1, 3, 768, 1024], and boxes [N, 5], labels and masks of its objects."""
    inner = _fed("digits-instance-segmentation", "inner", nhwc=False)
    image = ops.parameter([1, 3, _HIGH, _WIDE], np.float32, name="image")
    image.output(0).set_names({"image"})
    # A square scene lies to the left, above what pads it.
    square = ops.slice(image, [0, 0], [_HIGH, _HIGH], [1, 1], [2, 3])
    sizes = ops.constant(np.array([_SCENE, _SCENE], np.int64))
    small = ops.interpolate(square, sizes, "linear", "sizes", axes=np.array([2, 3]))
    inner.get_parameters()[0].output(0).replace(small.output(0))
    found = {one.get_any_name(): one.get_node().input_value(0) for one in inner.outputs}
    scale = np.array([[*[_HIGH / _SCENE] * 4, 1]], np.float32)
    found["boxes"] = ops.multiply(found["boxes"], ops.constant(scale)).output(0)
    return _named([image], found)


def yolo_v4_tf(folder: Path) -> ov.Model:
    """yolo-v4-tf: NHWC, three raw heads [1, h, w, 255] by names that its accuracy-check.yml lists."""
    cfg, weights = write_darknet(folder, yolov4_cfg(608, DIVISOR), doubt=DOUBT)
    steps = PrePostProcessor(import_darknet(cfg, weights).model)
    tensor = steps.input().tensor().set_layout(ov.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_color(ColorFormat.RGB).scale(255.0)
    model = steps.build()
    model.get_parameters()[0].output(0).set_names({"image_input"})
    names = find_model("yolo-v4-tf").accuracy["adapter"]["outputs"]
    order = ops.constant(np.array([0, 2, 3, 1], np.int64))
    heads = [one.get_node().input_value(0) for one in model.outputs]
    return _named(
        model.get_parameters(),
        {name: ops.transpose(head, order) for name, head in zip(names, heads, strict=True)},
    )


def _fed(built_in: str, name: str, *, nhwc: bool) -> ov.Model:
    """Give a built-in model an input of that name for BGR pixels, 0..255."""
    model = ov.Core().read_model(xml_path(built_in))
    plan = ZOO[built_in].preprocess
    steps = PrePostProcessor(model)
    tensor = steps.input().tensor().set_element_type(ov.Type.f32).set_color_format(ColorFormat.BGR)
    tensor.set_layout(ov.Layout("NHWC" if nhwc else "NCHW"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    feeding = steps.input().preprocess().convert_color(ColorFormat.RGB)
    feeding.mean(list(plan.mean)).scale(list(plan.scale))
    fed = steps.build()
    parameter = fed.get_parameters()[0]
    parameter.set_friendly_name(name)
    parameter.output(0).set_names({name})
    return fed


def _ending(model: ov.Model, outputs: dict[str, Any]) -> ov.Model:
    return _named(model.get_parameters(), outputs)


def _named(parameters: list[Any], outputs: dict[str, Any]) -> ov.Model:
    results = []
    for name, node in outputs.items():
        output = node.output(0) if hasattr(node, "output") else node
        output.get_node().set_friendly_name(name)
        output.set_names({name})
        results.append(ops.result(output))
    return ov.Model(results, parameters, "stand-in")


def write_coco_data(folder: Path, count: int) -> None:
    """Write scenes as COCO publishes images and instances, digit k being its k-th category."""
    drawn = formats.scenes(count, (_SCENE, _SCENE))
    formats.write_images(folder / "images", drawn)
    formats.write_coco(folder / "instances.json", drawn)
    document = json.loads((folder / "instances.json").read_text("utf-8"))
    for one in document["annotations"]:
        one["category_id"] = COCO_IDS[one["category_id"] // 3]
    document["categories"] = [{"id": k, "name": f"coco {k}"} for k in COCO_IDS]
    (folder / "instances.json").write_text(json.dumps(document), encoding="utf-8")


def write_imagenet_data(folder: Path, count: int) -> None:
    """Write single digits as ImageNet's list names images, digit k being class k of a thousand."""
    images = folder / "imagenet"
    images.mkdir()
    lines = []
    for k in range(count):
        scene, digit = render_classification(0, k, size=(224, 224), split="evaluate")
        cv2.imwrite(str(images / f"{k:04d}.png"), scene.image)
        lines.append(f"{k:04d}.png {digit}")
    (folder / "val.txt").write_text("\n".join(lines), encoding="utf-8")
    names = "\n".join(f"class {k}" for k in range(1000))
    (folder / "imagenet.txt").write_text(names, encoding="utf-8")
