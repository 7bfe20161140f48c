"""``--remedy``: a recipe searched for a model that misses a limit, attached to its verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.engine.worker.client import Step
from quantgate.errors import HarnessError
from quantgate.session.progress_bars import bars
from quantgate.session.stash import WORKER

if TYPE_CHECKING:
    import pytest

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.report.evidence import Evidence
    from quantgate.run import Run


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, as a verdict shows it: a sentence and files; ``answered``: whether it came to an end."""

    sentence: str
    evidence: tuple[Evidence, ...] = ()
    answered: bool = True


def searched(model: tuple[ModelEntry, Run, Artifact, Data], config: pytest.Config) -> Found | None:
    """Search a recipe in the session's worker, and write its page below the run.

    A search that ends in an error is a sentence: the verdict it is for stays what it is.
    """
    from quantgate.pipeline.remedied import remedy_entry
    from quantgate.report.evidence import Evidence
    from quantgate.report.files import file_name
    from quantgate.report.publish import write_remedy
    from quantgate.report.words.remedy import headline, lines

    seconds = config.getoption("--remedy")
    if seconds is None:
        return None
    entry, run = model[:2]
    step = Step("searching a recipe")
    try:
        with bars(config, entry.id) as progress:
            told = config.stash[WORKER].call(
                step, remedy_entry, *model, seconds=seconds, progress=progress
            )
        page = run.directory / "remedies" / f"{file_name(entry.id)}.html"
        write_remedy(page, told)
        run.keep(entry.id, "remedied", {"remedied": page.relative_to(run.directory).as_posix()})
    except HarnessError as error:
        return Found(f"no recipe was found: {error}", answered=False)
    folder = page.parent / page.stem
    names = ("points.csv", "tried.csv")
    tables = (Evidence(name, "text/csv", (folder / name).read_bytes()) for name in names)
    said = f"searched for a recipe: {headline(told)}"
    if told.winner is None:
        return Found(said, tuple(tables))
    pasted = Evidence("models.toml", "text/plain", lines(told).encode())
    return Found(f"{said}; its lines: {folder / pasted.name}", (pasted, *tables))
