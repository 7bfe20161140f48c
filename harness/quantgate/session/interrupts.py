"""Ctrl-C, and what a pipeline sends instead: the run ends at once, and its report is written."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
#: What ends a run at the wish of a person or a pipeline, where the system has it.
ALL = tuple(signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__)


class Interrupts:
    """Remembers an interrupt, and ends the gate in which it came as interrupted.

    Where native code of a library was calling back at that moment, KeyboardInterrupt comes out of it as
    another error, or not at all: the gate would be broken for no fault of its model, and the run go on.

    Parameters
    ----------
    signals
        What to listen for. A parallel worker has no report to write and leaves all but Ctrl-C to the
        system, which ends it at once.
    """

    def __init__(self, signals: Sequence[signal.Signals] = ALL) -> None:
        self._signals = signals
        self._came: signal.Signals | None = None
        self._listening: list[signal.Signals] = []
        self._writing = False
        self._noting = 0

    @property
    def came(self) -> str:
        """Name of the signal that ended the run; empty where none did."""
        return "" if self._came is None else self._came.name

    def pytest_sessionstart(self) -> None:
        """Listen, unless somebody handles a signal in another way than Python itself."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in self._signals:
            if signal.getsignal(number) is _python_default(number):
                signal.signal(number, self._note)
                self._listening.append(number)

    def pytest_unconfigure(self) -> None:
        """Leave interrupts as they were."""
        while self._listening:
            number = self._listening.pop()
            signal.signal(number, _python_default(number))

    def begin_report(self) -> None:
        """Let no first interrupt end what is written from here on."""
        self._writing = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Begin the report behind the last gate, so that none falls between."""
        try:
            return (yield)
        finally:
            self.begin_report()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, object, object]:
        """End the run behind what is noted of a gate: half a test case would be in JUnit and Allure."""
        return (yield from self._whole())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, object, object]:
        """End the run behind what is noted, told and counted of a gate."""
        return (yield from self._whole())

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
        again, self._came = self._came is not None, self._came or signal.Signals(number)
        # Pipelines send several signals before they kill: the report is what they are sent for. Only a
        # person at a terminal who asks twice does not want it.
        if again and number != signal.SIGINT:
            return
        if again or not (self._writing or self._noting):
            signal.default_int_handler(number, frame)

    def _whole(self) -> Generator[None, object, object]:
        """Let other plugins finish what they do; who interrupted them meanwhile is heard behind it."""
        self._noting += 1
        try:
            return (yield)
        finally:
            self._noting -= 1
            self._end()

    def _end(self) -> None:
        if self._came is not None and not self._writing:
            raise KeyboardInterrupt


def _python_default(number: int) -> Any:
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
