"""Pictures of the documentation show the pages as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from suites import screenshots

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", screenshots.PICTURES)
def test_no_picture_outlives_what_it_shows(
    tmp_path: Path, open_page: Callable[..., Any], name: str
) -> None:
    """Words, buttons and colours of today's page are those of the page that was drawn."""
    lead, of = screenshots.PICTURES[name]
    page = open_page("about:blank")
    page.set_viewport_size(screenshots.SIZE)
    lead(page, screenshots.by_hand(tmp_path)[of])

    drawn = json.loads(screenshots.FACES.read_text("utf-8"))[name]
    assert screenshots.face(page) == drawn, (
        f"docs/images/{name} is of an older page: python -m suites.screenshots draws it anew"
    )
    page.evaluate("document.querySelector('h1, button').textContent = 'renamed'")
    assert screenshots.face(page) != drawn


def test_every_picture_is_drawn_by_a_script() -> None:
    """What pages show is drawn here, or by a benchmark that says so."""
    text = "\n".join(
        path.read_text("utf-8") for path in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    )
    shown = {Path(one).name for one in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)}
    # Drawn by suites/bench/growth_plot.py; and a page of the past, which docs/report.md compares.
    others = {"growth.svg", "before.png"}

    assert shown == {*screenshots.PICTURES, *others}
