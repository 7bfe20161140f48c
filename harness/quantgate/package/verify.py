"""Whether a package is as it was made: every file against the certificate, without a model library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from quantgate.engine.ir_file import digest_of_ir, info_of_ir
from quantgate.errors import PackageError
from quantgate.package import certificate
from quantgate.store.entry import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODEL = "model.xml"


def digests_of(folder: Path) -> dict[str, str]:
    """Digest every file of a package but its certificate: SHA-256 by name, ``/`` between folders.

    What is no file of its own (a link, a device) has an empty digest: no certificate names one.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        own = path.is_file() and not path.is_symlink()
        if own or path.is_symlink() or not path.is_dir():
            found[path.relative_to(folder).as_posix()] = digest_of_file(path) if own else ""
    found.pop(certificate.FILE, None)
    return found


def verify(folder: Path) -> Mapping[str, Any]:
    """Check a package; give the statement that its certificate makes.

    Raises
    ------
    PackageError
        Where anything is not as it was written; names every such file.
    """
    try:
        path = folder / certificate.FILE
        statement = certificate.read_certificate(path.read_bytes(), str(path))
        problems = list(_problems(folder, statement))
    except OSError as error:
        raise PackageError(
            f"{error.filename or folder} cannot be read ({error.strerror}): expected the folder "
            "that quantgate package wrote"
        ) from error
    if problems:
        raise PackageError(f"{folder} is not as it was packaged: {'; '.join(problems)}")
    return statement


def _problems(folder: Path, statement: Mapping[str, Any]) -> Iterator[str]:
    expected = {item["name"]: item["digest"]["sha256"] for item in statement["subject"]}
    there = digests_of(folder)
    for name, digest in expected.items():
        if name not in there:
            yield f"{name} is missing"
        elif there[name] != digest:
            yield f"{name} has other content"
    strange = sorted(there.keys() - expected.keys())
    yield from (f"{name} does not belong to it: {_advice(name)}" for name in strange)
    if there.get(MODEL) == expected.get(MODEL):
        yield from _mismatch(folder / MODEL, statement["predicate"]["model"]["digest"])


def _advice(name: str) -> str:
    if name.endswith(".pyc"):
        return "remove it, and import with python -B, which writes no such files"
    return "remove the file"


def _mismatch(model: Path, digest: str) -> Iterator[str]:
    """Say where the graph, its own words and the certificate name different models."""
    said = info_of_ir(model).get("digest", "none")
    if said != digest:
        yield f"{MODEL} calls itself {said[:16]} in its rt_info, the certificate {digest[:16]}"
    try:
        found = digest_of_ir(model)
    except (OSError, ValueError, ET.ParseError):
        return  # the damaged file is named already
    if found != digest:
        yield f"{MODEL} holds the graph {found[:16]}, the certificate names {digest[:16]}"
