"""The parent fed in any way that models.toml could say, from one compilation.

The parent's graph holds its preprocessing. Its input is made float here: whatever other colour, mean
and scale would give is turned back through what the graph does, so that nothing is built anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.datasets.images import read_image
from quantgate.engine.naming import model_ports
from quantgate.engine.preprocess import prepare
from quantgate.engine.runtime import compile_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.datasets.sample import Sample
    from quantgate.decoders.protocol import Outputs, Port
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.runtime import Target
    from quantgate.entries import Preprocess

#: Part of the picture that is cut off at its left and its top to look at it a second time.
CUT = 0.12


@dataclass(frozen=True, slots=True)
class Answer:
    """The raw outputs for one image, and how it was brought to the input."""

    outputs: Outputs
    frame: Frame


@dataclass(frozen=True, slots=True)
class Parent:
    """A compiled parent whose input takes any numbers, and how its graph treats them."""

    model: ov.CompiledModel
    plan: Preprocess
    ports: tuple[Port, ...]
    _inputs: dict[tuple[Any, ...], tuple[NDArray[np.uint8], Frame]] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """``(width, height)`` of the input, px."""
        _, height, width, _ = self.model.input(0).get_shape()
        return int(width), int(height)

    def answers(
        self, samples: Sequence[Sample], plan: Preprocess | None = None, *, cut: bool = False
    ) -> Iterator[Answer]:
        """Infer every sample, fed as ``plan`` says; ``cut``: without its left and upper edge."""
        wanted = self.plan if plan is None else plan
        for sample in samples:
            image, frame = self._input(sample, wanted, cut=cut)
            fed = image if wanted == self.plan else _as_fed(image, wanted, self.plan)
            found = self.model(fed[None].astype(np.float32))
            yield Answer(
                {port.name: found[index].copy() for index, port in enumerate(self.ports)}, frame
            )

    def picture(self, sample: Sample, plan: Preprocess | None = None) -> NDArray[np.uint8]:
        """Give a sample as it is fed before colour, mean and scale: BGR [height, width, 3]."""
        image, _ = self._input(sample, self.plan if plan is None else plan, cut=False)
        return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))

    def _input(
        self, sample: Sample, plan: Preprocess, *, cut: bool
    ) -> tuple[NDArray[np.uint8], Frame]:
        key = (sample.digest, sample.name, plan.resize, plan.short_side, plan.pad, cut)
        if key not in self._inputs:
            image = read_image(sample)
            self._inputs[key] = prepare(_cut(image) if cut else image, plan, self.size)
        return self._inputs[key]


def open_parent(artifact: Artifact, plan: Preprocess, target: Target) -> Parent:
    """Compile a parent's IR with a float input.

    Raises
    ------
    MeasurementError
        Where the device is not there, or refuses the model.
    """
    import openvino as ov

    model = ov.Core().read_model(artifact.path)
    model.inputs[0].get_node().set_element_type(ov.Type.f32)
    model.validate_nodes_and_infer_types()
    compiled = compile_graph(model, artifact, target)
    return Parent(compiled, plan, model_ports(compiled.outputs))


def cut_offset(frame_image: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows that :func:`_cut` takes off an image of ``(width, height)``."""
    return int(frame_image[0] * CUT), int(frame_image[1] * CUT)


def _cut(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    left, top = cut_offset((image.shape[1], image.shape[0]))
    return np.ascontiguousarray(image[top:, left:])


def _as_fed(
    image: NDArray[np.uint8], wanted: Preprocess, embedded: Preprocess
) -> NDArray[np.float32]:
    """Give the input from which the embedded steps make what ``wanted`` would make of the image."""
    red_first = image[..., ::-1] if wanted.colour == "rgb" else image
    mean, scale = (np.asarray(each, np.float32) for each in (wanted.mean, wanted.scale))
    values: NDArray[np.float32] = (red_first.astype(np.float32) - mean) / scale
    mean, scale = (np.asarray(each, np.float32) for each in (embedded.mean, embedded.scale))
    values = values * scale + mean
    return np.ascontiguousarray(values[..., ::-1] if embedded.colour == "rgb" else values)
