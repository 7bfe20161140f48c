"""pytest-timeout and gates: by whichever method, one gate is broken and the run goes on.

The method ``thread`` ends the whole process, because a signal cannot stop native code. What a gate has to
wait for runs in the worker, so that a signal always can.
"""

from __future__ import annotations

import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.session.collection import gate_of

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT = re.compile(r"Timeout \(>([\d.]+)s\) from pytest-timeout")


class Timeouts:
    """Takes signals for gates; other tests keep their method."""

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool | None:
        """Set the timer of a gate, where signals reach it."""
        on_main = threading.current_thread() is threading.main_thread()
        if settings.method != "thread" or gate_of(item) is None or not on_main:
            return None
        if not hasattr(signal, "SIGALRM"):
            return None
        import pytest_timeout  # type: ignore[import-not-found,import-untyped,unused-ignore]

        set_timer: Callable[..., bool] = pytest_timeout.pytest_timeout_set_timer
        return set_timer(item, settings._replace(method="signal"))


def timeout_sentence(error: BaseException) -> str:
    """Say that a gate was timed out by pytest-timeout; empty for any other failure."""
    found = _TIMEOUT.search(str(error))
    return f"timed out after {float(found[1]):g} s (pytest-timeout)" if found else ""
