"""JUnit XML: one test case a gate, whatever pytest left."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from quantgate.report.junit import settle_junit
from quantgate.report.model import state_gate

if TYPE_CHECKING:
    from pathlib import Path

    from suites.conftest import Sample

#: What pytest writes of a gate whose parallel worker ended behind its setup: neither class nor name.
NAMELESS = """<testsuites><testsuite name="pytest" tests="2">
<testcase time="0.533" /><testcase classname="other" name="test_of_the_user" time="0.1" />
</testsuite></testsuites>"""


def test_a_case_without_a_name_is_no_gate(sample: Sample, tmp_path: Path) -> None:
    """What pytest began of a gate and never named is left out; tests of the user stay."""
    path = tmp_path / "junit.xml"
    path.write_text(NAMELESS)

    settle_junit(path, sample.report, {})

    suite = next(ET.parse(path).getroot().iter("testsuite"))
    cases = list(suite.iter("testcase"))
    gates = {state_gate(state) for state in sample.report.states}
    assert all(case.get("name") for case in cases)
    assert len(cases) == len(gates) + 1 == int(suite.get("tests", "0"))
