"""Progress bars while a model is quantized, evaluated and timed: on a terminal only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantgate.escaping import one_line
from quantgate.progress import Silent
from quantgate.session.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from quantgate.progress import Progress


@dataclass(slots=True)
class Bars:
    """Shows one rich bar at a time; safe to advance from any thread."""

    shown: RichProgress
    model: str
    task: TaskID | None = field(default=None)

    def start(self, name: str, total: int) -> None:
        """Replace the bar of the work before by a new one."""
        self.close()
        self.task = self.shown.add_task(one_line(f"{self.model}: {name}"), total=total)

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        if self.task is not None:
            self.shown.advance(self.task, steps)

    def close(self) -> None:
        """Take the bar away: what it counted is in the report."""
        if self.task is not None:
            self.shown.remove_task(self.task)
            self.task = None


@contextmanager
def bars(config: pytest.Config, model: str) -> Iterator[Progress]:
    """Show progress while the body runs, where a person looks at a terminal."""
    with visible(config) as seen, _shown(model, seen=seen) as progress:
        yield progress


@contextmanager
def command_bars(model: str) -> Iterator[Progress]:
    """Show the progress of a command, where a person looks at a terminal."""
    with _shown(model, seen=sys.stdout.isatty()) as progress:
        yield progress


@contextmanager
def _shown(model: str, *, seen: bool) -> Iterator[Progress]:
    if not seen:
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stdout), transient=True) as shown:
        yield Bars(shown, model)
