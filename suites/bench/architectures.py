"""Architectures of the tutorials' models with random weights: for speed the values do not matter.

Batch normalization is folded into convolutions, as every converter does it.

Sources: He et al., Deep Residual Learning (2015), with the stride in the 3x3 convolution; Sandler et
al., MobileNetV2 (2018); Liu et al., SSD (2016), on MobileNetV2 as the TensorFlow detection zoo has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from suites.bench.contest import operations

if TYPE_CHECKING:
    from collections.abc import Sequence

#: MobileNetV2's stages: expansion, channels, repeats, stride of the first.
INVERTED = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
#: ResNet-50's stages: inner channels, blocks, stride of the first.
BOTTLENECKS = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
#: SSD's prior boxes a place on its six feature maps, and classes with the background.
PRIORS, CLASSES = (3, 6, 6, 6, 6, 6), 91


@dataclass
class Network:
    """Appends layers with random weights of a variance that keeps activations in range."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    ops: Any = field(default_factory=operations)

    def convolution(self, node: Any, channels: int, size: int, stride: int = 1) -> Any:
        """Convolve with bias, same padding."""
        inside = int(node.output(0).get_shape()[1])
        scale = (2 / (inside * size * size)) ** 0.5
        weights = self.rng.normal(0, scale, (channels, inside, size, size)).astype(np.float32)
        pad = [size // 2] * 2
        made = self.ops.convolution(node, weights, [stride] * 2, pad, pad, [1, 1])
        return self.ops.add(made, self.rng.normal(0, 0.1, (1, channels, 1, 1)).astype(np.float32))

    def depthwise(self, node: Any, stride: int) -> Any:
        """Convolve each channel by itself, 3x3."""
        channels = int(node.output(0).get_shape()[1])
        weights = self.rng.normal(0, 0.4, (channels, 1, 1, 3, 3)).astype(np.float32)
        made = self.ops.group_convolution(node, weights, [stride] * 2, [1, 1], [1, 1], [1, 1])
        return self.ops.add(made, self.rng.normal(0, 0.1, (1, channels, 1, 1)).astype(np.float32))

    def relu6(self, node: Any) -> Any:
        """Clip to 0..6."""
        return self.ops.clamp(node, 0.0, 6.0)

    def inverted(self, node: Any, expansion: int, channels: int, stride: int) -> tuple[Any, Any]:
        """One inverted residual; returns its output and its expanded features."""
        inside = int(node.output(0).get_shape()[1])
        wide = node
        if expansion > 1:
            wide = self.relu6(self.convolution(node, inside * expansion, 1))
        made = self.convolution(self.relu6(self.depthwise(wide, stride)), channels, 1)
        return (self.ops.add(made, node) if stride == 1 and inside == channels else made), wide

    def mobilenet_v2(self, node: Any) -> tuple[Any, Any]:
        """Features at stride 32, and the expanded ones at stride 16 that SSD starts from."""
        node = self.relu6(self.convolution(node, 32, 3, 2))
        early = node
        for expansion, channels, repeats, first in INVERTED:
            for place in range(repeats):
                node, wide = self.inverted(node, expansion, channels, first if place == 0 else 1)
                if channels == 160 and place == 0:
                    early = wide
        return self.relu6(self.convolution(node, 1280, 1)), early

    def bottleneck(self, node: Any, inner: int, stride: int) -> Any:
        """One residual block: 1x1, 3x3 and 1x1 to four times the channels."""
        inside = int(node.output(0).get_shape()[1])
        made = self.ops.relu(self.convolution(node, inner, 1))
        made = self.ops.relu(self.convolution(made, inner, 3, stride))
        made = self.convolution(made, 4 * inner, 1)
        short = node
        if stride > 1 or inside != 4 * inner:
            short = self.convolution(node, 4 * inner, 1, stride)
        return self.ops.relu(self.ops.add(made, short))

    def classifier(self, node: Any, classes: int = 1000) -> Any:
        """Pool over the image, then one score a class."""
        channels = int(node.output(0).get_shape()[1])
        pooled = self.ops.reduce_mean(node, np.array([2, 3]), keep_dims=False)
        weights = self.rng.normal(0, channels**-0.5, (channels, classes)).astype(np.float32)
        return self.ops.softmax(self.ops.matmul(pooled, weights, False, False), 1)

    def rows(self, node: Any, columns: int) -> Any:
        """Turn a map of predictions into rows, one a prior box."""
        turned = self.ops.transpose(node, np.array([0, 2, 3, 1]))
        return self.ops.reshape(turned, np.array([1, -1, columns]), special_zero=False)


def _model(node_or_nodes: Sequence[Any], image: Any, name: str) -> Any:
    import openvino as ov

    return ov.Model(list(node_or_nodes), [image], name)


def resnet50() -> Any:
    """ResNet-50, 224x224, 4.1 thousand million multiply-accumulates."""
    net = Network()
    image = net.ops.parameter([1, 3, 224, 224], np.float32, name="image")
    node = net.ops.relu(net.convolution(image, 64, 7, 2))
    # The first version of the operation: later ones have a second output, for indices.
    node = operations("opset1").max_pool(node, [2, 2], [1, 1], [1, 1], [3, 3])
    for inner, blocks, first in BOTTLENECKS:
        for place in range(blocks):
            node = net.bottleneck(node, inner, first if place == 0 else 1)
    return _model([net.classifier(node)], image, "resnet-50")


def mobilenet_v2() -> Any:
    """MobileNetV2 1.0, 224x224, 0.3 thousand million multiply-accumulates."""
    net = Network()
    image = net.ops.parameter([1, 3, 224, 224], np.float32, name="image")
    return _model([net.classifier(net.mobilenet_v2(image)[0])], image, "mobilenet-v2")


def ssd_mobilenet_v2() -> Any:
    """SSD on MobileNetV2, 300x300, up to the raw boxes and scores of its 1,917 priors."""
    net = Network()
    image = net.ops.parameter([1, 3, 300, 300], np.float32, name="image")
    features, early = net.mobilenet_v2(image)
    maps = [early, features]
    for inner, channels in ((256, 512), (128, 256), (128, 256), (64, 128)):
        small = net.relu6(net.convolution(maps[-1], inner, 1))
        maps.append(net.relu6(net.convolution(small, channels, 3, 2)))
    boxes, scores = [], []
    for node, priors in zip(maps, PRIORS, strict=True):
        boxes.append(net.rows(net.convolution(node, priors * 4, 1), 4))
        scores.append(net.rows(net.convolution(node, priors * CLASSES, 1), CLASSES))
    found = net.ops.sigmoid(net.ops.concat(scores, 1))
    return _model([net.ops.concat(boxes, 1), found], image, "ssd-mobilenet-v2")
