"""The log of a run: which gates there are, when each begins, and how it ended, in the order of events.

Written by whichever process runs a gate, at once: what became of it is known after a crash, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from quantgate.errors import DecoderError, HarnessError
from quantgate.escaping import one_line
from quantgate.escaping import terminal as safe_lines
from quantgate.redaction import redacted
from quantgate.report.model import Problem
from quantgate.report.publish import publish_seen
from quantgate.session.collection import gate_of
from quantgate.session.stash import TOLD
from quantgate.session.states import note_begin, note_end, note_tests
from quantgate.session.terminal import LINE
from quantgate.session.timeouts import timeout_sentence

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from quantgate.run import Run

#: Properties that an item had before its first attempt.
_GIVEN: pytest.StashKey[Iterable[tuple[str, object]]] = pytest.StashKey()


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets, and a run has no hash
class GateLog:
    """Notes every gate of this process.

    Parameters
    ----------
    told
        ``(model, sentence)`` of what broke: its evidence is kept once.
    properties
        Of the attempt that counts, by the test's id.
    """

    run: Run
    told: set[tuple[str, str]] = field(default_factory=set)
    properties: dict[str, list[tuple[str, object]]] = field(default_factory=dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which gates are to be judged, now that everybody has selected."""
        note_tests(
            self.run, {item.nodeid: gate for item in session.items if (gate := gate_of(item))}
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note that an attempt begins, and what breaks its fixtures."""
        gate = gate_of(item)
        if gate is not None:
            # An earlier attempt left its own.
            item.user_properties[:] = item.stash.setdefault(_GIVEN, [*item.user_properties])
            self.properties[item.nodeid] = item.user_properties
            note_begin(self.run, item.nodeid, gate)
        return (yield from self._noted(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note what ends a gate in another way than by a verdict."""
        return (yield from self._noted(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note what breaks behind a gate."""
        return (yield from self._noted(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say what is known in one sentence instead of a traceback."""
        report = yield
        if call.excinfo is None or gate_of(item) is None or report.skipped:
            return report
        error = call.excinfo.value
        if not isinstance(error, KeyboardInterrupt):
            self._note(item, error)  # a signal may have come between the hooks
        # A traceback of somebody else's error may quote what the error was about.
        known = _known_sentence(error)
        report.longrepr = known or safe_lines(redacted(str(report.longrepr)))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let a report tell of the attempt that counts: retries report with what the first one left."""
        known = self.properties.get(report.nodeid)
        if known is not None:
            report.user_properties = [*known]

    def _noted(self, item: pytest.Item) -> Generator[None, object, object]:
        try:
            return (yield)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as error:
            self._note(item, error)
            raise

    def _note(self, item: pytest.Item, error: BaseException) -> None:
        gate = gate_of(item)
        if gate is None or error is item.stash.get(TOLD, None):
            return
        item.stash[TOLD] = error
        model, key = gate
        skipped = isinstance(error, pytest.skip.Exception)
        sentence = _known_sentence(error) or _unexpected(error)
        status: Literal["skipped", "broken"] = "skipped" if skipped else "broken"
        detail = "" if (model, sentence) in self.told else str(getattr(error, "evidence", ""))
        self.told.add((model, sentence))
        note_end(self.run, item.nodeid, Problem(model, key, status, sentence, detail=detail))
        if isinstance(error, DecoderError):
            publish_seen(self.run.kept(model).get("seen", ""), self.run.directory, sentence)
        # A model that is skipped is skipped for one reason, whatever its limits: said once, not for each.
        where = model if skipped else f"{model}: {key}"
        item.user_properties.append((LINE, f"{status.upper()}  {where}: {sentence}"))


def _known_sentence(error: BaseException) -> str | None:
    """Give the sentence of an error that needs no traceback."""
    if isinstance(error, HarnessError | pytest.skip.Exception):
        return str(error)
    if isinstance(error, pytest.fail.Exception):
        return timeout_sentence(error) or str(error)
    return None


def _unexpected(error: BaseException) -> str:
    said = redacted(one_line(str(error)))
    return f"{type(error).__name__}: {said} (an error of the harness itself, please report it)"
