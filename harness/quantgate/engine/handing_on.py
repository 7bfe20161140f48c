"""Handing finished images on: at once where that is quickly done, else in threads.

A short piece of work is done by the thread that has it at hand: another one would wait for Python's
lock most of the time. Long ones (masks, SSIM) spend theirs in libraries that let go of the lock.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from quantgate.machine import logical_cores

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

    Consume = Callable[[int, Frame, list[Outputs]], None]

#: An image that takes more of the processor is worth a thread.
LONG_S = 0.002


class HandingOn:
    """Calls ``consume`` for one image after the other; methods belong to one thread.

    Parameters
    ----------
    consume
        Called from any thread and in any order. What it raises comes out of a later call here.
    """

    def __init__(self, consume: Consume) -> None:
        self._consume = consume
        self._threads = logical_cores()
        self._pool = ThreadPoolExecutor(self._threads, "hand-on")
        self._jobs: deque[Future[None]] = deque()
        self._image_s = 0.0

    def take(self, index: int, frame: Frame, outputs: list[Outputs]) -> None:
        """Pass one image on, and wait if enough of them are in flight."""
        if self._image_s < LONG_S:
            self._run(index, frame, outputs)
            return
        self._jobs.append(self._pool.submit(self._run, index, frame, outputs))
        while self._jobs and (self._jobs[0].done() or len(self._jobs) > 2 * self._threads):
            self._jobs.popleft().result()

    def settle(self) -> None:
        """Wait until all are consumed."""
        while self._jobs:
            self._jobs.popleft().result()

    def close(self) -> None:
        """Leave out what has not begun, and wait for the rest."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, index: int, frame: Frame, outputs: list[Outputs]) -> None:
        started_s = time.thread_time()
        self._consume(index, frame, outputs)
        self._image_s = time.thread_time() - started_s
