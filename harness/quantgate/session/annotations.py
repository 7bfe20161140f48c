"""Where the limits of a run stand in models.toml, for marks beside a change."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.manifest.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.report.model import RunReport
    from quantgate.run import Run


def limit_places(run: Run, report: RunReport) -> Mapping[str, tuple[str, int]]:
    """Find file and line of each judged limit, and of each model, by dotted path.

    The file is named from the root of the checkout (``GITHUB_WORKSPACE``), as annotations need it.
    """
    path = run.manifest.path.resolve()
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else run.manifest_name
    text = path.read_text(encoding="utf-8")
    wanted = {item.verdict.limit.path for item in report.judged}
    wanted |= {f"models.{problem.model}" for problem in report.problems}
    return {place: (name, line_of(text, place)) for place in wanted}
