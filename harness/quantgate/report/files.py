"""Writing a run's directory: whole files or none, one clear sentence when the disk is full."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quantgate.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Folder of the tables that compare with the baseline, in that of a model's tables.
BASELINE_TABLES = "baseline"


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file aside and rename it into place.

    Raises
    ------
    ReportError
        Where the disk is full or read-only; the half-written file is removed.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with on_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_bytes(data)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def append_text(path: Path, text: str) -> None:
    """Add text to a file that another program reads.

    Raises
    ------
    ReportError
        Where it cannot be written.
    """
    with on_disk(path), path.open("a", encoding="utf-8") as file:
        file.write(text)


def point_latest(directory: Path) -> None:
    """Point ``latest`` beside a run's directory at it; a copy of the page where links are refused."""
    latest = directory.parent / "latest"
    aside = latest.with_name(f".latest.{os.getpid()}")
    with on_disk(latest):
        aside.unlink(missing_ok=True)
        try:
            aside.symlink_to(directory.name, target_is_directory=True)
        except OSError:
            _copy_page(directory, latest)
            return
        if latest.is_dir() and not latest.is_symlink():
            shutil.rmtree(latest)
        aside.replace(latest)


def file_name(name: str) -> str:
    """Make a sample's or model's name safe as a file name, and keep different names different."""
    import hashlib

    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip(".-")[:60]
    if name and kept == name:
        return kept
    return f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _copy_page(directory: Path, latest: Path) -> None:
    latest.mkdir(exist_ok=True)
    for name in ("index.html", "run.json", "verdicts.json"):
        if (directory / name).is_file():
            shutil.copyfile(directory / name, latest / name)


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Say a full or read-only disk as one sentence.

    Raises
    ------
    ReportError
        For every error of the operating system inside the block.
    """
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another "
            "writable folder with --reports"
        ) from error
