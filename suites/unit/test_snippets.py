"""Every piece of models.toml and every command that a page shows is one that quantgate takes."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from quantgate import cli
from quantgate.commands import gate
from suites.pages import blocks, commands

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "harness/quantgate/schema/models.schema.json").read_text("utf-8"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
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
