"""The baseline: a released model that the new one is judged against, in the parent's place."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.errors import DatasetError, DecoderError, MeasurementError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.core.table import Table
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.run import Run

#: How pictures and tables call the two models that they compare.
BASELINE_ROLES = ("Baseline", "Optimized")


def baseline_artifact(entry: ModelEntry, run: Run, parent: Artifact) -> Artifact | None:
    """Take the model that an entry names as its baseline; None where it names none.

    Raises
    ------
    SourceError
        Where it cannot be read, or is a package that is not as it was made.
    """
    if entry.baseline is None:
        return None
    from quantgate.engine.artifact import given_artifact
    from quantgate.errors import PackageError
    from quantgate.package import certificate
    from quantgate.package.verify import MODEL, verify
    from quantgate.sources.local import LocalSource

    path, root = run.manifest.root / entry.baseline.path, run.manifest.root
    if (path / certificate.FILE).exists():
        try:
            verify(path)
        except PackageError as error:
            raise SourceError(f"models.{entry.id}.baseline: {error}") from error
        path /= MODEL
    store = run.store_of(entry.id)
    return given_artifact(LocalSource(path), entry.preprocess, root, store, parent=parent)


@contextmanager
def said_of_baseline() -> Iterator[None]:
    """Let errors of a comparison name the baseline, which is in the parent's place."""
    try:
        yield
    except (DatasetError, DecoderError, MeasurementError) as error:
        told = str(error).replace("the parent", "the baseline")
        raise type(error)(told.replace(", parent model:", ", baseline model:")) from error


def named_after_baseline(table: Table) -> Table:
    """Call the parent's columns the baseline's."""
    columns = tuple(replace(column, title=_renamed(column.title)) for column in table.columns)
    rows = tuple(
        tuple(_renamed(cell) if isinstance(cell, str) else cell for cell in row)
        for row in table.rows
    )
    return replace(table, title=_renamed(table.title), columns=columns, rows=rows)


def _renamed(text: str) -> str:
    return text.replace("Parent", "Baseline").replace("parent", "baseline")
