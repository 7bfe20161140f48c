"""A whole history as JSON Lines: to be kept, and to join stores of machines that share no database.

A header, a line for each run and each accepted step, and an end with a checksum over all of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from quantgate.core.series import Accepted
from quantgate.errors import HistoryError, ReportError
from quantgate.history.connection import transaction
from quantgate.history.record import RunRecord
from quantgate.history.schema import lock
from quantgate.history.writing import digest_of, insert, insert_accepted
from quantgate.report.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from quantgate.history.store import History

#: Version of the lines; raised when a field changes its meaning or goes away.
SCHEMA = 1
_FORMAT = "quantgate history"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought: runs and accepted steps that are new, and those that were there."""

    runs: int
    accepted: int
    known: int


@dataclass(slots=True)
class _Writer:
    """Lines into a file, with the checksum of what was written so far."""

    file: BinaryIO
    lines: int = 0
    seen: Any = field(default_factory=hashlib.sha256)

    def write(self, document: dict[str, Any]) -> None:
        line = json.dumps(document, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        self.file.write(line)
        self.seen.update(line)
        self.lines += 1


def export(history: History, file: BinaryIO) -> int:
    """Write everything; return how many runs there were."""
    writer = _Writer(file)
    writer.write({"format": _FORMAT, "schema": SCHEMA})
    runs = 0
    for record in history.records():
        writer.write({"run": encode(record)})
        runs += 1
    for accepted in history.accepted():
        writer.write({"accepted": _plain(accepted)})
    writer.write({"end": {"lines": writer.lines, "sha256": writer.seen.hexdigest()}})
    return runs


def import_(history: History, path: Path) -> Imported:
    """Import an export completely or not at all; runs that are there already stay as they are.

    Raises
    ------
    HistoryError
        Where the file is damaged, of a newer version, or claims a run with other results.
    """
    _verify(path)
    with transaction(history.engine) as connection:
        lock(connection)
        return _insert(connection, path)


def _insert(connection: Connection, path: Path) -> Imported:
    runs = accepted = known = 0
    for number, document in _documents(path):
        if "run" in document:
            run = _run(document["run"], path, number)
            new = insert(connection, run, digest_of(run)).new
            runs += new
        else:
            new = insert_accepted(connection, _accepted(document["accepted"], path, number))
            accepted += new
        known += not new
    return Imported(runs, accepted, known)


def _documents(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines between the header and the end, with their numbers."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            document = json.loads(line)
            if "run" in document or "accepted" in document:
                yield number, document


def _verify(path: Path) -> None:
    """Read it through before anything is written: what is damaged is refused whole."""
    seen, lines, last = hashlib.sha256(), 0, b""
    try:
        with path.open("rb") as file:
            for line in file:
                if not lines:
                    _demand_header(line, path)
                else:
                    seen.update(last)
                last = line
                lines += 1
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror or error}") from error
    end = _document(last).get("end")
    if not isinstance(end, dict):
        raise HistoryError(
            f"{path}: expected an end with a checksum, found {lines} lines without one: the export was "
            "cut off; nothing was imported, export again"
        )
    if end.get("sha256") != seen.hexdigest() or end.get("lines") != lines - 1:
        raise HistoryError(
            f"{path}: expected the content that its checksum was made of, found another: the export was "
            "damaged or edited; nothing was imported, export again"
        )


def _demand_header(line: bytes, path: Path) -> None:
    header = _document(line)
    if header.get("format") != _FORMAT:
        raise HistoryError(
            f"{path}: expected an export of `quantgate history export`, found another file"
        )
    if header.get("schema") != SCHEMA:
        raise HistoryError(
            f"{path} was exported by a newer quantgate (format {header.get('schema')}, this one knows "
            f"{SCHEMA}); nothing was imported, upgrade quantgate"
        )


def _document(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _run(document: object, path: Path, number: int) -> RunRecord:
    try:
        return decode(RunRecord, document)
    except ReportError as error:
        raise HistoryError(
            f"{path}, line {number}: expected a run, found something else ({error}); nothing was imported"
        ) from error


def _plain(accepted: Accepted) -> dict[str, Any]:
    return {
        **encode(accepted),
        "at": accepted.at.isoformat(timespec="microseconds"),
        "until": accepted.until.isoformat() if accepted.until else None,
    }


def _accepted(document: dict[str, Any], path: Path, number: int) -> Accepted:
    try:
        until = document["until"]
        return Accepted(
            model=document["model"],
            quantity=document["quantity"],
            reason=document["reason"],
            who=document["who"],
            at=dt.datetime.fromisoformat(document["at"]),
            until=dt.date.fromisoformat(until) if until else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HistoryError(
            f"{path}, line {number}: expected an accepted step, found something else; nothing was imported"
        ) from error
