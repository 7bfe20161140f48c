"""Open Model Zoo's text detectors, each on a generated graph with the ports that its page documents."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.core.quads import quad_iou
from quantgate.decoders.catalog import DECODERS
from quantgate.decoders.ports import ports_of
from quantgate.sources.omz.adapt import adapt
from quantgate.sources.omz.index import find_model
from quantgate.sources.omz.knowledge import settings_of
from quantgate.sources.opset import opset
from suites import turned


def graph(name: str, side: tuple[int, int], outputs: Any) -> Any:
    """A network of one picture [1, h, w, 3]: ``outputs`` makes its ports of a grey map [1, 1, h, w] of 0 to 1."""
    import openvino as ov

    ops = opset()
    height, width = side
    image = ops.parameter([1, height, width, 3], name="Placeholder")
    image.output(0).set_names({"Placeholder"})
    planes = ops.transpose(image, ops.constant(np.array([0, 3, 1, 2], np.int64)))
    grey = ops.reduce_mean(planes, ops.constant(np.array([1], np.int64)), keep_dims=True)
    shares = ops.divide(grey, ops.constant(np.float32(255)))
    results = []
    for port, node in outputs(ops, shares):
        node.output(0).set_names({port})
        results.append(node)
    return adapt(find_model(name), ov.Model(results, [image], name))


def run(network: Any, image: Any) -> dict[str, Any]:
    """Raw outputs by name."""
    import openvino as ov

    found = ov.Core().compile_model(network, "CPU")([image[None].astype(np.float32)])
    return {port.get_any_name(): np.array(value) for port, value in found.items()}


def decoded(name: str, network: Any, image: Any) -> Any:
    """What the settings of a name find in a picture of the input's size."""
    settings = settings_of(name)
    assert (settings.support, settings.task) == ("task", "quads")
    keys = {key: value for key, value in settings.decoder.items() if key != "kind"}
    decoder = DECODERS[settings.decoder["kind"]](**keys)
    outputs = run(network, image)
    decoder.check(ports_of(outputs))
    size = (image.shape[1], image.shape[0])
    return decoder.decode(outputs, Frame(size, size, (1.0, 1.0), (0.0, 0.0)))


def last(ops: Any, node: Any) -> Any:
    """Channels behind rows and columns."""
    return ops.transpose(node, ops.constant(np.array([0, 2, 3, 1], np.int64)))


def of_pixel_link(ops: Any, shares: Any) -> list[tuple[str, Any]]:
    """Logits of text where a cell of 4 x 4 px is white, and links from each white cell to all around it."""
    cells = ops.avg_pool(shares, [4, 4], [0, 0], [0, 0], [4, 4], exclude_pad=True)
    logits = ops.multiply(
        ops.subtract(cells, ops.constant(np.float32(0.5))), ops.constant(np.float32(20))
    )
    nothing = ops.multiply(logits, ops.constant(np.float32(0)))
    return [
        ("model/link_logits_/add", last(ops, ops.concat([nothing, logits] * 8, 1))),
        ("model/segm_logits/add", last(ops, ops.concat([nothing, logits], 1))),
    ]


@pytest.mark.parametrize("name", ["text-detection-0003", "text-detection-0004"])
def test_pixel_link_models_are_read_by_name_alone(name: str) -> None:
    """White bars are found where they lie, turned as they are; one that is 6 px high is none."""
    image = np.zeros((768, 1280, 3), np.uint8)
    bars = [turned.rectangle(300, 200, 240, 48, 0.4), turned.rectangle(900, 500, 160, 40, -0.2)]
    for bar in [*bars, turned.rectangle(600, 700, 200, 6, 0.0)]:
        cv2.fillPoly(image, [np.array(bar).round().astype(np.int32)], (255, 255, 255))

    found = decoded(name, graph(name, (768, 1280), of_pixel_link), image)

    assert len(found) == 2
    assert (quad_iou(found.quads, np.array(bars)).max(axis=0) > 0.85).all()
    assert settings_of(name).references[0].metric == "hmean"


def of_ctpn(ops: Any, shares: Any) -> list[tuple[str, Any]]:
    """Text at the anchor of 48 px where a cell of 16 x 16 px is white; nothing is shifted."""
    cells = ops.avg_pool(
        shares, [16, 16], [0, 0], [0, 0], [16, 16], exclude_pad=True, rounding_type="ceil"
    )
    nothing = ops.multiply(cells, ops.constant(np.float32(0)))
    channels = [cells if k == 2 * 4 + 1 else nothing for k in range(20)]
    return [
        ("Reshape_2", last(ops, ops.concat(channels, 1))),
        ("rpn_bbox_pred/Reshape_1", last(ops, ops.concat([nothing] * 40, 1))),
    ]


def test_ctpn_is_read_by_name_alone() -> None:
    """Rows of white cells are lines as high as their anchor; a single cell is none."""
    image = np.zeros((600, 600, 3), np.uint8)
    image[160:176, 64:320] = image[400:416, 160:560] = image[496:512, 32:48] = 255

    found = decoded("ctpn", graph("ctpn", (600, 600), of_ctpn), image)

    assert sorted(found.boxes.tolist()) == [[64, 144, 320, 192], [160, 384, 560, 432]]
