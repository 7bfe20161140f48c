"""What a run says in the terminal: one line a verdict, progress bars, a summary at the end."""

from __future__ import annotations

import os
import platform
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import StoreError
from quantgate.escaping import one_line
from quantgate.escaping import terminal as safe_lines
from quantgate.redaction import redacted
from quantgate.report.text_table import folded
from quantgate.report.words.numbers import counted
from quantgate.report.words.verdicts import state_word
from quantgate.store.shared import address_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from quantgate.report.model import Judged, Problem
    from quantgate.run import Run

#: Property of a test report under which the line of its verdict travels, also between processes.
LINE = "verdict line"

_OUTCOMES = frozenset({"passed", "failed", "skipped"})
#: Categories in which pytest counts the outcome of a test, "" for its other phases.
_COUNTED = frozenset({*_OUTCOMES, "error", "xfailed", "xpassed"})

COLOURS = {
    "PASSED": "green",
    "FAILED": "red",
    "UNDECIDED": "yellow",
    "BROKEN": "yellow",
    "UNJUDGED": "yellow",
    "SKIPPED": "cyan",
    "KNOWN": "cyan",
}


@dataclass(
    frozen=True, slots=True, eq=False
)  # pytest keeps plugins in sets, and a config has no hash
class VerdictLines:
    """Shows each gate as the line of its verdict instead of a dot."""

    config: pytest.Config
    skipped: set[str] = field(default_factory=set)
    told: set[tuple[str, str]] = field(default_factory=set)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Count the outcome without printing a letter."""
        if not isinstance(report, pytest.TestReport) or not is_gate(report):
            return None
        if not speaks(report):
            return ("", "", "") if report.passed else None
        # A word without a letter shows nothing, and lets pytest count the gate in its progress;
        # with -v the word would be shown, before the line that says more.
        word = "" if self.config.get_verbosity() > 0 else "judged"
        return "xfailed" if hasattr(report, "wasxfail") else report.outcome, "", word

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the line as soon as the verdict is known."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not (is_gate(report) and speaks(report)):
            return
        line = self._shortened(report, line_of(report).partition("\n")[0])
        if line and report.outcome not in _OUTCOMES:  # an attempt that another one follows
            line = f"{report.outcome.upper()}  {line.partition(' ')[2].lstrip()}"
        if line and line not in self.skipped:
            write_coloured(reporter, line)
        if line.startswith("SKIPPED"):
            self.skipped.add(line)

    def _shortened(self, report: pytest.TestReport, line: str) -> str:
        """Say why a model broke once, not for each of its limits."""
        if not isinstance(report.longrepr, str):
            return line
        # What pytest's debugger has shown is left out of the closing section of failures: so is a gate
        # that has its sentence in the answer that closes the run.
        if _is_told(report.longrepr):
            report._pdbshown = True  # type: ignore[attr-defined]  # noqa: SLF001 - pytest has no public way
        if not line.startswith("BROKEN"):
            return line
        reason = report.longrepr
        model = report.nodeid.rpartition("[")[2]
        if (model, reason) not in self.told:
            self.told.add((model, reason))
            return line
        return f"{line.removesuffix(reason)}for the same reason"


@contextmanager
def titles_on_one_line(reporter: Any) -> Iterator[None]:
    """Let what pytest and other plugins write between rules stay there: paths hold what somebody chose."""
    write_sep = reporter.write_sep

    def write(sep: str, title: str | None = None, **markup: Any) -> None:
        write_sep(sep, None if title is None else safe_lines(one_line(title)), **markup)

    reporter.write_sep = write
    try:
        yield
    finally:
        del reporter.write_sep


def is_gate(report: pytest.TestReport) -> bool:
    """Whether a report is of a gate, also where it came from another process."""
    return "limit" in report.keywords and "[" in report.nodeid


def line_of(report: pytest.TestReport) -> str:
    """Find the verdict's line that a report carries; empty where it has none."""
    return next((str(value) for name, value in report.user_properties if name == LINE), "")


