"""Writing a package: whole under its name, or not there at all."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import PackageError
from quantgate.package import certificate
from quantgate.package.verify import digests_of, verify
from quantgate.store.entry import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Contents:
    """What a package holds.

    Parameters
    ----------
    model
        Writes ``model.xml`` and ``model.bin`` into the folder that it is given.
    texts
        Further files by their name, ``/`` between folders.
    copies
        Files that are copied, by the name that they get.
    said
        What the certificate says of the files.
    """

    model: Callable[[Path], None]
    texts: Mapping[str, str]
    copies: Mapping[str, Path]
    said: Mapping[str, Any]


def build(contents: Contents, target: Path) -> Path:
    """Write a package aside, check it as its receiver will, and give it its name in one step.

    Raises
    ------
    PackageError
        Where the folder is there already, or the disk is full or read-only; nothing stays then.
    """
    if os.path.lexists(target):
        raise PackageError(
            f"{target} is there already: remove it, or name another folder with --output"
        )
    try:
        with _aside(target) as folder:
            _fill(folder, contents)
            verify(folder)
            for path in (*folder.rglob("*"), folder):
                sync(path)
            folder.rename(target)
            sync(target.parent)
    except OSError as error:
        raise PackageError(
            f"{target} cannot be written ({error.strerror or error}): free room there, or name "
            "another folder with --output"
        ) from error
    return target


def _fill(folder: Path, contents: Contents) -> None:
    contents.model(folder)
    for name, source in contents.copies.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    for name, text in contents.texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    written = certificate.certificate(digests_of(folder), contents.said)
    (folder / certificate.FILE).write_bytes(written)


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """Give a folder beside the target, removed afterwards; those of killed runs go first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}.building-"
    for leftover in target.parent.glob(f"{glob.escape(prefix)}*"):
        with _claimed(leftover) as mine:
            if mine:
                shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with _claimed(folder):
            folder.chmod(0o755)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _claimed(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock, which the system lets go of when its process dies.

    Windows locks no folders: there it is held by nobody, and leftovers of killed runs stay.
    """
    if sys.platform == "win32":
        yield False
    else:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)
