"""Ctrl-C: what a library swallows still ends the gate."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from quantgate.session.interrupts import Interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def python_handles_interrupts() -> Iterator[None]:
    """As in a terminal: a parallel worker dies of an interrupt instead."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def listening() -> Iterator[Interrupts]:
    """Listen for interrupts during one test."""
    interrupts = Interrupts()
    interrupts.pytest_sessionstart()
    yield interrupts
    interrupts.pytest_unconfigure()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt() -> None:
    """Do as Python does when a terminal interrupts: call who handles it."""
    handler = signal.getsignal(signal.SIGINT)
    assert callable(handler)
    handler(signal.SIGINT, None)


@pytest.mark.parametrize("phase", ["pytest_runtest_setup", "pytest_runtest_call"])
def test_swallowed_interrupt_ends_the_gate(listening: Interrupts, phase: str) -> None:
    """An interrupt that a library dropped is raised once the gate has run."""
    steps = getattr(listening, phase)()
    next(steps)
    with suppress(KeyboardInterrupt):
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        steps.send(None)


def test_translated_interrupt_ends_the_gate(listening: Interrupts) -> None:
    """An interrupt that came out as another error is no error of the model."""
    steps = listening.pytest_runtest_call()
    next(steps)
    with suppress(KeyboardInterrupt):
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        steps.throw(RuntimeError("what a library made of it"))


def test_gate_without_interrupt_keeps_its_error(listening: Interrupts) -> None:
    """Where nobody interrupted, errors come out as they are."""
    steps = listening.pytest_runtest_call()
    next(steps)

    with pytest.raises(RuntimeError, match="its own"):
        steps.throw(RuntimeError("its own"))


def test_own_handlers_are_left_alone() -> None:
    """Whoever handles interrupts in another way goes on doing so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts = Interrupts()
    interrupts.pytest_sessionstart()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    interrupts.pytest_unconfigure()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.parametrize("noted", ["pytest_runtest_makereport", "pytest_runtest_logreport"])
def test_what_is_noted_of_a_gate_is_noted_whole(listening: Interrupts, noted: str) -> None:
    """An interrupt waits until every plugin has written what it writes, and comes then."""
    steps = getattr(listening, noted)()
    next(steps)
    interrupt()

    with pytest.raises(KeyboardInterrupt):
        steps.send(None)


def test_nothing_interrupts_what_follows_the_last_gate(listening: Interrupts) -> None:
    """The report is begun where the loop over the gates ends, not a moment later."""
    loop = listening.pytest_runtestloop()
    next(loop)
    with pytest.raises(StopIteration):
        loop.send(None)

    interrupt()

    assert listening.came == "SIGINT"
