"""A session in which no gate ran: it leaves no report, and the latest one stays the latest."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from quantgate.run import Run


#: Options with which pytest tells something about itself, whatever the repository holds.
_ABOUT_PYTEST = ("help", "version", "cacheshow")
#: Options with which it tells what it would run.
_ABOUT_TESTS = ("markers", "collectonly", "setupplan", "showfixtures", "show_fixtures_per_test")


def asks_about_pytest(config: pytest.Config) -> bool:
    """Whether this session is about pytest itself, so that no manifest is needed."""
    return any(config.getoption(name, None) for name in _ABOUT_PYTEST)


def runs_nothing(config: pytest.Config) -> bool:
    """Whether this session only lists: then no folder is made for a report."""
    return any(config.getoption(name, None) for name in _ABOUT_TESTS)


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets
class Idle:
    """Removes the run's directory once everything has written to it."""

    directory: Path
    silenced: tuple[object, ...]

    @pytest.hookimpl(wrapper=True)
    def pytest_unconfigure(self, config: pytest.Config) -> Generator[None]:
        """Let the silenced plugins end as they expect to, then remove what they wrote."""
        for plugin in self.silenced:
            config.pluginmanager.register(plugin)
        yield
        shutil.rmtree(self.directory, ignore_errors=True)
        with suppress(OSError):  # earlier runs are in it
            self.directory.parent.rmdir()


def leave_nothing(config: pytest.Config, run: Run) -> None:
    """Remove the run's directory, and keep other plugins from naming files in it."""
    manager = config.pluginmanager
    writers = tuple(
        plugin
        for plugin in manager.get_plugins()
        if Path(str(getattr(plugin, "logfile", ""))).is_relative_to(run.directory)
    )
    for writer in writers:  # JUnit's, which would say what it wrote
        manager.unregister(writer)
    manager.register(Idle(run.directory, writers), "quantgate-idle")
