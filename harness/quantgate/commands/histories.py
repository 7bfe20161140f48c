"""Find the history that a command uses: ``--history``, environment, models.toml, or the default file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.session.history import FILE, VARIABLE

if TYPE_CHECKING:
    import argparse

    from quantgate.history.store import History

_MANIFEST = Path("models.toml")


def add_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--history``."""
    parser.add_argument(
        "--history",
        metavar="URL",
        help="use this history, a file or postgresql://… (default: QUANTGATE_HISTORY, `history` of models.toml, or "
        "reports/history.sqlite)",
    )


def history_url(given: str | None) -> str:
    """Name the history that is meant."""
    return given or os.environ.get(VARIABLE) or _declared() or str(Path("reports", FILE))


def _declared() -> str | None:
    if not _MANIFEST.is_file():
        return None
    from quantgate.manifest.history import declared_history

    return declared_history(_MANIFEST)


def history_of(options: argparse.Namespace, *, create: bool = False) -> History:
    """Open the history that is meant.

    Raises
    ------
    HistoryError
        Where it is not there or cannot be opened.
    """
    from quantgate.history.store import open_history

    return open_history(history_url(options.history), create=create)
