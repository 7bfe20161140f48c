"""What is supported of Open Model Zoo, as one table for people and machines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from quantgate.core.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.table import Cell
    from quantgate.sources.omz.knowledge import OmzSettings

_SUPPORT = {"task": "yes", "tensors": "raw outputs only", "none": "no"}


def coverage_table(settings: Sequence[OmzSettings]) -> Table:
    """Return one row a model: whether it is supported, by which task, and what is missing."""
    columns = (
        Column("model", "Model"),
        Column("supported", "Supported"),
        Column("task", "Task"),
        Column("decoder", "Decoder"),
        Column("metric", "Metric"),
        Column("published", "Published", "number"),
        Column("missing", "Missing"),
    )
    rows = tuple(map(_row, settings))
    lacking = frozenset(i for i, entry in enumerate(settings) if entry.support != "task")
    return Table("omz", "Open Model Zoo", columns, rows, lacking)


def coverage_sentence(settings: Sequence[OmzSettings]) -> str:
    """Return the counts in one sentence."""
    counted = Counter(entry.support for entry in settings)
    return (
        f"of {len(settings)} models {counted['task']} are judged by their task, "
        f"{counted['tensors']} by their raw outputs only, {counted['none']} not at all"
    )


def _row(entry: OmzSettings) -> tuple[Cell, ...]:
    first = entry.references[0] if entry.references else None
    kind = entry.decoder.get("kind")
    return (
        entry.name,
        _SUPPORT[entry.support],
        entry.task,
        str(kind) if kind else None,
        first.metric if first else None,
        first.value if first else None,
        entry.missing,
    )
