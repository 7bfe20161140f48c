"""Pictures are data too: what models.toml does not want in artifacts is in none of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

LIMITS = "limits = { min_agreement = 0.9999, max_accuracy_drop = 0.5 }\n"


def pictures_in(folder: Path) -> list[str]:
    """Name every file that is or embeds a picture."""
    marks = (
        b"WEBPVP8",
        b"\x89PNG\r\n",
        b"\xff\xd8\xff\xe0",
        b";base64,UklGR",
        b";base64,iVBORw0KGgo",
        b";base64,/9j/",
    )
    assert base64.b64encode(b"RIFF")[:5] == b"UklGR"
    return [
        str(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(mark in path.read_bytes() for mark in marks)
    ]


@pytest.mark.parametrize("mode", ["all", "blurred", "none"])
def test_pictures_are_drawn_as_the_manifest_wants(
    world: World, project: Callable[[str], Path], mode: str
) -> None:
    """None means none: in the folder, on the page, in Allure; the tables still name the images."""
    manifest = world.shifted(f"{tiny.MANIFEST}{LIMITS}")  # on every stack something changes
    folder = project(f'{manifest}[report]\npictures = "{mode}"\n')

    ran = world.gate(folder)

    assert ran.outcomes["tiny", "min_agreement"] == "failed", ran.said
    found = pictures_in(ran.latest.resolve())
    page = (ran.latest / "index.html").read_text(encoding="utf-8")
    if mode == "none":
        assert found == []
    else:
        assert any("allure-results" in path for path in found)
        assert any("/pictures/" in path for path in found)
    assert (f"<dd>{mode}</dd>" in page) == (mode != "all")
    assert any((ran.latest / "tables").rglob("*.csv"))
