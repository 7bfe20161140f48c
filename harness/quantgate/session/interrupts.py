"""Ctrl-C ends a run, even if a library swallowed it."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType


class Interrupts:
    """Remembers an interrupt, and ends the gate in which it came as interrupted.

    Where native code of a library was calling back at that moment, KeyboardInterrupt comes out of it as
    another error, or not at all: the gate would be broken for no fault of its model, and the run go on.
    """

    def __init__(self) -> None:
        self._came = False
        self._installed = False

    def pytest_sessionstart(self) -> None:
        """Install the handler, unless interrupts are already handled differently from Python's default."""
        own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if own and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
            self._installed = True

    def pytest_unconfigure(self) -> None:
        """Leave interrupts as they were."""
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None]:
        """End what prepares a gate."""
        try:
            yield
        finally:
            self._end()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        """End a gate."""
        try:
            yield
        finally:
            self._end()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        signal.default_int_handler(number, frame)

    def _end(self) -> None:
        if self._came:
            raise KeyboardInterrupt
