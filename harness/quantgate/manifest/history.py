"""``history`` at the top of models.toml: where runs are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.manifest.datasets import resolved
from quantgate.manifest.document import read_document
from quantgate.manifest.problems import ManifestProblem, found, meant
from quantgate.redaction import holds_password

if TYPE_CHECKING:
    from pathlib import Path

KEY = "history"
MEANING = "where runs are recorded: a file beside models.toml, or postgresql://HOST/DATABASE"
_SCHEMES = ("sqlite", "postgresql")
_FILE_URL = "sqlite:///"


def read_history(value: object, root: Path, problems: list[ManifestProblem]) -> str | None:
    """Read the key: an absolute path or a URL; None, and the problem appended, where it is neither."""
    say = _mistake(value)
    if say:
        problems.append(ManifestProblem((KEY,), say))
        return None
    return located(str(value), root)


def located(text: str, root: Path) -> str:
    """Make a file absolute; the URL of a server stays as it is."""
    if text.startswith(_FILE_URL):
        text = text.removeprefix(_FILE_URL)
    return text if "://" in text else str(resolved(root, text))


def declared_history(path: Path) -> str | None:
    """Read nothing but the key: the models that a manifest names need not be on this machine.

    Raises
    ------
    ManifestError
        Where the file is no TOML, or the key is wrong.
    """
    from quantgate.errors import ManifestError

    document = read_document(path)
    if KEY not in document:
        return None
    problems: list[ManifestProblem] = []
    read = read_history(document[KEY], path.absolute().parent, problems)
    if problems:
        raise ManifestError(str(path), tuple(map(str, problems)))
    return read


def _mistake(value: object) -> str:
    """Say what is wrong with the key, or nothing."""
    if not isinstance(value, str) or not value.strip():
        return f"expected a string ({MEANING}), found {found(value)}"
    scheme, separator, _ = value.partition("://")
    if separator and scheme not in _SCHEMES:
        return f"expected a path or a URL of {' or '.join(_SCHEMES)}, found {scheme}://{meant(scheme, _SCHEMES)}"
    if separator and holds_password(value):
        return (
            "expected no password, because this file is shared: leave it to ~/.pgpass or PGPASSWORD, or "
            "set the whole URL in QUANTGATE_HISTORY"
        )
    return ""
