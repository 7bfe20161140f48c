"""Images in flight: a wave of them goes through one model, then through the next.

Two models whose requests alternate push each other's weights out of the processor's caches, and a
decoder that runs once in a while finds its own code and data gone as well. So a wave of images is
given to one model at a time, and finished images are handed on a few at once. A wave is bounded by
what its inputs and raw outputs take in memory, and by time: progress is seen only as waves end.

One thread starts requests and waits for them in the order they were started, so that the device's
own threads never wait for Python's lock. OpenVINO's AsyncInferQueue calls back from the device's
threads instead. Such a thread lets go of the callback after the last answer, and hangs for ever where
the model is deleted at that moment: it waits for Python's lock, and who holds that waits for the thread.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.engine.handing_on import HandingOn
from quantgate.engine.naming import model_ports
from quantgate.errors import MeasurementError
from quantgate.sources.reading import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.engine.handing_on import Consume

#: Images that go through one model before the next one gets them; more of them gain nothing.
MOST_IMAGES = 64
#: The same where there is no next one: few, as fresh memory costs more than it gives.
MOST_ALONE = 8
#: Inputs and raw outputs of one wave; a model with large maps gets shorter waves.
MOST_BYTES = 16 * 2**20
#: How long a wave may take: where one image takes longer than a moment, caches matter little.
WAVE_S = 0.5
#: Requests that wait on the device beyond those it works on: what it does while images are handed on.
#: One where an image takes as much memory as a wave may.
_WAITING = 4
#: Finished images that are handed on one after the other.
_HANDED_ON = 4


@dataclass(slots=True)
class _Ticket:
    """One image on its way: ``tensor`` is shared with the devices until all have answered."""

    index: int
    frame: Frame
    tensor: NDArray[np.uint8]
    outputs: list[Any]
    missing: int

    def bytes(self) -> int:
        """Memory of the input and of all outputs, once they are there."""
        held = [self.tensor, *(array for outputs in self.outputs for array in outputs.values())]
        return sum(int(array.nbytes) for array in held)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A request that was started for an image; ``number`` is its lane's."""

    ticket: _Ticket
    number: int
    request: ov.InferRequest


