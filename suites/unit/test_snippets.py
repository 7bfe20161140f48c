"""Every piece of models.toml and every command that a page shows is one that quantgate takes, and is run by a test."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from quantgate import cli
from quantgate.commands import gate
from suites.e2e.test_page_entries import SHOWN, entries
from suites.e2e.test_pages import WALKED
from suites.pages import NOT_RUN, blocks, commands, pages

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "harness/quantgate/schema/models.schema.json").read_text("utf-8"))
PAGES = pages(ROOT)
#: What a page need not repeat of an entry to show some of its keys.
REST = {"task": "detection", "source": "m.onnx", "decoder": "ssd", "evaluate": "images"}


def whole(shown: dict[str, Any]) -> dict[str, Any]:
    """Add to the models that a page shows what it leaves out."""
    models = {}
    for name, entry in shown.get("models", {}).items():
        known = isinstance(entry.get("source"), dict) and "path" not in entry["source"]
        rest = {key: value for key, value in REST.items() if not known or key == "evaluate"}
        made = {} if {"calibrate", "optimized"} & set(entry) else {"calibrate": "images"}
        models[name] = {**rest, **made, **entry}
    return {**shown, "models": models or {"m": {**REST, "calibrate": "images"}}}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_piece_of_a_manifest_is_valid(page: Path) -> None:
    """It fits the schema that editors use, once what the page leaves out is added."""
    for block in blocks(page):
        shown = tomllib.loads(block.text) if block.kind == "toml" else {}
        if shown and not {"tool", "project"} & set(shown):
            found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(
                json.loads(json.dumps(whole(shown), default=str))  # TOML has dates
            )
            assert [f"{one.json_path}: {one.message}" for one in found] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_one(page: Path) -> None:
    """The parser takes each command that a transcript shows; what goes to pytest is pytest's."""
    for block in blocks(page):
        for command in commands(block) if block.kind == "console" else []:
            program, *arguments = shlex.split(command.line)
            if program == "quantgate":
                cli._parser().parse_args(gate.split(arguments)[0])


#: Kinds of blocks that nobody types: pictures of letters, output, what the site is made of.
READ = {"text", "json", "{toctree}", "{eval-rst}"}
#: Entries that a test of their own gates, by page.
ELSEWHERE = {"docs/workbench": 1}


def test_every_block_is_run() -> None:
    """A page with commands is walked, an entry gated; what is neither is of a kind that nobody types."""
    names = {page: page.relative_to(ROOT).with_suffix("").as_posix() for page in PAGES}
    for page, name in names.items():
        lines = [c.line for b in blocks(page) if b.kind == "console" for c in commands(b)]
        if [line for line in lines if (f"{name}.md", line) not in NOT_RUN]:
            assert name in WALKED, f"{page} has commands: let suites/e2e/test_pages.py walk it"
        left = len(entries(name)) - ELSEWHERE.get(name, 0)
        assert left == len(SHOWN.get(name, ())), f"{page} has entries that no test gates"
        others = (
            {block.kind for block in blocks(page) if not block.note} - READ - {"console", "toml"}
        )
        assert others <= {"yaml"}, f"{page} has blocks without a command that uses them: {others}"


def test_what_is_not_run_is_still_shown() -> None:
    """No reason outlives the command that it excuses."""
    shown = {
        (page.relative_to(ROOT).as_posix(), command.line)
        for page in PAGES
        for block in blocks(page)
        if block.kind == "console"
        for command in commands(block)
    }
    assert [one for one in NOT_RUN if one not in shown] == []


def test_a_step_of_a_job_is_what_the_action_takes() -> None:
    """The lines that use this repository as an action name it by its path, and give inputs that it has."""
    shown = [block.text for page in PAGES for block in blocks(page) if block.kind == "yaml"]
    used = [step for text in shown for step in yaml.safe_load(text) if "quantgate" in step["uses"]]
    assert used
    for step in used:
        _, _, path = step["uses"].partition("@")[0].split("/", 2)
        action = yaml.safe_load((ROOT / path / "action.yml").read_text("utf-8"))
        assert set(step["with"]) <= set(action["inputs"])
