"""``quantgate schema``: where the JSON Schema of models.toml is, for completion and checks in editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say
from quantgate.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MARK = "#:schema "


def add(verbs: Any) -> None:
    """Declare the verb."""
    schema = verbs.add_parser(
        "schema", help="print where the schema of models.toml is, or write its line into a manifest"
    )
    schema.add_argument(
        "manifest",
        nargs="?",
        type=Path,
        help="write the line at the top of this manifest, or renew it",
    )
    schema.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Print the path, and the line by which editors find it; with a manifest, write that line."""
    from quantgate.onboarding.entry import SCHEMA, schema_line

    if options.manifest is None:
        say(str(SCHEMA))
        say(schema_line(None))
        return 0
    path: Path = options.manifest
    line = schema_line(path.absolute().parent)
    try:
        before = path.read_text("utf-8")
        if before.startswith(_MARK):
            before = before.partition("\n")[2]
        path.write_text(f"{line}\n{before}", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be given its schema: {error}") from error
    say(f"{path}: {line}")
    return 0