def speaks(report: pytest.TestReport) -> bool:
    """Whether this phase of a gate is the one whose line is shown: once for each gate."""
    return report.when == "call" or not report.passed


def width_of(reporter: Any) -> int | None:
    """Give the columns that lines are folded to; None for a file or pipe, where a line stays one to search.

    ``COLUMNS`` is the user's word, also there.
    """
    if not (reporter.isatty or os.environ.get("COLUMNS", "").isdigit()):
        return None
    return int(reporter.config.get_terminal_writer().fullwidth)


def head_lines(run: Run) -> tuple[str, ...]:
    """Say in two lines what is judged, with what, and where."""
    from quantgate.machine import isa_class
    from quantgate.stack import installed

    names = {"quantgate": "quantgate", "openvino": "OpenVINO", "nncf": "NNCF"}
    stack = [f"{said} {installed(name) or 'not installed'}" for name, said in names.items()]
    entries = run.manifest.models.values()
    lanes = sum(entry.lane is not None for entry in entries)
    models = counted(len(entries) - lanes, "models")
    models += f" and {counted(lanes, 'further devices')} of theirs" if lanes else ""
    return (
        f"{', '.join(stack)}, Python {platform.python_version()}, {isa_class()}",
        f"{run.manifest_name}: {models}, store {_place(run)}",
    )


def _place(run: Run) -> str:
    """Where the store is; what is wrong with it is for the first gate that needs it to say."""
    try:
        return address_of(run.store) or str(run.store)
    except StoreError:
        return str(run.store)


def write_folded(reporter: Any, line: str) -> None:
    """Write a line as wide as the terminal is."""
    for part in folded(line, width_of(reporter)):
        reporter.write_line(part)


def _is_told(said: str) -> bool:
    """Whether what a gate failed with has its place in the answers: a traceback has not."""
    return "Traceback" not in said and not re.search(r"^\S+:\d+: in ", said, re.MULTILINE)


def write_coloured(reporter: Any, line: str) -> None:
    """Write a line, its first word in the colour of the outcome it names."""
    line = safe_lines(redacted(line))
    reporter.ensure_newline()
    if reporter.config.get_terminal_writer().width_of_current_line:  # dots of other tests
        reporter.write_line("")
    first, *more = folded(line, width_of(reporter)) or [""]
    word = first.split(maxsplit=1)[0] if first.strip() else ""
    colour = COLOURS.get(word)
    reporter.write(first[: len(word)], **({colour: True, "bold": True} if colour else {}))
    for part in (first[len(word) :], *more):
        reporter.write_line(part)
    reporter.flush()  # a pipe of a CI job or of `tee` is a buffer: a verdict is shown when it is known


def restate(reporter: Any, tests: Collection[str], states: Iterable[Judged | Problem]) -> None:
    """Let pytest's closing counts be those of the gates' final states, one a gate."""
    shown: dict[str, Any] = {}
    for category in _COUNTED & reporter.stats.keys():
        reports = reporter.stats.pop(category)
        shown |= {one.nodeid: one for one in reports if one.nodeid in tests}
        others = [one for one in reports if one.nodeid not in tests]
        if others:
            reporter.stats[category] = others
    for state in states:
        # Other plugins look at the reports, too: a gate that never came to one gets one.
        report = shown.get(state.test) or _unreported(state.test)
        reporter._add_stats(state_word(state), [report])  # noqa: SLF001 - pytest has no public way


def _unreported(test: str) -> pytest.TestReport:
    return pytest.TestReport(test, (test, None, test), {}, "failed", None, "call")


@contextmanager
def visible(config: pytest.Config) -> Iterator[bool]:
    """Let output through to the terminal while a long step runs; False where there is none."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty:
        yield False
        return
    if capture is None:
        yield True
        return
    with capture.global_and_fixture_disabled():
        yield True
