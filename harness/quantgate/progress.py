"""Progress of long work, independent of who displays it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener for one piece of work at a time."""

    def start(self, name: str, total: int) -> None:
        """Begin a piece of work of ``total`` steps; the one before it, if any, is over."""
        ...

    def advance(self, steps: int = 1) -> None:
        """Say that steps of the current work are done; may be called from any thread."""
        ...

    def close(self) -> None:
        """End the current work; closing twice is harmless."""
        ...


class Silent:
    """Listens and says nothing: the default wherever a progress can be given."""

    def start(self, name: str, total: int) -> None:
        """Ignore it."""

    def advance(self, steps: int = 1) -> None:
        """Ignore it."""

    def close(self) -> None:
        """Ignore it."""


SILENT = Silent()
