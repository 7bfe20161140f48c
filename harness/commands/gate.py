"""``quantgate gate``: quantize and judge, through pytest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    gate = verbs.add_parser(
        "gate", help="quantize and judge every model of a manifest; further options go to pytest"
    )
    gate.add_argument("manifest", nargs="?", default="models.toml", type=Path)
    gate.set_defaults(run=run)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part ``gate``'s own arguments (the manifest) from those that go to pytest as they are."""
    if arguments[:1] != ["gate"] or {"-h", "--help"} & set(arguments):
        return arguments, []
    own = 2 if len(arguments) > 1 and not arguments[1].startswith("-") else 1
    return arguments[:own], arguments[own:]


def run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run pytest on the gates; its exit status is the gate."""
    import pytest

    from harness.collecting import gates_directory

    manifest = Path(options.manifest).absolute()
    gates = gates_directory()
    own = ["--manifest", str(manifest), "--rootdir", str(manifest.parent)]
    settings = ["-c", str(gates / "gate.ini"), "-p", "harness.plugin"]
    return int(pytest.main([str(gates), *own, *settings, *rest]))
