"""``quantgate completion``: a script that completes verbs and options in a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

SHELLS = ("bash", "zsh", "tcsh")
_EPILOG = """\
bash:  quantgate completion bash > ~/.local/share/bash-completion/completions/quantgate
zsh:   quantgate completion zsh > "${fpath[1]}/_quantgate"
"""


def add(verbs: Any) -> None:
    """Declare the verb."""
    from argparse import RawDescriptionHelpFormatter

    completion = verbs.add_parser(
        "completion",
        help="print a script that completes verbs and options in a shell",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=SHELLS, help="shell that reads the script")
    completion.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Write the script."""
    import shtab

    sys.stdout.write(shtab.complete(options.parser(), options.shell) + "\n")
    return 0
