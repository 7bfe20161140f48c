"""Images through one or two models at once, in constant memory.

Every image is decoded and prepared once, in a small pool of threads; the same tensor then goes to
each model. Nothing grows with the number of images but what the consumer keeps.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantgate.datasets.images import read_image
from quantgate.engine.calibration import refuse_many_skipped
from quantgate.engine.preprocess import prepare
from quantgate.engine.waves import Waves, wave_length
from quantgate.errors import DatasetError
from quantgate.machine import logical_cores
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    import numpy as np
    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.datasets.sample import Sample
    from quantgate.decoders.protocol import Outputs
    from quantgate.engine.handing_on import Consume
    from quantgate.entries import Preprocess
    from quantgate.progress import Progress

Loaded = tuple["NDArray[np.uint8]", "Frame"]


@dataclass(frozen=True, slots=True)
class Before:
    """The earlier parts of an evaluation: of how many images it is, and why some could not be read.

    ``total`` is None where nothing else belongs to it.
    """

    total: int | None = None
    unread: tuple[str, ...] = ()


NOTHING_BEFORE = Before()


@dataclass(frozen=True, slots=True)
class Feed:
    """The images that go through the models.

    Parameters
    ----------
    samples
        In order; ``consume`` is told their index.
    preprocess
        How each becomes the input, of the size the model asks for.
    consume
        Called once an image with its index, its frame and every model's raw outputs, from any
        thread and in any order. What it raises ends the stream.
    before
        What of the same evaluation went through already.
    leave_out
        Called with the index of an image that cannot be read, and the reason.
    """

    samples: Sequence[Sample]
    preprocess: Preprocess
    consume: Consume
    progress: Progress = SILENT
    before: Before = NOTHING_BEFORE
    leave_out: Callable[[int, str], None] | None = None


def stream(models: Sequence[ov.CompiledModel], feed: Feed) -> tuple[tuple[str, str], ...]:
    """Run every sample through every model; return name and reason of the unreadable images.

    Raises
    ------
    DatasetError
        Where more than 1 % of the images cannot be read; what ``consume`` raises comes out as it is.
    MeasurementError
        Where the device fails in the middle.
    """
    waves, skipped = Waves(models, _consume_and_count(feed)), _Skipped(feed)
    width = models[0].input(0).get_partial_shape()[2].get_length()
    height = models[0].input(0).get_partial_shape()[1].get_length()
    workers = logical_cores()
    depth = 2 * workers + wave_length(3 * width * height, len(models))

    def load(sample: Sample) -> Loaded:
        return prepare(read_image(sample), feed.preprocess, (width, height))

    feed.progress.start("evaluate", len(feed.samples))
    with _no_inner_threads(), ThreadPoolExecutor(workers, "decode") as pool:
        try:
            for index, loading in _ahead(pool, load, feed.samples, depth):
                try:
                    image, frame = loading.result()
                except DatasetError as error:
                    skipped.add(index, error)
                else:
                    waves.add(index, frame, image)
            waves.settle()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            waves.close()
            feed.progress.close()
    return tuple(skipped.images)


def _consume_and_count(feed: Feed) -> Consume:
    """Consume an image, then say that one more is done."""

    def consume(index: int, frame: Frame, outputs: list[Outputs]) -> None:
        feed.consume(index, frame, outputs)
        feed.progress.advance()

    return consume


@dataclass(slots=True)
class _Skipped:
    """Images that cannot be read, by name, with the reason."""

    feed: Feed
    images: list[tuple[str, str]] = field(default_factory=list)

    def add(self, index: int, error: DatasetError) -> None:
        """Leave one image out; raises where they are too many."""
        self.images.append((self.feed.samples[index].name, str(error)))
        self.feed.progress.advance()
        before = self.feed.before
        reasons = [*before.unread, *(reason for _, reason in self.images)]
        refuse_many_skipped(reasons, before.total or len(self.feed.samples), error)
        if self.feed.leave_out is not None:
            self.feed.leave_out(index, str(error))


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


@contextmanager
def _no_inner_threads() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own inside ours."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
