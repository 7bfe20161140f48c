"""Write docs/tables.md, every table of a report with its columns, from runs: ``python -m suites.tables_reference RUN…``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
_HEAD = """# Tables

Every table of a report is a file beside its page, `tables/MODEL/NAME.csv` and `NAME.json`: here with the keys that the JSON has and
the titles that page and CSV have. What the words mean is in [models.toml](manifest.md), how worst rows are found in
[reports](report.md). Tables of which the names begin alike show the same against annotations or against a baseline. A table is there
where there is something to say: those by class need annotations, those of speed a limit on it.

This page is written from real runs by `python -m suites.tables_reference RUN…`; a test holds it against what runs write.
"""
#: Of a table: its title, and of each column key and title.
Form = tuple[str, tuple[tuple[str, str], ...]]


def forms(run: Path) -> dict[str, dict[str, Form]]:
    """Read the tables of a run, by task and name."""
    document = json.loads((run / "run.json").read_text("utf-8"))
    tasks = {model["id"]: model["task"] for model in document["models"]}
    found: dict[str, dict[str, Form]] = {}
    for file in sorted((run / "tables").glob("*/*.json")):
        table = json.loads(file.read_text("utf-8"))
        columns = tuple((column["key"], column["title"]) for column in table["columns"])
        found.setdefault(tasks[file.parent.name], {})[file.stem] = (table["title"], columns)
    return found


def reference(runs: list[Path]) -> str:
    """Write the page: first what is alike wherever it is, then task by task."""
    by_task: dict[str, dict[str, Form]] = {}
    for run in runs:
        for task, tables in forms(run).items():
            by_task.setdefault(task, {}).update(tables)
    having: dict[str, list[Form]] = {}
    for tables in by_task.values():
        for name, form in tables.items():
            having.setdefault(name, []).append(form)
    alike = {name for name, found in having.items() if len(found) > 1 and len(set(found)) == 1}
    shared = {name: having[name][0] for name in sorted(alike)}
    lines = [_HEAD, "## Of several tasks", "", *_section(shared)]
    for task in sorted(by_task):
        own = {name: form for name, form in sorted(by_task[task].items()) if name not in alike}
        lines += [f"## `{task}`", "", *_section(own)]
    return "\n".join(lines).rstrip() + "\n"


def _section(tables: dict[str, Form]) -> list[str]:
    lines = []
    for name, (title, columns) in tables.items():
        lines += [f"**`{name}`**: {title}", "", "| key | title |", "|---|---|"]
        lines += [f"| `{key}` | {title} |" for key, title in columns] + [""]
    return lines


def unlisted(run: Path, page: str) -> list[str]:
    """Name what a run's tables have and a page does not list in the table's part."""
    missing = []
    for task, tables in forms(run).items():
        own = page.partition(f"## `{task}`\n")[2].partition("\n## ")[0]
        shared = page.partition("## Of several tasks\n")[2].partition("\n## ")[0]
        for name, (title, columns) in tables.items():
            part = next((p for p in (own, shared) if f"**`{name}`**: {title}\n" in p), "")
            listed = part.partition(f"**`{name}`**: {title}\n")[2].partition("**`")[0]
            missing += [
                f"{task}: {name}: {key}"
                for key, heading in columns
                if f"| `{key}` | {heading} |" not in listed
            ]
    return missing


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("name runs that have every task: without, the page would list no table")
    PAGE.write_text(reference([Path(run) for run in sys.argv[1:]]), encoding="utf-8")