def wave_length(image_bytes: int, models: int) -> int:
    """How many images go together, where each takes so much memory."""
    most = MOST_IMAGES if models > 1 else MOST_ALONE
    return max(1, min(most, MOST_BYTES // image_bytes))


class Waves:
    """The requests of some models and the images in them; all methods belong to one thread.

    Parameters
    ----------
    consume
        Called once an image with its index, its frame and every model's raw outputs, from any
        thread and in any order. What it raises ends the stream.
    """

    def __init__(self, models: Sequence[ov.CompiledModel], consume: Consume) -> None:
        self._lanes = [_Lane(model) for model in models]
        self._handing_on = HandingOn(consume)
        self._wave: list[_Ticket] = []
        self._flying: deque[_Flight] = deque()
        self._finished: list[_Ticket] = []
        self._largest_bytes = 0
        self._image_s = 0.0

    def add(self, index: int, frame: Frame, image: NDArray[np.uint8]) -> None:
        """Take one more image, [height, width, channels], and wait where enough are under way.

        Raises
        ------
        MeasurementError
            Where the device fails; what ``consume`` raised comes out as it is.
        """
        count = len(self._lanes)
        self._wave.append(_Ticket(index, frame, image[None], [{} for _ in range(count)], count))
        if len(self._wave) >= self._length():
            self._send()

    def settle(self) -> None:
        """Wait until every image is consumed; raises as :meth:`add`."""
        self._send()
        while self._flying:
            self._land()
            self._hand_on(at_least=min(_HANDED_ON, self._in_memory()))
        self._hand_on(at_least=1)
        self._handing_on.settle()

    def close(self) -> None:
        """Let the devices finish what they hold; no image can be added any more."""
        while self._flying:
            with suppress(RuntimeError):
                self._flying[0].request.wait()
            self._flying.popleft()
        self._handing_on.close()

    def _length(self) -> int:
        """Images a wave: one until the first has shown what it takes."""
        in_time = int(WAVE_S / self._image_s) if self._image_s else MOST_IMAGES
        return max(1, min(in_time, self._in_memory()))

    def _in_memory(self) -> int:
        return wave_length(self._largest_bytes or MOST_BYTES, len(self._lanes))

    def _send(self) -> None:
        wave, self._wave = self._wave, []
        started_s = time.perf_counter()
        for number, lane in enumerate(self._lanes):
            for ticket in wave:
                while lane.busy >= lane.working + min(_WAITING, self._in_memory()):
                    self._land()
                self._start(lane, ticket, number)
                # Only now: the device has enough to do meanwhile.
                self._hand_on(at_least=min(_HANDED_ON, self._in_memory()))
        if wave:
            self._image_s = (time.perf_counter() - started_s) / len(wave)

    def _start(self, lane: _Lane, ticket: _Ticket, number: int) -> None:
        request = lane.idle.pop()
        ticket.outputs[number] = lane.bind(request, ticket.tensor)
        # From before the start until after the end: the device reads and writes the ticket's arrays.
        self._flying.append(_Flight(ticket, number, request))
        with inferring():
            request.start_async()

    def _land(self) -> None:
        """Wait for the oldest request."""
        flight = self._flying[0]
        ticket, lane = flight.ticket, self._lanes[flight.number]
        lane.finish(flight.request, ticket.outputs[flight.number])
        self._flying.popleft()
        lane.idle.append(flight.request)
        ticket.missing -= 1
        if not ticket.missing:
            self._largest_bytes = max(self._largest_bytes, ticket.bytes())
            self._finished.append(ticket)

    def _hand_on(self, at_least: int) -> None:
        if len(self._finished) < at_least:
            return
        finished, self._finished = self._finished, []
        for ticket in finished:
            self._handing_on.take(ticket.index, ticket.frame, ticket.outputs)


class _Lane:
    """One model's requests."""

    def __init__(self, model: ov.CompiledModel) -> None:
        import openvino as ov

        self._tensor_of = ov.Tensor
        # Of outputs with the same name the last one counts.
        self._places = {port.name: place for place, port in enumerate(model_ports(model.outputs))}
        self._forms = [_form(node) for node in model.outputs]
        #: Requests that the device works on at the same time.
        self.working = int(model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._requests = [model.create_infer_request() for _ in range(self.working + _WAITING)]
        self.idle = list(self._requests)

    @property
    def busy(self) -> int:
        """Requests that are under way."""
        return len(self._requests) - len(self.idle)

    def bind(self, request: ov.InferRequest, tensor: NDArray[np.uint8]) -> dict[str, Any]:
        """Give the arrays that a request will write its answers into, by name.

        They and the input have to stay until it has. A request's own memory is written again for
        another image, and would have to be copied; it is where an answer's form is known only
        afterwards: there is None until then.
        """
        made: dict[str, Any] = {}
        with inferring():
            request.set_input_tensor(self._tensor_of(tensor, shared_memory=True))
            for name, place in self._places.items():
                form = self._forms[place]
                made[name] = array = None if form is None else np.empty(*form)
                if array is not None:
                    request.set_output_tensor(place, self._tensor_of(array, shared_memory=True))
        return made

    def finish(self, request: ov.InferRequest, outputs: dict[str, Any]) -> None:
        """Wait for all answers, and complete them."""
        with inferring():
            request.wait()
        for name, place in self._places.items():
            if outputs[name] is None:
                outputs[name] = request.get_output_tensor(place).data.copy()


def _form(node: Any) -> tuple[list[int], Any] | None:
    """Shape and type of an answer, where both are known beforehand and numpy has them."""
    shape, kind = node.get_partial_shape(), node.get_element_type()
    if shape.is_dynamic or not all(shape.to_shape()):
        return None
    dtype = kind.to_dtype()
    known = np.dtype(dtype).kind in "biuf" and type(kind)(dtype) == kind
    return (list(shape.to_shape()), dtype) if known else None


@contextmanager
def inferring() -> Iterator[None]:
    """Tell what OpenVINO raises as the device's failure."""
    try:
        yield
    except RuntimeError as error:
        raise MeasurementError(f"the device failed to infer ({first_line(error)})") from error
