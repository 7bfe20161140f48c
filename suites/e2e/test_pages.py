"""Pages that a reader follows command by command: each command is run, and says what the page shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from suites.e2e import squares
from suites.e2e.world import ROOT
from suites.pages import blocks, commands, missing

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import World

WALKED = ("tutorial", "workbench", "open-model-zoo")


@pytest.mark.parametrize("name", WALKED)
def test_a_page_says_what_is_so(world: World, tmp_path: Path, name: str) -> None:
    """From top to bottom in an empty folder, with nothing but what the page gives."""
    for block in blocks(ROOT / "docs" / f"{name}.md"):
        if block.told("not run"):
            continue
        if block.told("given"):
            squares.make(tmp_path / "given")
            for item in (tmp_path / "given").iterdir():
                item.rename(tmp_path / item.name)
        if file := block.told("file"):
            (tmp_path / file).write_text(block.text, encoding="utf-8")
        if block.kind != "console":
            continue
        for command in commands(block):
            program, *arguments = shlex.split(command.line)
            assert program == "quantgate", command.line
            ran = world.run(tmp_path, "-m", "quantgate", *arguments)
            assert ran.status == int(block.told("exits") or 0), ran.said
            assert missing(ran.said, command.says) is None, ran.said
