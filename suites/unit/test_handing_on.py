"""Finished images are handed on in the caller's thread where that is short, else in others."""

from __future__ import annotations

import threading
import time
from threading import Event, Lock, get_ident
from typing import TYPE_CHECKING

import pytest

from quantgate.core.geometry import Frame
from quantgate.engine import handing_on
from quantgate.engine.handing_on import HandingOn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.decoders.protocol import Outputs

FRAME = Frame((4, 4), (4, 4), (1.0, 1.0), (0.0, 0.0))


class Consumer:
    """Notes which thread consumed which image; each takes some processor time."""

    def __init__(self, busy_s: float = 0.0) -> None:
        self.threads: dict[int, int] = {}
        self._busy_s = busy_s
        self._lock = Lock()

    def __call__(self, index: int, frame: Frame, outputs: list[Outputs]) -> None:
        """Consume one image."""
        assert (frame, outputs) == (FRAME, [])
        until = time.thread_time() + self._busy_s
        while time.thread_time() < until:
            pass
        with self._lock:
            assert index not in self.threads, "handed on twice"
            self.threads[index] = get_ident()


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """No thread that hands images on is left behind."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hand-on")]


def test_short_work_is_done_at_once() -> None:
    """No thread is troubled with an image that takes next to nothing."""
    consumer = Consumer()
    run = HandingOn(consumer)
    for index in range(20):
        run.take(index, FRAME, [])

    assert consumer.threads == dict.fromkeys(range(20), get_ident())
    run.settle()
    run.close()


def test_long_work_is_done_in_threads() -> None:
    """Once an image has taken long the next ones go to other threads; all are consumed in the end."""
    consumer = Consumer(busy_s=2 * handing_on.LONG_S)
    run = HandingOn(consumer)
    for index in range(20):
        run.take(index, FRAME, [])
    run.settle()
    run.close()

    assert sorted(consumer.threads) == list(range(20))
    assert [
        index for index, thread in sorted(consumer.threads.items()) if thread == get_ident()
    ] == [0]


def test_waiting_images_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands on faster than images are consumed waits: two for each thread are under way."""
    monkeypatch.setattr(handing_on, "LONG_S", -1.0)
    monkeypatch.setattr(handing_on, "logical_cores", lambda: 1)
    go = Event()
    taken: list[int] = []

    def consume(_index: int, _frame: Frame, _outputs: list[Outputs]) -> None:
        go.wait(10)

    run = HandingOn(consume)

    def handing() -> None:
        for index in range(6):
            run.take(index, FRAME, [])
            taken.append(index)

    thread = threading.Thread(target=handing)
    thread.start()
    deadline = time.monotonic() + 5
    while len(taken) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert taken == [0, 1]
    go.set()
    thread.join()
    run.settle()
    run.close()
    assert taken == list(range(6))


@pytest.mark.parametrize("long_s", [-1.0, 1.0])
def test_what_consuming_raises_comes_out(long_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error arrives with whoever hands on or settles, from a thread as well as at once."""
    monkeypatch.setattr(handing_on, "LONG_S", long_s)

    def breaking(index: int, _frame: Frame, _outputs: list[Outputs]) -> None:
        if index == 3:
            raise ValueError("broken at 3")

    run = HandingOn(breaking)

    def handing() -> None:
        for index in range(6):
            run.take(index, FRAME, [])
        run.settle()

    with pytest.raises(ValueError, match="broken at 3"):
        handing()
    run.close()


def test_closing_leaves_out_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error elsewhere, nothing more is consumed than what was being consumed."""
    monkeypatch.setattr(handing_on, "LONG_S", -1.0)
    monkeypatch.setattr(handing_on, "logical_cores", lambda: 1)
    begun, go = Event(), Event()
    seen: list[int] = []

    def consume(index: int, _frame: Frame, _outputs: list[Outputs]) -> None:
        begun.set()
        go.wait(10)
        seen.append(index)

    run = HandingOn(consume)
    run.take(0, FRAME, [])
    run.take(1, FRAME, [])
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()
    run.close()

    assert seen == [0]
