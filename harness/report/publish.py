"""The doors of the report: what the plugin and the command line call, in the order of a run.

1. `begin_gate`: labels of a gate, before anything can break.
2. `draw_worst`: picture files of one model, written into the run's directory.
3. `publish_verdict`: the evidence of one verdict, *before* its outcome is raised.
4. `finish_run`: everything of the whole run, once, in the controlling process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from harness.report.evidence import Evidence
    from harness.report.model import Judged, Picture, RunReport


def begin_gate(model: str, gate: str, task: str, tags: Sequence[str] = ()) -> None:
    """Label the running test for Allure; does nothing without ``--alluredir``.

    ``gate`` is the limit's key (or a stable name for a gate without one). From these labels the
    identity of the test is made, so that its history survives moved files and shards.
    """
    raise NotImplementedError


def draw_worst(
    pictures: Iterable[tuple[Picture, Callable[[], Sequence[NDArray[np.uint8]]]]],
    directory: Path,
    *,
    model: str,
    budget_bytes: int,
) -> tuple[tuple[Picture, ...], int]:
    """Draw pictures, worst first, into ``directory/pictures/MODEL`` until the budget is used up.

    Each loader returns the BGR uint8 image ``[height, width, 3]`` at original size; for
    ``kind == "rendered"`` it returns image, parent's and optimized model's renderings.

    Returns the pictures with their file names filled in, and how many were omitted.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    raise NotImplementedError


def publish_verdict(
    judged: Judged,
    directory: Path,
    *,
    evidence: Sequence[Evidence] = (),
    pictures: Sequence[Picture] = (),
) -> None:
    """Attach one verdict's evidence to the running test; does nothing without ``--alluredir``.

    ``directory`` is the run's directory, in which the files of ``pictures`` lie. Call it before the
    outcome is raised.
    """
    raise NotImplementedError


def finish_run(
    report: RunReport,
    directory: Path,
    *,
    allure: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Path:
    """Write run.json, verdicts.json, tables, the summary and the page; return the page's path.

    Parameters
    ----------
    report
        The whole run.
    directory
        The run's directory, ``reports/RUN``; ``reports/latest`` is pointed at it.
    allure
        The Allure results directory, if there is one: environment, executor, categories, metrics
        and the page go there too. Call from the controlling process only, never from a worker.
    environ
        Environment variables, read for ``GITHUB_STEP_SUMMARY`` and the executor; none by default.

    Raises
    ------
    ReportError
        On a full or read-only disk; nothing half-written stays.
    """
    raise NotImplementedError
