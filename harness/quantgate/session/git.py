"""What git knows: the commit and branch of the judged repository, and who is working in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Pipelines check out a commit without a branch, and name the branch here.
_BRANCHES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BRANCH_NAME")
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and its branch; empty where there is no repository, or no git.

    ``commit`` ends with ``-dirty``, as ``git describe`` does, where tracked files were changed.
    """

    commit: str = ""
    branch: str = ""


def commit_of(folder: Path, environ: Mapping[str, str] | None = None) -> Commit:
    """Ask git about a folder.

    Parameters
    ----------
    environ
        Where the pipeline names the branch; the process's own environment by default.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return Commit()
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    branch = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD")
    if not branch:
        known = os.environ if environ is None else environ
        branch = next((known[name] for name in _BRANCHES if known.get(name)), "")
    return Commit(f"{commit}-dirty" if changed else commit, branch)


def identity(folder: Path) -> str:
    """Name and address with which git would sign a commit; empty if not configured."""
    # Without this setting git makes an address up from the machine's name.
    ident = _git(folder, "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")
    return ident.rsplit(">", 1)[0] + ">" if ">" in ident else ""


def _git(folder: Path, *arguments: str) -> str:
    return ask(folder, *arguments) or ""


def ask(folder: Path, *arguments: str) -> str | None:
    """Run git in a folder and give what it says; None where there is no git, or it fails."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - git itself, with arguments of our own
            [program, "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
