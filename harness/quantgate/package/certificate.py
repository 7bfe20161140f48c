"""The certificate of a package: an in-toto statement about every file, and what its gate found.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. The statement is written in one
way only (sorted keys, one space) and carries its own digest as ``seal``, so that one changed byte shows
in it as in any other file. A seal is no signature: sign the file with cosign or sigstore for that.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from quantgate.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "certificate.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:quantgate:certificate:v1"
_SEAL = "seal"


def certificate(digests: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """Write the statement about files (name to SHA-256) and what is said of them."""
    subject = [{"name": name, "digest": {"sha256": one}} for name, one in sorted(digests.items())]
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }
    return _written(_sealed(statement))


def read_certificate(data: bytes, place: str = FILE) -> Mapping[str, Any]:
    """Read a certificate and check that it was not changed; ``place`` names it in errors.

    Raises
    ------
    PackageError
        Where it is no statement of ours, or not as it was written.
    """
    try:
        statement = json.loads(data)
        whole = _written(_sealed(statement)) == data
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise PackageError(
            f"{place} is not as it was written: what it says of the other files proves nothing; "
            "take the package from its source again"
        )
    kind = statement["predicateType"]
    if kind != PREDICATE_TYPE:
        raise PackageError(
            f"{place}: expected the predicateType {PREDICATE_TYPE}, found {kind}: check it with the "
            "version of quantgate that wrote it"
        )
    found: Mapping[str, Any] = statement
    return found


def _sealed(statement: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in statement["predicate"].items() if key != _SEAL}
    bare = {**statement, "predicate": said}
    seal = hashlib.sha256(_written(bare)).hexdigest()
    return {**bare, "predicate": {**said, _SEAL: {"sha256": seal}}}


def _written(statement: Mapping[str, Any]) -> bytes:
    text = json.dumps(statement, indent=1, sort_keys=True, allow_nan=False)
    return (text + "\n").encode()
