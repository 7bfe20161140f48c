"""A private PostgreSQL for tests: a cluster in a folder of its own, reached by a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where Debian's package puts the programs of each version.
_DEBIAN = Path("/usr/lib/postgresql")
_OWNER = "quantgate"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server; its socket lies in ``folder``."""

    folder: Path

    def url(self, database: str) -> str:
        """Address of a database."""
        return f"postgresql://{_OWNER}@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """Make a fresh database; return its address."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)


def missing() -> str:
    """Say why there can be no server here, or nothing."""
    if _programs() is None:
        return "no PostgreSQL server here (Debian: apt-get install postgresql)"
    if find_spec("psycopg") is None:
        return 'psycopg is not installed (pip install "quantgate[postgres]")'
    return ""


def _programs() -> Path | None:
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    other = shutil.which("initdb")
    return Path(other).resolve().parent if other else None


@contextmanager
def running(*settings: str) -> Iterator[Cluster]:
    """Start a server of our own, and stop it afterwards."""
    programs = _programs()
    assert programs is not None, missing()
    folder = Path(tempfile.mkdtemp(prefix="quantgate-postgres-"))
    user = _user()
    if user:
        shutil.chown(folder, *user.values())
    data = folder / "data"
    options: dict[str, Any] = {"cwd": folder, **user}
    try:
        arguments = ("-D", data, "-U", _OWNER, "-A", "trust", "-E", "UTF8", "--no-sync")
        _run(programs / "initdb", *arguments, **options)
        told = [f"-c {setting}" for setting in ("listen_addresses=''", *settings)]
        server = " ".join([f"-k {folder}", *told])
        start = ("-D", data, "-w", "-t", "120", "-l", folder / "log", "-o", server, "start")
        _run(programs / "pg_ctl", *start, **options)
        try:
            yield Cluster(folder)
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", **options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> dict[str, str]:
    """Give another user where this is root, whom the server refuses to run as."""
    if os.geteuid():
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in known else "nobody"
    return {"user": name, "group": pwd.getpwnam(name).pw_name if name == "postgres" else "nogroup"}


def _run(*arguments: object, **options: Any) -> None:
    done = subprocess.run(
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout
