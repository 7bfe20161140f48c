"""What every artifact of a run says of every gate, read back as somebody else would read it."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from quantgate.report.words.titles import OUTCOME_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Gate = tuple[str, str]
States = dict[Gate, str]

#: How JUnit and Allure word a final state.
ELEMENTS = {
    "passed": "",
    "failed": "failure",
    "broken": "error",
    "undecided": "error",
    "unjudged": "skipped",
    "skipped": "skipped",
    "known": "skipped",
}
STATUSES = {
    **{word: word for word in ("passed", "failed", "broken", "skipped")},
    "undecided": "broken",
    "unjudged": "unknown",
    "known": "skipped",
}
WRONG = {"failed", "broken", "undecided", "unjudged"}
_ROW = re.compile(r"^([A-Z]+) +(\S+) +(all \d+ gates|[a-z]\w+(?:, \w+)*)", re.MULTILINE)
_TALLY = re.compile(r"(\d+) ([a-z]+)")


@contextmanager
def heard() -> Iterator[None]:
    """Let processes that are started here hear what nohup and ``&`` make this one, and its children, ignore."""
    deaf = [number for number in _IGNORABLE if signal.getsignal(number) is signal.SIG_IGN]
    for number in deaf:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in deaf:
            signal.signal(number, signal.SIG_IGN)


_IGNORABLE = (signal.SIGHUP, signal.SIGINT)


def agreed(directory: Path, said: str | None) -> States:
    """Give the final state of every gate, having checked that all artifacts say the same.

    Parameters
    ----------
    directory
        The run's folder.
    said
        What the terminal said; None where nobody was there to say it.
    """
    states = of_json(directory)
    assert of_page(directory) == states
    assert of_summary(directory) == states
    assert of_junit(directory) == {gate: (word, ELEMENTS[word]) for gate, word in states.items()}
    assert of_allure(directory) == {gate: STATUSES[word] for gate, word in states.items()}
    if said is not None:
        assert of_terminal(said, states) == states
        assert tally(said) == Counter(states.values())
    return states


def status_of(states: Mapping[Gate, str]) -> int:
    """Exit status of a run that was not interrupted."""
    return int(any(word in WRONG for word in states.values()))


def of_json(directory: Path) -> States:
    """Read verdicts.json; every gate stands there once."""
    document = json.loads((directory / "verdicts.json").read_text("utf-8"))
    found = [((p["model"], p["gate"]), p["status"]) for p in document["problems"]]
    found += [((v["model"], v["key"]), _word(v)) for v in document["verdicts"]]
    return _once(found)


def _word(verdict: Mapping[str, Any]) -> str:
    if verdict["known"]:
        return "known"
    return "failed" if verdict["unexpected"] else str(verdict["outcome"])


def of_summary(directory: Path) -> States:
    """Read the tables of summary.md."""
    found = []
    for line in (directory / "summary.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split(" | ")]
        if line.startswith("| ") and len(cells) > 1 and cells[1] != "model":
            key = re.search(r"`(\w+)`", cells[4])
            assert key is not None, line
            model = cells[1].replace("\\", "")
            found.append(((model, key[1]), cells[0].split()[2]))
    return _once(found)


def of_junit(directory: Path) -> dict[Gate, tuple[str, str]]:
    """Read junit.xml: the state it names and the element it has."""
    suite = next(ET.parse(directory / "junit.xml").getroot().iter("testsuite"))
    cases = [(case, dict(_properties(case))) for case in suite.iter("testcase")]
    elements = {"failure", "error", "skipped"}
    found = []
    for case, told in cases:
        tags = [child.tag for child in case if child.tag in elements]
        assert len(tags) <= 1, tags
        found.append(((told["model"], told["limit"]), (told["state"], "".join(tags))))
    counts = Counter(tag for _, (_, tag) in found)
    assert int(suite.get("tests", "-1")) == len(cases)
    assert int(suite.get("failures", "-1")) == counts["failure"]
    assert int(suite.get("errors", "-1")) == counts["error"]
    assert int(suite.get("skipped", "-1")) == counts["skipped"]
    return _once(found)


def _properties(case: ET.Element) -> Iterator[tuple[str, str]]:
    for found in case.iter("property"):
        yield found.attrib["name"], found.attrib["value"]


def of_allure(directory: Path) -> States:
    """Read Allure's results: of several with one identity the latest counts."""
    latest: dict[str, dict[str, Any]] = {}
    for path in (directory / "allure-results").glob("*-result.json"):
        result = json.loads(path.read_text("utf-8"))
        before = latest.get(result["historyId"])
        if before is None or result["start"] >= before["start"]:
            latest[result["historyId"]] = result
    found = []
    for result in latest.values():
        labels = {label["name"]: label["value"] for label in result["labels"]}
        found.append(((labels["model"], labels["gate"]), result["status"]))
    return _once(found)


