"""An entry of models.toml as text: at most twelve lines, each guess with its evidence."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.entries import DatasetEntry, Preprocess
from quantgate.escaping import one_line, table_name, toml_key, toml_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.decoders.alternatives import Reading
    from quantgate.onboarding.subject import Subject

#: Lines of an entry, and characters of one comment.
MOST_LINES = 12
#: Keys of readers of text that are written wherever they are set.
_OF_TEXT = ("characters", "alphabet", "end")
_LONGEST = 160
SCHEMA = Path(__file__).parents[1] / "schema" / "models.schema.json"


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that an entry says.

    Parameters
    ----------
    dataset, name
        Its images, with absolute paths, and what they are called in models.toml.
    task, reading, plan
        None where the source knows them.
    subset
        Images to calibrate with; the rest is judged on.
    metric
        By which it is judged; empty for the task's own.
    published
        What its makers say it reaches, by metric: value and origin, who says so.
    comments
        Evidence by key of the entry; ``unsure`` by whatever is unsure.
    """

    subject: Subject
    dataset: DatasetEntry
    name: str
    subset: int
    task: str | None = None
    reading: Reading | None = None
    plan: Preprocess | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    metric: str = ""
    published: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, str] = field(default_factory=dict)


def schema_line(root: Path | None) -> str:
    """Write the line that tells editors where the schema is."""
    return f"#:schema {_path(SCHEMA, root)}"


def entry_text(
    draft: Draft, root: Path | None, *, dataset: bool = True, schema: bool = True
) -> str:
    """Write an entry.

    Parameters
    ----------
    root
        Folder of the manifest, to which paths are relative where they lie below it; None: none are.
    dataset, schema
        Whether the dataset and the line of the schema are to be written, too.
    """
    lines = [schema_line(root)] if schema else []
    lines += [dataset_line(draft.name, draft.dataset, root)] if dataset else []
    lines += [f"[{table_name('models', draft.subject.name)}]"]
    lines += [_line(key, value, draft.comments.get(key, "")) for key, value in keys_of(draft, root)]
    unsure = [f"{key}: {said}" for key, said in draft.unsure.items()]
    left = MOST_LINES - len(lines)
    lines += [f"# unsure: {one_line(_cut(said))}" for said in _joined(unsure, left)]
    return "\n".join(lines) + "\n"


def _joined(said: list[str], lines: int) -> list[str]:
    """Put what is unsure on as many lines as are left."""
    if len(said) <= lines:
        return said
    return [*said[: lines - 1], "; ".join(said[lines - 1 :])]


def dataset_line(name: str, dataset: DatasetEntry, root: Path | None) -> str:
    """Write a dataset on one line, for the top of a manifest."""
    keys = []
    for each in fields(DatasetEntry):
        value = getattr(dataset, each.name)
        if each.name == "kind" or value != each.default:
            keys.append(f"{each.name} = {toml_value(value, root)}")
    return f"{table_name('datasets', name)} = {{ {', '.join(keys)} }}"


def keys_of(draft: Draft, root: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the keys of an entry with their values as TOML."""
    if draft.task is not None:
        yield "task", toml_string(draft.task)
    yield "source", _source(draft.subject.table, root)
    if draft.reading is not None:
        yield "decoder", _decoder(draft.reading, root)
    if draft.plan is not None:
        keys = preprocess_keys(draft.plan)
        if keys:
            said = ", ".join(f"{key} = {toml_value(value, root)}" for key, value in keys.items())
            yield "preprocess", f"{{ {said} }}"
    name = toml_string(draft.name)
    yield "calibrate", f"{{ dataset = {name}, subset = {draft.subset} }}"
    by = f", metric = {toml_string(draft.metric)}" if draft.metric else ""
    yield "evaluate", f"{{ dataset = {name}, hold_out = true{by} }}"
    for metric, figure in draft.published.items():
        yield f"published.{metric}", toml_value(figure, root)
    if draft.limits:
        said = ", ".join(f"{key} = {value:g}" for key, value in draft.limits.items())
        yield "limits", f"{{ {said} }}"


def preprocess_keys(plan: Preprocess) -> dict[str, Any]:
    """Give the keys of ``preprocess`` that differ from the defaults."""
    return {
        each.name: value
        for each in fields(Preprocess)
        if (value := getattr(plan, each.name)) != getattr(Preprocess(), each.name)
    }


def _source(table: Mapping[str, Any], root: Path | None) -> str:
    if table.keys() == {"path"}:
        return toml_value(table["path"], root)
    return f"{{ {', '.join(f'{key} = {toml_value(v, root)}' for key, v in table.items())} }}"


def _decoder(reading: Reading, root: Path | None) -> str:
    own: Any = reading.decoder
    needed = [
        key
        for key in ("priors", "anchors")
        if hasattr(own, key) and own.kind in {"ssd-raw", "yolo"}
    ]
    needed += [key for key in _OF_TEXT if getattr(own, key, None) is not None]
    keys = list(dict.fromkeys([*needed, *reading.changed]))
    if own.kind == "ssd-raw" and "box_format" not in keys and own.box_format != "yxhw":
        keys.append("box_format")
    if not keys:
        return toml_string(own.kind)
    said = [f"kind = {toml_string(own.kind)}"]
    said += [f"{key} = {toml_value(getattr(own, key), root)}" for key in keys]
    return f"{{ {', '.join(said)} }}"


def toml_value(value: Any, root: Path | None) -> str:
    """Write a value of a manifest, a table without its defaults; paths below ``root`` become relative to it."""
    if is_dataclass(value):
        value = {
            each.name: own
            for each in fields(value)
            if (own := getattr(value, each.name)) != each.default
        }
    if isinstance(value, Path):
        return toml_string(_path(value, root))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, dict):
        said = ", ".join(f"{toml_key(key)} = {toml_value(v, root)}" for key, v in value.items())
        return f"{{ {said} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item, root) for item in value)}]"
    return f"{value:g}"


def _path(path: Path, root: Path | None) -> str:
    if root is None or not path.is_absolute():
        return str(path)
    own = root.absolute()
    if path.is_relative_to(own):
        return path.relative_to(own).as_posix()
    near = path.is_relative_to(own.parent) and own.parent != Path(own.anchor)
    return Path(os.path.relpath(path, own)).as_posix() if near else str(path)


def _line(key: str, value: str, comment: str) -> str:
    return f"{key} = {value}" + (f"  # {one_line(_cut(comment))}" if comment else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
