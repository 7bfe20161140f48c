"""JUnit XML that says of every gate what all other files say: one test case a gate, with its final state.

pytest writes a test case for every attempt, and none for a gate that no process came to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from quantgate.borders import border
from quantgate.errors import ReportError
from quantgate.report.export import junit_properties
from quantgate.report.files import write_atomic
from quantgate.report.model import Problem, state_gate
from quantgate.report.words.verdicts import state_word, verdict_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from quantgate.report.model import Judged, RunReport

#: Element of a final state; those that are not here passed, as far as a pipeline is concerned.
_ELEMENTS = {
    "failed": "failure",
    "broken": "error",
    "undecided": "error",
    "unjudged": "skipped",
    "skipped": "skipped",
    "known": "skipped",
}
_COUNTS = {"errors": "error", "failures": "failure", "skipped": "skipped"}
#: What XML 1.0 cannot hold.
_UNSAYABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def settle_junit(path: Path, report: RunReport, tests: Mapping[str, tuple[str, str]]) -> None:
    """Rewrite the gates of pytest's file, or write the file where there is none.

    Parameters
    ----------
    tests
        Every test of the run that judges a gate, with its model and limit.

    Raises
    ------
    ReportError
        Where the file cannot be read or written.
    """
    root = _read(path, report)
    suite = next(root.iter("testsuite"))
    gates = {_names(test): gate for test, gate in tests.items()}
    states = {state_gate(state): state for state in report.states}
    placed: set[tuple[str, str]] = set()
    for case in list(suite.iter("testcase")):
        if not case.get(
            "name"
        ):  # a parallel worker ended behind its setup: pytest knows its time alone
            suite.remove(case)
            continue
        gate = gates.get((case.get("classname", ""), case.get("name", "")))
        if gate is None:
            continue
        if gate in placed or gate not in states:
            suite.remove(case)
            continue
        placed.add(gate)
        _fill(case, states[gate])
    for gate, state in states.items():
        if gate not in placed:
            _fill(ET.SubElement(suite, "testcase", _place(state, tests)), state)
    _count(suite)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    write_atomic(path, written)


def _read(path: Path, report: RunReport) -> ET.Element:
    if not path.exists():
        root = ET.Element("testsuites", {"name": "pytest tests"})
        time = {"time": f"{report.duration_s:.3f}", "timestamp": report.started}
        ET.SubElement(root, "testsuite", {"name": "pytest", **time})
        return root
    with border(ReportError, f"{path} cannot be read", "remove it"):
        root = ET.fromstring(path.read_bytes())  # noqa: S314 - pytest wrote it
        if next(root.iter("testsuite"), None) is None:
            raise ValueError("it holds no test suite")
    return root


def _names(test: str) -> tuple[str, str]:
    """Class and name of a test's id, as pytest's own file has them."""
    plain, bracket, parameters = test.partition("[")
    file, *names = plain.split("::")
    classes = [file.replace("/", ".").removesuffix(".py"), *names[:-1]]
    return ".".join(classes), f"{names[-1] if names else file}{bracket}{parameters}"


def _place(state: Judged | Problem, tests: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    gate = state_gate(state)
    test = state.test or next((test for test, of in tests.items() if of == gate), "")
    classname, name = _names(test) if test else ("quantgate", f"{gate[1]}[{gate[0]}]")
    return {"classname": classname, "name": name, "time": f"{state.duration_s:.3f}"}


def _fill(case: ET.Element, state: Judged | Problem) -> None:
    """Say the state and its properties; what else pytest kept of the test (its output) stays."""
    said = {*_ELEMENTS.values(), "properties"}
    for child in [child for child in case if child.tag in said]:
        case.remove(child)
    properties = ET.Element("properties")
    for name, value in _properties(state):
        ET.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    case.insert(0, properties)
    element = _ELEMENTS.get(state_word(state))
    if element is None or (not isinstance(state, Problem) and state.excused):
        return
    text = _clean(state.sentence if isinstance(state, Problem) else verdict_line(state))
    told = ET.SubElement(case, element, {"message": text.splitlines()[0] if text else ""})
    told.text = text
    if element == "skipped":
        told.set("type", "pytest.xfail" if state_word(state) == "known" else "pytest.skip")


def _properties(state: Judged | Problem) -> Iterable[tuple[str, str]]:
    yield "state", state_word(state)
    yield "attempts", str(state.attempts)
    if isinstance(state, Problem):
        yield from (("model", state.model), ("limit", state.gate))
    else:
        yield from junit_properties(state)


def _clean(text: str) -> str:
    return _UNSAYABLE.sub("?", text)


def _count(suite: ET.Element) -> None:
    cases = list(suite.iter("testcase"))
    suite.set("tests", str(len(cases)))
    for attribute, tag in _COUNTS.items():
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
