"""Write docs/omz-models.md, how each model of Open Model Zoo is judged: ``python -m suites.omz_reference``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.sources.omz.knowledge import coverage
from quantgate.sources.omz.reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.sources.omz.knowledge import OmzSettings

PAGE = Path(__file__).parents[1] / "docs" / "omz-models.md"
_HEAD = """# Models of Open Model Zoo

How each of the {total} models of Open Model Zoo 2024.6 is judged by its name alone: {task} by their own task, {tensors} by the distance
of their raw outputs, {none} not at all. Task, decoder, feeding and the published figure come from the settings that openvino-dev ships;
`quantgate check --omz` prints them on this machine. This page is written by `python -m suites.omz_reference`, and a test holds it
against what is known.
"""


def page() -> str:
    """Write the page: counts, models by task, and a sentence about every other one."""
    settings = coverage()
    counted = Counter(one.support for one in settings)
    head = _HEAD.format(total=len(settings), **{k: counted[k] for k in ("task", "tensors", "none")})
    lines = [head, "## By their own task", ""]
    tasks = Counter(str(one.task) for one in settings if one.support == "task")
    for task, count in sorted(tasks.items(), key=lambda item: (-item[1], item[0])):
        names = [one.name for one in settings if one.support == "task" and one.task == task]
        lines += [f"**`{task}`** ({count}): {', '.join(names)}", ""]
    lines += ["## By their raw outputs", "", *_table(settings, "tensors")]
    lines += ["## Not at all", "", *_table(settings, "none")]
    return "\n".join(lines).rstrip() + "\n"


def _table(settings: Sequence[OmzSettings], support: str) -> list[str]:
    chosen = [one for one in settings if one.support == support]
    rows = [f"| {one.name} | {reason_of(one)} |" for one in chosen]
    return ["| model | why |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
