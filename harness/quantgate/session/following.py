"""Progress of work in another process, shown to whoever waits for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantgate.progress import Progress


class Following:
    """A listener that passes on to another one, which may come later and go earlier; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: Progress | None = None
        self._work: tuple[str, int] | None = None
        self._done = 0

    def show(self, progress: Progress) -> None:
        """Pass on from now, and first of all what is under way and how far it is."""
        with self._lock:
            if self._shown is progress:
                return
            self._shown = progress
            if self._work is not None:
                progress.start(*self._work)
                progress.advance(self._done)

    def hide(self) -> None:
        """Pass on nothing more."""
        with self._lock:
            shown, self._shown = self._shown, None
            if shown is not None:
                shown.close()

    def start(self, name: str, total: int) -> None:
        """Begin a piece of work."""
        with self._lock:
            self._work, self._done = (name, total), 0
            if self._shown is not None:
                self._shown.start(name, total)

    def advance(self, steps: int = 1) -> None:
        """Note steps that are done."""
        with self._lock:
            self._done += steps
            if self._shown is not None:
                self._shown.advance(steps)

    def close(self) -> None:
        """End the piece of work."""
        with self._lock:
            self._work = None
            if self._shown is not None:
                self._shown.close()
