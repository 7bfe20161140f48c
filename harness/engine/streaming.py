"""Images through one or two models at once, in constant memory.

Every image is decoded and prepared once, in a small pool of threads; the same tensor then goes to
the request queue of each model. Callbacks copy the raw outputs, and the one that completes an image
hands all of them on. Nothing grows with the number of images but what the consumer keeps.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness.datasets.images import read_image
from harness.engine.calibration import refuse_many_skipped
from harness.engine.preprocess import prepare
from harness.engine.progress import SILENT
from harness.engine.runtime import ports_of
from harness.errors import DatasetError, MeasurementError
from harness.sources.reading import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    import numpy as np
    import openvino as ov
    from numpy.typing import NDArray

    from harness.core.geometry import Frame
    from harness.datasets.sample import Sample
    from harness.decoders.protocol import Outputs
    from harness.engine.progress import Progress
    from harness.entries import Preprocess

Loaded = tuple["NDArray[np.uint8]", "Frame"]


@dataclass(frozen=True, slots=True)
class Feed:
    """What goes through the models.

    Parameters
    ----------
    samples
        In order; ``consume`` is told their index.
    preprocess
        How each becomes the input, of the size the model asks for.
    consume
        Called once an image with its index, its frame and every model's raw outputs, from any
        thread and in any order. What it raises ends the stream.
    """

    samples: Sequence[Sample]
    preprocess: Preprocess
    consume: Callable[[int, Frame, list[Outputs]], None]
    progress: Progress = SILENT


@dataclass(slots=True)
class _Ticket:
    """One image on its way: ``tensor`` is shared with the devices until all have answered."""

    index: int
    frame: Frame
    tensor: NDArray[np.uint8]
    outputs: list[Any]
    missing: int
    lock: Lock = field(default_factory=Lock)


def stream(models: Sequence[ov.CompiledModel], feed: Feed) -> tuple[tuple[str, str], ...]:
    """Run every sample through every model; return name and reason of the unreadable images.

    Raises
    ------
    DatasetError
        Where more than 1 % of the images cannot be read; what ``consume`` raises comes out as it is.
    MeasurementError
        Where the device fails in the middle.
    """
    run = _Run(models, feed)
    width = models[0].input(0).get_partial_shape()[2].get_length()
    height = models[0].input(0).get_partial_shape()[1].get_length()
    workers = _processors()

    def load(sample: Sample) -> Loaded:
        return prepare(read_image(sample), feed.preprocess, (width, height))

    feed.progress.start("evaluate", len(feed.samples))
    with _no_inner_threads(), ThreadPoolExecutor(workers, "decode") as pool:
        try:
            for index, loading in _ahead(pool, load, feed.samples, 2 * workers):
                run.submit(index, loading)
            run.settle()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            run.abandon()
            feed.progress.close()
    return tuple(run.skipped)


class _Run:
    """The queues of one stream, and what went wrong in it."""

    def __init__(self, models: Sequence[ov.CompiledModel], feed: Feed) -> None:
        import openvino as ov

        self._feed = feed
        self._tensor_of = ov.Tensor
        self._failure: BaseException | None = None
        self._names = [[port.name for port in ports_of(model.outputs)] for model in models]
        self._queues = []
        self.skipped: list[tuple[str, str]] = []
        for number, model in enumerate(models):
            # One more than the device works on, so that it never waits for a callback.
            jobs = int(model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
            queue = ov.AsyncInferQueue(model, jobs)
            queue.set_callback(self._callback(number))
            self._queues.append(queue)

    def submit(self, index: int, loading: Future[Loaded]) -> None:
        """Wait for an image and give it to every model; an unreadable one is noted and left out."""
        try:
            image, frame = loading.result()
        except DatasetError as error:
            self._skip(index, error)
            return
        count = len(self._queues)
        ticket = _Ticket(index, frame, image[None], [None] * count, count)
        shared = self._tensor_of(ticket.tensor, shared_memory=True)
        for queue in self._queues:
            self._raise_failure()
            with _inferring():
                queue.start_async(shared, ticket, share_inputs=True)

    def settle(self) -> None:
        """Wait until every image is consumed."""
        for queue in self._queues:
            with _inferring():
                queue.wait_all()
        self._raise_failure()

    def abandon(self) -> None:
        """Let the devices finish what they hold; what failed was said already."""
        for queue in self._queues:
            with suppress(RuntimeError):
                queue.wait_all()

    def _skip(self, index: int, error: DatasetError) -> None:
        self.skipped.append((self._feed.samples[index].name, str(error)))
        self._feed.progress.advance()
        reasons = [reason for _, reason in self.skipped]
        refuse_many_skipped(reasons, len(self._feed.samples), error)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _callback(self, number: int) -> Callable[[Any, _Ticket], None]:
        names = self._names[number]

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
            complete = ticket.missing == 0
        if complete and self._failure is None:
            self._feed.consume(ticket.index, ticket.frame, ticket.outputs)
            self._feed.progress.advance()


@contextmanager
def _inferring() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise MeasurementError(f"the device failed to infer ({first_line(error)})") from error


def _copies(names: Sequence[str], tensors: Sequence[Any]) -> Outputs:
    """Copy raw outputs: the device writes its next answer into the same memory."""
    return {name: tensor.data.copy() for name, tensor in zip(names, tensors, strict=True)}


def _ahead(
    pool: ThreadPoolExecutor,
    load: Callable[[Sample], Loaded],
    samples: Sequence[Sample],
    depth: int,
) -> Iterator[tuple[int, Future[Loaded]]]:
    """Yield the loading of every sample in order, while at most ``depth`` others are under way."""
    waiting: deque[tuple[int, Future[Loaded]]] = deque()
    for index, sample in enumerate(samples):
        waiting.append((index, pool.submit(load, sample)))
        if len(waiting) > depth:
            yield waiting.popleft()
    yield from waiting


def _processors() -> int:
    return max(1, len(os.sched_getaffinity(0)))


@contextmanager
def _no_inner_threads() -> Iterator[None]:
    """Keep OpenCV and BLAS from starting threads of their own inside ours.

    A product of small arrays in a decoder otherwise costs several times its processor time.
    """
    import cv2
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)
