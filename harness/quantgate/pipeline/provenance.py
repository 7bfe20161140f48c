"""Where both roles of an entry come from, as the report says it: source, entry, digests, settings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from quantgate.escaping import printable
from quantgate.pair import ROLES, Pair
from quantgate.pipeline.feeding import reaching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.run import Run


def keep_provenance(
    run: Run, entry: ModelEntry, pair: Pair[Artifact], told: Mapping[str, Any]
) -> None:
    """Keep what the report says of how both roles were made; ``told`` are further fields of it."""
    from quantgate.manifest.lines import lines_of
    from quantgate.package.settings import load_lines

    facts = [[f"{role} digest", pair[role].digest[:16]] for role in ROLES]
    facts += [
        ["preprocess", _stated(entry.preprocess)],
        ["decoder", f"{entry.decoder.kind}: {_stated(reaching(entry.decoder, entry.evaluate))}"],
    ]
    written = lines_of(run.manifest.path.read_text(encoding="utf-8-sig"), entry.id)
    digests = [[role, pair[role].digest] for role in ROLES]
    made = {"source": source_text(entry), "entry": written, "facts": facts, "digests": digests}
    path = pair.optimized.path.absolute()
    made |= {"ir": printable(str(path)), "load": printable(load_lines(entry, path))}
    run.keep(entry.id, "optimizing", {**made, **told})


def _stated(table: Any) -> str:
    """Summarize a table of the entry: the keys that differ from the defaults."""
    values = {field: getattr(table, field.name) for field in dataclasses.fields(table)}
    said = [
        f"{field.name} {value}"
        for field, value in values.items()
        if value and value != field.default
    ]
    return printable(", ".join(said)) or "nothing but the defaults"


def source_text(entry: ModelEntry) -> str:
    """The source as the manifest names it."""
    said = {
        field.name: getattr(entry.source, field.name) for field in dataclasses.fields(entry.source)
    }
    text = ", ".join(f"{key} {value}" for key, value in said.items() if value is not None)
    return printable(text)
