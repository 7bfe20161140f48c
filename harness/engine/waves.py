"""Images in flight: a wave of them goes through one model, then through the next.

Two models whose requests alternate push each other's weights out of the processor's caches, and a
decoder that runs once in a while finds its own code and data gone as well. So a wave of images is
given to one model at a time, and finished images are handed on a few at once. A wave is bounded by
what its inputs and raw outputs take in memory, and by time: progress is seen only as waves end.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness.engine.runtime import ports_of
from harness.errors import MeasurementError
from harness.sources.reading import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import openvino as ov
    from numpy.typing import NDArray

    from harness.core.geometry import Frame
    from harness.decoders.protocol import Outputs

    Consume = Callable[[int, Frame, list[Outputs]], None]

#: Images that go through one model before the next one gets them; more of them gain nothing.
MOST_IMAGES = 64
#: Inputs and raw outputs of one wave; a model with large maps gets shorter waves.
MOST_BYTES = 64 * 2**20
#: How long a wave may take: where one image takes longer than a moment, caches matter little.
WAVE_S = 0.5
#: Finished images that are handed on by one thread, one after the other.
_HANDED_ON = 4


@dataclass(slots=True)
class _Ticket:
    """One image on its way: ``tensor`` is shared with the devices until all have answered."""

    index: int
    frame: Frame
    tensor: NDArray[np.uint8]
    outputs: list[Any]
    missing: int
    lock: Lock = field(default_factory=Lock)

    def bytes(self) -> int:
        """Memory of the input and of all outputs, once they are there."""
        held = [self.tensor, *(array for outputs in self.outputs for array in outputs.values())]
        return sum(int(array.nbytes) for array in held)


def wave_length(image_bytes: int) -> int:
    """How many images go together, where each takes so much memory."""
    return max(1, min(MOST_IMAGES, MOST_BYTES // image_bytes))


class Waves:
    """The request queues of some models and the images in them.

    Parameters
    ----------
    consume
        Called once an image with its index, its frame and every model's raw outputs, from any
        thread and in any order. What it raises ends the stream.
    """

    def __init__(self, models: Sequence[ov.CompiledModel], consume: Consume) -> None:
        import openvino as ov

        self._consume = consume
        self._tensor_of = ov.Tensor
        self._failure: BaseException | None = None
        self._lock = Lock()
        self._wave: list[_Ticket] = []
        self._finished: list[_Ticket] = []
        self._largest_bytes = 0
        self._image_s = 0.0
        self._queues = []
        for number, model in enumerate(models):
            # One more than the device works on, so that it never waits for a callback.
            jobs = int(model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
            queue = ov.AsyncInferQueue(model, jobs)
            names = [port.name for port in ports_of(model.outputs)]
            queue.set_callback(self._callback(number, names))
            self._queues.append(queue)

    def add(self, index: int, frame: Frame, image: NDArray[np.uint8]) -> None:
        """Take one more image, [height, width, channels], and wait where enough are under way.

        Raises
        ------
        MeasurementError
            Where the device fails; what ``consume`` raised comes out as it is.
        """
        count = len(self._queues)
        self._wave.append(_Ticket(index, frame, image[None], [None] * count, count))
        if len(self._wave) >= self._length():
            self._send()

    def settle(self) -> None:
        """Wait until every image is consumed; raises as :meth:`add`."""
        self._send()
        for queue in self._queues:
            with inferring():
                queue.wait_all()
        self._hand_on(at_least=1)
        self._raise_failure()

    def abandon(self) -> None:
        """Let the devices finish what they hold; what failed was said already."""
        for queue in self._queues:
            with suppress(RuntimeError):
                queue.wait_all()

    def _length(self) -> int:
        """Images a wave: one until the first has shown what it takes."""
        in_time = int(WAVE_S / self._image_s) if self._image_s else MOST_IMAGES
        return max(1, min(in_time, wave_length(self._largest_bytes or MOST_BYTES)))

    def _send(self) -> None:
        wave, self._wave = self._wave, []
        started_s = time.perf_counter()
        shared = [self._tensor_of(ticket.tensor, shared_memory=True) for ticket in wave]
        for queue in self._queues:
            for tensor, ticket in zip(shared, wave, strict=True):
                self._raise_failure()
                with inferring():
                    queue.start_async(tensor, ticket, share_inputs=True)
        if wave:
            self._image_s = (time.perf_counter() - started_s) / len(wave)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _callback(self, number: int, names: Sequence[str]) -> Callable[[Any, _Ticket], None]:
        def received(request: Any, ticket: _Ticket) -> None:
            try:
                self._receive(ticket, number, _copies(names, request.output_tensors))
            except BaseException as error:  # noqa: BLE001 - out of a callback it would end the process
                self._failure = self._failure or error

        return received

    def _receive(self, ticket: _Ticket, number: int, outputs: Outputs) -> None:
        with ticket.lock:
            ticket.outputs[number] = outputs
            ticket.missing -= 1
            if ticket.missing:
                return
        with self._lock:
            self._largest_bytes = max(self._largest_bytes, ticket.bytes())
            self._finished.append(ticket)
        self._hand_on(at_least=min(_HANDED_ON, self._length()))

    def _hand_on(self, at_least: int) -> None:
        with self._lock:
            if len(self._finished) < at_least:
                return
            finished, self._finished = self._finished, []
        for ticket in finished:
            if self._failure is None:
                self._consume(ticket.index, ticket.frame, ticket.outputs)


@contextmanager
def inferring() -> Iterator[None]:
    """Tell what OpenVINO raises as the device's failure."""
    try:
        yield
    except RuntimeError as error:
        raise MeasurementError(f"the device failed to infer ({first_line(error)})") from error


def _copies(names: Sequence[str], tensors: Sequence[Any]) -> Outputs:
    """Copy raw outputs: the device writes its next answer into the same memory."""
    return {name: tensor.data.copy() for name, tensor in zip(names, tensors, strict=True)}
