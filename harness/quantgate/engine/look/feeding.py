"""The parent fed in any way that models.toml could say, from one compilation.

The parent's graph holds its preprocessing. Its input is made float here: whatever other colour, mean
and scale would give is turned back through what the graph does, so that nothing is built anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
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
        """Infer every sample, fed as ``plan`` says; ``cut``: without its left and upper edge.

        The next ones are inferred while an answer is read.
        """
        wanted = self.plan if plan is None else plan
        flying: deque[tuple[ov.InferRequest, Frame]] = deque()
        idle = [self.model.create_infer_request() for _ in range(min(self._room, len(samples)))]
        try:
            for sample in samples:
                image, frame = self._input(sample, wanted, cut=cut)
                fed = image if wanted == self.plan else _as_fed(image, wanted, self.plan)
                if not idle:
                    request, of = flying[0]
                    yield self._answer(request, of)
                    idle.append(flying.popleft()[0])
                request = idle.pop()
                request.start_async(fed[None].astype(np.float32))
                flying.append((request, frame))
            while flying:
                yield self._answer(*flying[0])
                flying.popleft()
        finally:
            for request, _ in flying:
                request.wait()

    def _answer(self, request: ov.InferRequest, frame: Frame) -> Answer:
        request.wait()
        outputs = zip(self.ports, request.output_tensors, strict=True)
        return Answer({port.name: tensor.data.copy() for port, tensor in outputs}, frame)

    @property
    def _room(self) -> int:
        """How many images are under way: one more than the device works on."""
        return int(self.model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1

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
    """Compile a parent's IR with a float input, to infer many images.

    Raises
    ------
    MeasurementError
        Where the device is not there, or refuses the model.
    """
    import openvino as ov

    model = ov.Core().read_model(artifact.path)
    model.inputs[0].get_node().set_element_type(ov.Type.f32)
    model.validate_nodes_and_infer_types()
    compiled = compile_graph(model, artifact, replace(target, hint="throughput"))
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
    values: NDArray[np.float32] = red_first.astype(np.float32)
    if (wanted.mean, wanted.scale) != (embedded.mean, embedded.scale):
        (mean, scale), (own_mean, own_scale) = _numbers(wanted), _numbers(embedded)
        values *= (own_scale / scale).astype(np.float32)
        values += (own_mean - mean * own_scale / scale).astype(np.float32)
    return np.ascontiguousarray(values[..., ::-1] if embedded.colour == "rgb" else values)


def _numbers(plan: Preprocess) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scale of a plan, each a number or one a channel, [] or [channels]."""
    return np.asarray(plan.mean, np.float64), np.asarray(plan.scale, np.float64)
