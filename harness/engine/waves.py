"""Images in flight: a wave of them goes through one model, then through the next.

Two models whose requests alternate push each other's weights out of the processor's caches, and a
decoder that runs once in a while finds its own code and data gone as well. So a wave of images is
given to one model at a time, and finished images are handed on a few at once. A wave is bounded by
what its inputs and raw outputs take in memory, and by time: progress is seen only as waves end.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
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
MOST_BYTES = 16 * 2**20
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
    """The requests of some models and the images in them.

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
        self._lanes = [_Lane(model) for model in models]

    def add(self, index: int, frame: Frame, image: NDArray[np.uint8]) -> None:
        """Take one more image, [height, width, channels], and wait where enough are under way.

        Raises
        ------
        MeasurementError
            Where the device fails; what ``consume`` raised comes out as it is.
        """
        count = len(self._lanes)
        self._wave.append(_Ticket(index, frame, image[None], [None] * count, count))
        if len(self._wave) >= self._length():
            self._send()

    def settle(self) -> None:
        """Wait until every image is consumed; raises as :meth:`add`."""
        self._send()
        self.close()
        self._hand_on(at_least=1)
        self._raise_failure()

    def close(self) -> None:
        """Let the devices finish what they hold; no image can be added any more."""
        for lane in self._lanes:
            lane.close()

    def _length(self) -> int:
        """Images a wave: one until the first has shown what it takes."""
        in_time = int(WAVE_S / self._image_s) if self._image_s else MOST_IMAGES
        return max(1, min(in_time, wave_length(self._largest_bytes or MOST_BYTES)))

    def _send(self) -> None:
        wave, self._wave = self._wave, []
        started_s = time.perf_counter()
        shared = [self._tensor_of(ticket.tensor, shared_memory=True) for ticket in wave]
        for number, lane in enumerate(self._lanes):
            for tensor, ticket in zip(shared, wave, strict=True):
                self._raise_failure()
                lane.start(partial(self._run, ticket, number, tensor))
        if wave:
            self._image_s = (time.perf_counter() - started_s) / len(wave)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(
        self, ticket: _Ticket, number: int, tensor: ov.Tensor, request: ov.InferRequest
    ) -> None:
        try:
            self._receive(ticket, number, self._lanes[number].infer(request, tensor))
        except BaseException as error:  # noqa: BLE001 - the thread that adds images raises it
            self._failure = self._failure or error

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


class _Lane:
    """One model's requests, each run by a thread of its own.

    OpenVINO's AsyncInferQueue calls back from its own threads instead. Such a thread lets go of the
    callback after the last answer, and hangs for ever where the model is deleted at that moment: it
    waits for Python's lock, and who holds that waits for the thread.
    """

    def __init__(self, model: ov.CompiledModel) -> None:
        self._names = [port.name for port in ports_of(model.outputs)]
        # One more than the device works on, so that it never waits for what follows an answer.
        jobs = int(model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(jobs):
            self._idle.put(model.create_infer_request())
        self._pool = ThreadPoolExecutor(jobs, "infer")

    def start(self, run: Callable[[ov.InferRequest], None]) -> None:
        """Wait for an idle request, and run something with it in a thread."""
        request = self._idle.get()

        def running() -> None:
            run(request)
            self._idle.put(request)

        self._pool.submit(running)

    def infer(self, request: ov.InferRequest, tensor: ov.Tensor) -> Outputs:
        """Give copies of a request's answers: the device writes the next ones into the same memory."""
        with inferring():
            request.set_input_tensor(tensor)
            request.start_async()
            request.wait()
        found = zip(self._names, request.output_tensors, strict=True)
        return {name: output.data.copy() for name, output in found}

    def close(self) -> None:
        """Wait for all answers; nothing can be started any more."""
        self._pool.shutdown()


@contextmanager
def inferring() -> Iterator[None]:
    """Tell what OpenVINO raises as the device's failure."""
    try:
        yield
    except RuntimeError as error:
        raise MeasurementError(f"the device failed to infer ({first_line(error)})") from error
