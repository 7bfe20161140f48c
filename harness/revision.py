"""Which commit a manifest belongs to, as git tells it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_S = 30
_DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def commit_of(folder: Path) -> str:
    """Name the commit checked out around a folder, "-dirty" behind it where tracked files changed.

    Empty outside of a repository, or without git.
    """
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command on the manifest's own folder
            ["git", "-C", str(folder), *_DESCRIBE],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
