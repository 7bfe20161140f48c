"""Links of the built site: each leads to a file and to an anchor that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.site_links import dead

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Build a site of two pages, one picture and a report beside it."""
    (tmp_path / "example-red").mkdir()
    (tmp_path / "example-red" / "index.html").write_text('<a href="#made-by-a-script">')
    (tmp_path / "a b.png").write_bytes(b"")
    (tmp_path / "b.html").write_text('<h1 id="top">')
    return tmp_path


@pytest.mark.parametrize(
    "link",
    [
        "b.html",
        "b.html#top",
        "#here",
        "a%20b.png",
        "example-red/index.html#m0",
        "https://a.example/x",
    ],
)
def test_a_link_that_leads_somewhere_is_none(site: Path, link: str) -> None:
    """Files, anchors here and there, names with blanks, reports; other sites are not asked."""
    (site / "a.html").write_text(f'<p id="here"><a href="{link}">')
    assert dead(site) == []


@pytest.mark.parametrize("link", ["c.html", "b.html#bottom", "#there", "example-green/index.html"])
def test_a_dead_link_is_named(site: Path, link: str) -> None:
    """With the page that has it, be the file missing or the anchor."""
    (site / "a.html").write_text(f'<p id="here"><img src="{link}">')
    assert dead(site) == [f"a.html: {link}"]
