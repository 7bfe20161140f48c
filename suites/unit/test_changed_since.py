"""Which models count as changed since a revision, in real repositories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import UsageError
from quantgate.manifest import load_manifest
from quantgate.session.changed import changed_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST = """
[datasets.a]
kind = "folder"
path = "images/a"
[datasets.b]
kind = "folder"
path = "images/b"
[defaults]
task = "generic"
limits = { min_sqnr_db = 10 }
"""
ENTRY = """
[models.{name}]
task = "generic"
source = "{name}.xml"
calibrate = "{data}"
evaluate = {{ dataset = "{data}", hold_out = true }}
"""
TEXT = MANIFEST.replace('task = "generic"\n', "") + ENTRY.format(name="one", data="a")
TEXT += ENTRY.format(name="two", data="b")
BOTH = {"one", "two"}


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    somebody = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *somebody, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of two models with a dataset each, committed a while ago; b is not tracked."""
    folder = tmp_path / "project"
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
        (folder / "images" / name / "1.png").write_bytes(b"image")
    for name in ("one", "two"):
        (folder / f"{name}.xml").write_text("<net/>", encoding="utf-8")
        (folder / f"{name}.bin").write_bytes(b"weights")
    (folder / "models.toml").write_text(TEXT, encoding="utf-8")
    (folder / ".gitignore").write_text("images/b\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    os.utime(folder / "images" / "b" / "1.png", (10**9, 10**9))
    return folder


def changed(folder: Path, revision: str = "HEAD") -> set[str]:
    """Ask which models changed."""
    return set(changed_models(load_manifest(folder / "models.toml"), revision))


def rewritten(old: str, new: str) -> Callable[[Path], None]:
    """Change the manifest."""

    def change(folder: Path) -> None:
        assert old in TEXT
        text = TEXT.replace(old, new, 1)
        (folder / "models.toml").write_text(text, encoding="utf-8")

    return change


def _write(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"other")


CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "nothing": (lambda _: None, set()),
    "a comment": (rewritten("[defaults]", "# why\n[defaults]"), set()),
    "an entry": (rewritten('source = "one.xml"', 'source = "one.xml"\ntags = ["x"]'), {"one"}),
    "the defaults": (rewritten("min_sqnr_db = 10", "min_sqnr_db = 11"), BOTH),
    "a dataset": (rewritten('path = "images/a"', 'path = "images/a"\nlabels = ["x"]'), {"one"}),
    "a model": (_write("two.xml"), {"two"}),
    "its weights": (_write("one.bin"), {"one"}),
    "a tracked image": (_write("images/a/1.png"), {"one"}),
    "a new image": (_write("images/a/2.png"), {"one"}),
    "an image that is gone": (lambda folder: (folder / "images/a/1.png").unlink(), {"one"}),
    "an image that git ignores": (_write("images/b/1.png"), {"two"}),
    "another file": (_write("README.md"), set()),
}


@pytest.mark.parametrize("what", sorted(CHANGES))
def test_a_model_is_judged_when_something_of_it_changed(project: Path, what: str) -> None:
    """Entry, defaults, dataset, model and images count; what belongs to no model does not."""
    change, expected = CHANGES[what]
    change(project)
    assert changed(project) == expected


def test_committed_changes_count_from_the_revision_on(project: Path) -> None:
    """A branch is compared with where it is asked to be, commits included."""
    git(project, "tag", "released")
    _write("one.bin")(project)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "second")
    assert changed(project, "released") == {"one"}
    assert changed(project) == set()


def test_a_manifest_that_was_not_there_is_new(project: Path) -> None:
    """Before the manifest came, every model of it is new."""
    git(project, "mv", "models.toml", "gates.toml")
    manifest = load_manifest(project / "gates.toml")
    assert set(changed_models(manifest, "HEAD")) == BOTH


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD:models.toml", ""])
def test_an_unknown_revision_is_refused(project: Path, revision: str) -> None:
    """What git does not know as a commit is an error, and never "nothing changed"."""
    with pytest.raises(UsageError, match="git knows no such revision"):
        changed(project, revision)


def test_without_a_repository_it_is_refused(tmp_path: Path) -> None:
    """Outside of git nothing can be told."""
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "b").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"{name}.xml").write_text("<net/>", encoding="utf-8")
    (tmp_path / "models.toml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(UsageError, match="lies in no git repository"):
        changed(tmp_path)
