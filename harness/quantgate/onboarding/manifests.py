"""Writing entries into a manifest: a new one, or one that is there already."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.borders import reason_of
from quantgate.errors import UsageError
from quantgate.manifest.datasets import resolved
from quantgate.onboarding.entry import entry_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.onboarding.entry import Draft


def refuse_to_overwrite(output: Path, *, add: bool) -> None:
    """Ask before anything is computed whether it could be written.

    Raises
    ------
    UsageError
        Where there is a manifest that nobody said to add to, or none to add to is sound.
    """
    if output.exists() and not add:
        raise UsageError(f"{output} is there already: give --add to add to it, or another --output")
    if add and output.exists():
        _document(output)
    if not output.parent.is_dir():
        raise UsageError(f"--output {output}: there is no folder {output.parent}")


def written(drafts: Sequence[Draft], output: Path) -> list[Draft]:
    """Write entries, behind what is there; names that are taken get a number. Return them as written.

    Raises
    ------
    UsageError
        Where the file cannot be written.
    """
    before = output.read_text("utf-8") if output.exists() else ""
    known = _document(output) if before else {}
    text = before
    done: list[Draft] = []
    for draft in drafts:
        own, fresh = _fitted(draft, known, output.absolute().parent)
        part = entry_text(own, output.absolute().parent, dataset=fresh, schema=not text)
        text += ("\n" if text else "") + (part if not before and not done else _as_tables(part))
        known.setdefault("models", {})[own.subject.name] = {}
        known.setdefault("datasets", {})[own.name] = _table(own)
        done.append(own)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {output} cannot be written: {reason_of(error)}") from error
    return done


def _as_tables(part: str) -> str:
    """Turn the line of a dataset into a table: behind other tables a dotted key would be one of theirs."""
    lines = part.splitlines()
    if lines[0].startswith("datasets."):
        name, _, table = lines[0].partition(" = ")
        lines[0] = f"[{name.removesuffix(' ')}]\n" + "\n".join(_keys(table))
    return "\n".join(lines) + "\n"


def _keys(table: str) -> list[str]:
    """Split an inline table into lines; values are read and written again."""
    from quantgate.onboarding.entry import toml_value

    values: dict[str, Any] = tomllib.loads(f"it = {table}")["it"]
    return [f"{key} = {toml_value(value, None)}" for key, value in values.items()]


def _fitted(draft: Draft, known: dict[str, Any], root: Path) -> tuple[Draft, bool]:
    """Give free names; the second tells whether the dataset has to be written, too."""
    models, datasets = known.get("models", {}), known.get("datasets", {})
    name = _free(draft.subject.name, models)
    draft = replace(draft, subject=replace(draft.subject, name=name))
    for taken, table in datasets.items():
        if _same(table, draft, root):
            return replace(draft, name=taken), False
    return replace(draft, name=_free(draft.name, datasets)), True


def _table(draft: Draft) -> dict[str, Any]:
    """Give what :func:`_same` looks at, as a manifest would have it."""
    paths = {key: getattr(draft.dataset, key) for key in ("path", "annotations", "labels")}
    said: dict[str, Any] = {key: str(path) for key, path in paths.items() if isinstance(path, Path)}
    if isinstance(draft.dataset.labels, tuple):
        said["labels"] = list(draft.dataset.labels)
    return {**said, "kind": draft.dataset.kind, "annotated": draft.dataset.annotated}


def _same(table: Any, draft: Draft, root: Path) -> bool:
    if not isinstance(table, dict) or table.get("kind") != draft.dataset.kind:
        return False
    pairs = [
        (table.get(key), getattr(draft.dataset, key)) for key in ("path", "annotations", "labels")
    ]
    same = all(
        (None if a is None else resolved(root, a)) == b for a, b in pairs if not isinstance(a, list)
    )
    return same and table.get("annotated", True) == draft.dataset.annotated


def _free(name: str, taken: dict[str, Any]) -> str:
    lower = {one.lower() for one in taken}
    number, free = 2, name
    while free.lower() in lower:
        free, number = f"{name}-{number}", number + 1
    return free


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be added to: {error}") from error
