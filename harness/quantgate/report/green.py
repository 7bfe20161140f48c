"""The last green run beside another one: what ``--against last-green`` compares with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quantgate.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.report.model import RunReport


def last_green(run: Path) -> Path:
    """Find the latest earlier run in the same folder that missed nothing, of the same branch where both tell.

    Raises
    ------
    ReportError
        Where there is none.
    """
    from quantgate.report.publish import load_run

    folder = (run if run.is_dir() else run.parent).resolve()
    own = load_run(folder)
    for found in _green(folder, own.started):
        other = load_run(found)
        if _comparable(own, other):
            return found
    raise ReportError(
        f"no green run before {own.run} in {folder.parent}"
        f"{f' on branch {own.branch}' if own.branch else ''}: name a run to compare with"
    )


def _comparable(own: RunReport, other: RunReport) -> bool:
    branches = {report.branch for report in (own, other) if report.branch}
    return len(branches) < 2 and other.shard is None  # noqa: PLR2004 - two different ones


def _green(folder: Path, before: str) -> Iterator[Path]:
    """List runs in which nothing was missed, the latest first; verdicts.json is quick to read."""
    found = []
    for file in folder.parent.glob("*/verdicts.json"):
        if file.parent.is_symlink() or file.parent == folder:
            continue
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # a run that was killed while it wrote
        if isinstance(told, dict) and str(told.get("started", "")) < before and _passed(told):
            found.append((str(told["started"]), file.parent))
    yield from (path for _, path in sorted(found, reverse=True))


def _passed(told: dict[str, Any]) -> bool:
    verdicts, problems = told.get("verdicts", []), told.get("problems", [])
    missed = (one["outcome"] != "passed" and not one.get("known") for one in verdicts)
    strict = (bool(one.get("unexpected")) for one in verdicts)
    broken = (one["status"] in {"failed", "broken"} for one in problems)
    return bool(verdicts) and not (any(missed) or any(strict) or any(broken))
