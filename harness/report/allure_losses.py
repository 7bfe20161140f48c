"""Allure's files on a full disk: what could not be written is counted, and the gates go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pluggy import HookimplMarker

if TYPE_CHECKING:
    from collections.abc import Generator

#: Allure's own mark, which its package exports without types.
hookimpl = HookimplMarker("allure")


@dataclass(slots=True, eq=False)  # pluggy keeps plugins in sets
class Losses:
    """Stands around Allure's own writer; ``reasons`` has one entry for each file that is missing."""

    reasons: list[str] = field(default_factory=list)

    @hookimpl(wrapper=True)
    def report_result(self) -> Generator[None, object, object]:
        """Let a test's result be written, or count it."""
        return (yield from self._written())

    @hookimpl(wrapper=True)
    def report_container(self) -> Generator[None, object, object]:
        """Let the fixtures of a test be written, or count them."""
        return (yield from self._written())

    @hookimpl(wrapper=True)
    def report_attached_file(self) -> Generator[None, object, object]:
        """Let an attached file be written, or count it."""
        return (yield from self._written())

    @hookimpl(wrapper=True)
    def report_attached_data(self) -> Generator[None, object, object]:
        """Let an attachment be written, or count it."""
        return (yield from self._written())

    def _written(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except OSError as error:
            self.reasons.append(str(error.strerror or error))
            return None

    def sentence(self) -> str:
        """Say what is missing; empty where everything was written."""
        if not self.reasons:
            return ""
        count = f"{len(self.reasons)} file{'' if len(self.reasons) == 1 else 's'}"
        return f"{count} of the Allure results could not be written: {self.reasons[0]}"


def watch_losses() -> Losses:
    """Register a counter with Allure for the rest of this process."""
    from allure_commons import plugin_manager

    losses = Losses()
    plugin_manager.register(losses)
    return losses
