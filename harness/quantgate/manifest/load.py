"""models.toml → a frozen manifest, or every problem in it at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from quantgate.entries import DatasetEntry, Manifest, ModelEntry, ReportPlan
from quantgate.errors import ManifestError
from quantgate.manifest import datasets, hints, history
from quantgate.manifest.document import in_order, read_document
from quantgate.manifest.draft import draft
from quantgate.manifest.entry import check_defaults, read_model
from quantgate.manifest.given import given_limits
from quantgate.manifest.problems import KeyPath, ManifestProblem, dotted, found, unknown_key
from quantgate.manifest.shape import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Tables that stand at the top of a manifest.
TABLES = ("defaults", "datasets", "models", "report")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def load_manifest(
    path: Path, given: tuple[Sequence[str], Sequence[Path]] | None = None
) -> Manifest:
    """Read, merge, validate and check a manifest.

    Parameters
    ----------
    path
        The models.toml; relative paths inside it are resolved against its folder.
    given
        Values of ``--limit`` and ``--limits-from``, laid over its limits.

    Returns
    -------
    Manifest
        Frozen, with absolute paths: whatever it names was there a moment ago.

    Raises
    ------
    ManifestError
        With every problem, in the order of the file: dotted path, what was expected, what was
        found, and what was probably meant.
    UsageError
        Where a given limit is of no model or no limit.
    """
    document = read_document(path)
    problems: list[ManifestProblem] = []
    tables = _tables(document, problems)
    root = path.absolute().parent
    known = dict.fromkeys(tables.get("datasets", {})) | {
        name: _dataset(name, table, root, problems)
        for name, table in _named(tables, "datasets", problems).items()
    }
    check_defaults(tables.get("defaults", {}), known, problems)
    drafts = [
        draft(name, own, tables.get("defaults", {}), root)
        for name, own in _named(tables, "models", problems).items()
    ]
    if given is not None:
        above = given_limits(*given, [one.id for one in drafts])
        drafts = [above.over(one) for one in drafts]
    models = [read_model(one, known, root, problems) for one in drafts]
    report = read(ReportPlan, tables.get("report", {}), ("report",), problems)
    recorded = None
    if history.KEY in document:
        recorded = history.read_history(document[history.KEY], root, problems)
    if problems:
        raise ManifestError(str(path), tuple(map(str, in_order(document, problems))))
    return Manifest(
        path=path.absolute(),
        models={model.id: model for model in models if model is not None},
        datasets={name: entry for name, entry in known.items() if entry is not None},
        report=report,
        history=recorded,
    )


def _tables(
    document: Mapping[str, Any], problems: list[ManifestProblem]
) -> dict[str, dict[str, Any]]:
    """Top-level tables; anything else at the top is a problem."""
    tables: dict[str, dict[str, Any]] = {}
    for key, value in document.items():
        if key == history.KEY or (key == "$schema" and isinstance(value, str)):
            continue
        if key not in TABLES:
            problems.append(ManifestProblem((key,), unknown_key(key, (*TABLES, history.KEY))))
        elif not isinstance(value, dict):
            problems.append(ManifestProblem((key,), f"expected a table, found {found(value)}"))
        else:
            tables[key] = value
    if document.get("models", {}) == {}:
        problems.append(
            ManifestProblem(("models",), "missing, expected at least one [models.NAME]")
        )
    return tables


def _named(
    tables: Mapping[str, Mapping[str, Any]], key: str, problems: list[ManifestProblem]
) -> dict[str, dict[str, Any]]:
    """Tables by name below a table; names become parts of test ids and of file names."""
    sound: dict[str, dict[str, Any]] = {}
    lower: dict[str, str] = {}
    for name, value in tables.get(key, {}).items():
        if not _NAME.fullmatch(name):
            sentence = (
                f"expected a name of letters, digits, '.', '-' and '_' (at most 100, a letter or "
                f"digit first), found {found(name)}"
            )
            problems.append(ManifestProblem((key, name), sentence))
        if (twin := lower.setdefault(name.lower(), name)) != name:
            sentence = (
                f"expected names that differ in more than case, found {dotted(key, twin)} too"
            )
            problems.append(ManifestProblem((key, name), sentence))
        if inner := _split_name(key, value):
            sentence = f'a dot separates tables in TOML: write the name in quotes, [{key}."{name}.{inner}"]'
            problems.append(ManifestProblem((key, name, inner), sentence))
        elif isinstance(value, dict):
            sound[name] = value
        else:
            problems.append(ManifestProblem((key, name), f"expected a table, found {found(value)}"))
    return sound


def _split_name(key: str, value: object) -> str:
    """Name the second half of a table's name that a dot has split; empty where none has."""
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        return ""
    known = hints.fields(ModelEntry if key == "models" else DatasetEntry)
    return "" if known.keys() & value.keys() else next(iter(value), "")


def _dataset(
    name: str, table: dict[str, Any], root: Path, problems: list[ManifestProblem]
) -> DatasetEntry | None:
    place: KeyPath = ("datasets", name)
    entry: DatasetEntry | None = read(DatasetEntry, table, place, problems)
    if entry is None:
        return None
    entry = datasets.located(entry, root)
    problems.extend(datasets.check_dataset(entry, table, place))
    problems.extend(datasets.check_files(entry, place))
    return entry
