"""Ten questions of new users, of people from DL Workbench and of people with a red build: the links to their answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MOST_CLICKS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the links that are clicked one after the other, and what the answer holds."""

    question: str
    clicks: tuple[str, ...]
    answer: str


def asked() -> list[Asked]:
    """Read the page's table."""
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| `(.+?)` \|$",
        (DOCS / "questions.md").read_text("utf-8"),
        re.MULTILINE,
    )
    return [Asked(question, tuple(_LINK.findall(path)), answer) for question, path, answer in rows]


def text_of(target: str) -> str:
    """Read what a link leads to: a file, or the part of a page below a heading."""
    name, _, anchor = target.partition("#")
    text = (DOCS / name).read_text("utf-8")
    if not anchor:
        return text
    parts = re.split(r"^(?=#+ )", text, flags=re.MULTILINE)
    (found,) = (part for part in parts if slug(part.partition("\n")[0]) == anchor)
    return found


def slug(heading: str) -> str:
    """Make a heading's anchor as the site does."""
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def offered(page: str) -> set[str]:
    """List what is one click away from a page: its links, its headings beside it, and every page of the menu."""
    text = (DOCS / page).read_text("utf-8")
    headings = re.findall(r"^##+ .*$", text, re.MULTILINE)
    index = (DOCS / "index.md").read_text("utf-8")
    menu = re.findall(r"^```\{toctree\}\n(.*?)```", index, re.MULTILINE | re.DOTALL)
    names = [line for part in menu for line in part.splitlines() if line and line[0] != ":"]
    links = [f"{page}{link}" if link[0] == "#" else link for link in _LINK.findall(text)]
    return {*links, *(f"{page}#{slug(one)}" for one in headings), *(f"{one}.md" for one in names)}


def test_there_are_ten() -> None:
    """Of three kinds of readers."""
    assert len(asked()) == 10
    assert sum(one.question.startswith("*") for one in asked()) == 3


@pytest.mark.parametrize("one", asked(), ids=lambda one: one.question[:40])
def test_the_answer_is_three_clicks_away(one: Asked) -> None:
    """Every link is on the page before it, and the last leads to the answer."""
    page = "index.md"
    for target in one.clicks:
        assert target in offered(page), f"{page} has no link to {target}"
        page = target.partition("#")[0]

    assert 1 <= len(one.clicks) <= MOST_CLICKS
    assert one.answer in text_of(one.clicks[-1])