def of_page(directory: Path) -> States:
    """Read the verdict tables of the page, and check that its overview agrees."""
    page = _Page()
    page.feed((directory / "index.html").read_text("utf-8"))
    states = _once([((model, key), word) for model, key, word in page.rows])
    worst: dict[str, str] = {}
    for (model, _), word in states.items():
        worst[model] = min(worst.get(model, word), word, key=OUTCOME_WORDS.index)
    assert page.overview == worst
    assert {name: int(count) for count, name in page.legend} == Counter(states.values())
    return states


class _Page(HTMLParser):
    """Collects rows of the models' tables, the overview's words, and the legend's counts."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str, str]] = []
        self.overview: dict[str, str] = {}
        self.legend: list[tuple[str, str]] = []
        self._model = self._word = self._wanted = self._table = self._row = ""
        self._list = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where something begins that is read."""
        classes = (dict(attrs).get("class") or "").split()
        if tag == "table":
            self._table = classes[0] if classes else ""
        if tag == "h2":
            self._wanted = "model"
        if tag == "ul":
            self._list = "legend" in classes and not self.rows and not self._model
        if tag == "li":
            self._row = classes[1] if "row" in classes else ""
        if tag == "span" and "pill" in classes:
            self._word = classes[1]
        if tag == "code" and self._table == "verdicts" and self._word:
            self._wanted = "key"
        if tag == "b" and self._list:
            self._wanted = "count"

    def handle_endtag(self, tag: str) -> None:
        """Note where the legend ends."""
        if tag == "ul":
            self._list = False
        if tag == "ol":
            self._row = ""

    def handle_data(self, data: str) -> None:
        """Read it."""
        text = data.strip()
        if not text or not self._wanted:
            return
        if self._wanted == "model":
            self._model = text
            if self._row:
                self.overview[text] = self._row
        elif self._wanted == "key":
            self.rows.append((self._model, text, self._word))
            self._word = ""
        elif self._wanted == "count":
            self._word, self._wanted = text.replace(",", ""), "name"
            return
        elif self._wanted == "name":
            self.legend.append((self._word, text))
            self._word = ""
        self._wanted = ""


def of_terminal(said: str, known: States) -> States:
    """Read the table that closes a run; a row of several skipped gates stands for each of them."""
    table = said.rpartition("= verdicts =")[2].partition("\n=")[0]
    found = []
    for word, model, limit in _ROW.findall(table):
        if word.lower() not in ELEMENTS:  # a note
            continue
        gates = limit.split(", ")
        if limit.startswith("all "):
            gates = [key for (of, key), state in known.items() if (of, state) == (model, "skipped")]
            assert len(gates) == int(limit.split()[1])
        found += [((model, key), word.lower()) for key in gates]
    return _once(found)


def tally(said: str) -> Counter[str]:
    """Read pytest's closing line: how many gates ended in which way."""
    closing = [line for line in said.splitlines() if re.search(r" in [\d.]+s", line)][-1]
    counts = {word: int(count) for count, word in _TALLY.findall(closing.partition(" in ")[0])}
    return Counter({w: n for w, n in counts.items() if w in ELEMENTS})


def _once(found: list[tuple[Gate, Any]]) -> dict[Gate, Any]:
    """Make a table of states in which no gate stands twice."""
    twice = [gate for gate, times in Counter(gate for gate, _ in found).items() if times > 1]
    assert not twice, twice
    return dict(found)
