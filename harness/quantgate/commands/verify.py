"""``quantgate verify``: check that a package is unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say
from quantgate.escaping import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    verify = verbs.add_parser(
        "verify", help="check the files of a package against its certificate, offline"
    )
    verify.add_argument(
        "package", type=Path, metavar="DIR", help="folder written by quantgate package"
    )
    verify.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Check every file; say what the certificate says."""
    from quantgate.package.verify import verify

    statement = verify(options.package)
    said, count = statement["predicate"], len(statement["subject"])
    gate, name = said["gate"], said["model"]["name"]
    say(f"{one_line(str(options.package))}: {count} files as they were packaged")
    say(f"{name}: gate {gate['result']} in run {gate['run']} ({gate['sentence']})")
    if gate["forced"]:
        say("NOT GREEN: it was packaged by force")
    return 0
