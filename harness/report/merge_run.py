"""From shards' folders to the folder of the whole run, which is there complete or not at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from harness.errors import ReportError
from harness.report.allure_session import attach_page_after
from harness.report.files import on_disk, point_latest
from harness.report.merge import merge_reports
from harness.report.merge_files import lay_together
from harness.report.publish import load_run, tell_pipeline, write_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.report.merge import Merged


def merge_runs(
    shards: Sequence[Path],
    output: Path,
    *,
    mixed: bool = False,
    environ: Mapping[str, str],
) -> Merged:
    """Join shards' folders in ``output``, and point ``latest`` beside it at it.

    Raises
    ------
    ShardError
        Where the shards do not make one run.
    ReportError
        Where one cannot be read, or ``output`` is taken or cannot be written.
    """
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise ReportError(f"{output} exists already: give another --output, or remove it first")
    reports = [load_run(shard) for shard in shards]
    merged = merge_reports(reports, mixed=mixed)
    aside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        lay_together([_folder(shard) for shard in shards], aside)
        results = aside / "allure-results"
        page = write_run(merged.report, aside, allure=results, environ=environ)
        attach_page_after(page, results)
        with on_disk(output):
            aside.replace(output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    point_latest(output)
    tell_pipeline(merged.report, environ)
    return merged


def _folder(run: Path) -> Path:
    return run if run.is_dir() else run.parent
