"""The command that repeats exactly one test."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.entries import ModelEntry
    from quantgate.run import Run


def repeating(node: pytest.Item, run: Run, entry: ModelEntry) -> str:
    """Write the command that repeats exactly this one test of a model."""
    from quantgate.report.words.answer import selecting

    function = node.originalname if isinstance(node, pytest.Function) else ""
    config, manifest = node.config, run.manifest.path
    own = config.rootpath / str(config.getini("quantgate_manifest"))
    bare = own == manifest and config.getoption("--manifest") is None
    command = "pytest" if bare else f"quantgate gate {shlex.quote(run.manifest_name)}"
    given = [f"--limit {shlex.quote(one)}" for one in config.getoption("--limit")]
    given += [f"--limits-from {shlex.quote(one)}" for one in config.getoption("--limits-from")]
    if entry.lane and entry.lane.given:
        given.append(f"--predictions-from {shlex.quote(config.getoption('--predictions-from'))}")
    wanted = selecting(f"{function}[{entry.id}]")
    return " ".join([command, *given, f'-k "{wanted}"'])
