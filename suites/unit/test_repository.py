"""What git knows is asked of git; where it knows nothing, nothing is made up."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from quantgate.session.git import Commit, commit_of, identity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep git away from the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    who = ("-c", "user.name=A B", "-c", "user.email=a@b.example")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Provide a repository with one commit on the branch main."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "models.toml").write_text("# one")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def test_commit_and_branch_are_named(repository: Path) -> None:
    """A clean checkout is its commit; a changed one says so; files that git ignores are no change."""
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "reports").mkdir()
    (repository / "reports" / "x").touch()
    assert commit_of(repository) == Commit(commit, "main")

    (repository / "models.toml").write_text("# two")
    assert commit_of(repository) == Commit(f"{commit}-dirty", "main")


def test_a_pipeline_names_the_branch(repository: Path) -> None:
    """A pipeline checks out a commit alone, and says in the environment what it belongs to."""
    git(repository, "checkout", "--quiet", "--detach")

    assert commit_of(repository, {"GITHUB_REF_NAME": "main"}).branch == "main"
    assert not commit_of(repository, {}).branch


def test_no_repository_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a repository, and without git, both are empty."""
    assert commit_of(tmp_path) == Commit()

    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) == Commit()


def test_an_identity_is_told_or_absent(repository: Path) -> None:
    """Git's own identity is used; one that git would make up of the machine's name is not."""
    assert not identity(repository)

    git(repository, "config", "user.name", "A B")
    git(repository, "config", "user.email", "a@b.example")
    assert identity(repository) == "A B <a@b.example>"
