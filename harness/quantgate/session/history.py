"""The end of a run in its history: where it is kept, and what the terminal says of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.errors import HistoryError
from quantgate.redaction import redacted
from quantgate.session.machines import by_machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from quantgate.report.model import RunReport
    from quantgate.run import Run

#: Names a history for those who may not write its address down, because it holds a password.
VARIABLE = "QUANTGATE_HISTORY"
#: The history's own file, beside the runs' folders.
FILE = "history.sqlite"


def wanted(config: pytest.Config, run: Run) -> str | None:
    """Name the history that this run is recorded in; None where it is not recorded.

    ``--record URL`` comes first, then the environment, then ``history`` of models.toml, then a file
    beside the runs. Without ``--record`` a run is recorded where models.toml names a history.
    """
    from quantgate.session.dry_run import runs_nothing

    option = config.option
    if option.no_record or runs_nothing(config):
        return None
    declared = run.manifest.history
    if option.record is None and declared is None:
        return None
    if option.record:
        return _given(option.record, Path(config.invocation_params.dir))
    return os.environ.get(VARIABLE) or declared or str(run.directory.parent / FILE)


def named(text: str, reports: Path) -> str:
    """Name the history of ``--record``'s value, outside of a test session.

    Without a value the environment's, or a file in the folder of ``reports``.
    """
    return _given(text, Path()) if text else os.environ.get(VARIABLE) or str(reports / FILE)


def _given(text: str, folder: Path) -> str:
    """Read ``--record``'s value, which may have swallowed what was meant for pytest."""
    if "://" in text:
        return text
    path = folder / text
    if "::" in text or path.is_dir() or path.suffix == ".py":
        raise HistoryError(
            f"--record: expected a history's file or URL, found {text}; put --record last, or write "
            "--record=FILE"
        )
    return str(path)


def check(config: pytest.Config, run: Run) -> None:
    """Open the history before anything runs: a night's work is not to end at a wrong address.

    Raises
    ------
    HistoryError
        Where it cannot be opened or written.
    """
    url = wanted(config, run)
    if url is not None:
        from quantgate.history.store import open_history

        open_history(url, create=True)


def record(config: pytest.Config, run: Run, report: RunReport) -> tuple[bool, tuple[str, ...]]:
    """Record a finished run; return whether that failed, and the lines to say."""
    url = wanted(config, run)
    if url is None:
        return False, ()
    if run.part is not None:
        return False, (
            "not recorded here: `quantgate merge --record` keeps what all shards judged",
        )
    answers = [record_at(url, run.directory, one) for one in by_machine(run, report)]
    return any(failed for failed, _ in answers), tuple(
        line for _, lines in answers for line in lines
    )


def record_at(url: str, directory: Path, report: RunReport) -> tuple[bool, tuple[str, ...]]:
    """Record a report in a history; return whether that failed, and the lines to say."""
    if not report.judged:
        return False, ("not recorded: nothing was judged",)
    try:
        return False, tuple(_record(url, directory, report))
    except HistoryError as error:
        again = "`quantgate merge --record` again, with another --output,"
        by = again if report.shard else f"`quantgate history record {directory}`"
        later = f"{by} does it later"
        return True, (f"NOT RECORDED  {error}; {later}",)


def _record(url: str, directory: Path, report: RunReport) -> Iterator[str]:
    from quantgate.history.record import run_record
    from quantgate.history.store import open_history

    history = open_history(url, create=True)
    kept = history.record(run_record(report, place=report_place(directory, os.environ)))
    yield f"recorded: {report.run} in {history.name}"
    yield from kept.notes


def report_place(directory: Path, environ: Mapping[str, str]) -> str:
    """Say where a reader finds a run's report: the pipeline's job, or else the folder."""
    if environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ["GITHUB_REPOSITORY"]
        return redacted(f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}")
    place = environ.get("CI_JOB_URL") or environ.get("BUILD_URL")
    return redacted(place) if place else str(directory.absolute())
