"""The doors of the report: what the plugin and the command line call, in the order of a run.

1. `begin_gate`: labels of a gate, before anything can break.
2. `draw_worst`: picture files of one model, written into the run's directory.
3. `publish_verdict`: the evidence of one verdict, *before* its outcome is raised.
4. `finish_run`: everything of the whole run, once, in the controlling process.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quantgate.borders import DAMAGE
from quantgate.report.drawing import draw_worst
from quantgate.report.files import BASELINE_TABLES, file_name, point_latest, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from quantgate.core.explained import Explanation
    from quantgate.core.remedy import Remedy
    from quantgate.core.table import Table
    from quantgate.report.compare import RunComparison
    from quantgate.report.evidence import Evidence
    from quantgate.report.model import Judged, RunReport
    from quantgate.report.performance import Explored
    from quantgate.report.picture import Picture
    from quantgate.report.side_by_side import SideBySide

__all__ = ["begin_gate", "draw_worst", "finish_run", "load_run", "publish_seen", "publish_verdict"]


def begin_gate(model: str, gate: str, task: str, tags: Sequence[str] = ()) -> None:
    """Label the running test for Allure; does nothing without ``--alluredir``.

    ``gate`` is the limit's key (or a stable name for a gate without one). From these labels the
    identity of the test is made, so that its history survives moved files and shards.
    """
    from quantgate.report.allure.results import label_gate

    label_gate(model, gate, task, tags)


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
    from quantgate.report.allure.results import attach_verdict, is_on

    if is_on():
        attach_verdict(judged, directory, evidence, pictures)


def publish_seen(seen: str, directory: Path, sentence: str) -> None:
    """Attach what the parent sees to the running test; does nothing without ``--alluredir``.

    ``seen`` is the picture's path in the run's ``directory``, empty where there is none.
    """
    from quantgate.report.allure.results import attach_seen, is_on

    if seen and is_on():
        attach_seen((directory / seen).read_bytes(), sentence)


def finish_run(
    report: RunReport,
    directory: Path,
    *,
    allure: Path | None = None,
    environ: Mapping[str, str] | None = None,
    whole: bool = True,
) -> Path:
    """Write run.json, verdicts.json, tables, the summary and the page; return the page's path.

    Parameters
    ----------
    report
        The whole run.
    directory
        The run's directory, ``reports/RUN``.
    allure
        The Allure results directory, if there is one: environment, executor, categories, metrics
        and the page go there too. Call from the controlling process only, never from a worker.
    environ
        Environment variables, read for ``GITHUB_STEP_SUMMARY`` and the executor; none by default.
    whole
        Whether the run judged all that it was to judge. ``reports/latest`` is pointed at whole runs; at
        a part of one only where no whole run is there.

    Raises
    ------
    ReportError
        On a full or read-only disk; nothing half-written stays.
    """
    report = replace(report, whole=whole)
    page = write_run(report, directory, allure=allure, environ=environ or {})
    if whole or not _is_whole(directory.parent / "latest"):
        point_latest(directory)
    tell_pipeline(report, environ or {})
    if allure is not None:
        from quantgate.report.allure.session import attach_page

        attach_page(page)
    return page


def write_run(
    report: RunReport, directory: Path, *, allure: Path | None, environ: Mapping[str, str]
) -> Path:
    """Write a run's files without telling anybody about them; return the page's path.

    Parameters
    ----------
    allure
        The Allure results directory that gets environment, executor, categories and metrics.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from quantgate.report.codec import encode
    from quantgate.report.digest import digest
    from quantgate.report.evidence import json_evidence
    from quantgate.report.export import verdicts_json
    from quantgate.report.html.page import render_page

    write_atomic(directory / "run.json", json_evidence("run.json", encode(report)).data)
    write_atomic(directory / "verdicts.json", verdicts_json(report).data)
    write_atomic(directory / "summary.md", digest(report).encode())
    _write_tables(report, directory / "tables")
    page = directory / "index.html"
    made = render_page(report, directory)
    for name, data in made.beside.items():
        write_atomic(directory / name, data)
    write_atomic(page, made.html.encode())
    if allure is not None:
        from quantgate.report.allure.session import write_session

        write_session(report, allure, environ)
    return page


def load_run(directory: Path) -> RunReport:
    """Read back the run.json of a finished run.

    Raises
    ------
    ReportError
        Where there is none, or none that this version can read.
    """
    from quantgate.report.codec import decode
    from quantgate.report.model import RunReport

    return decode(RunReport, _document_of(directory))


def _document_of(directory: Path) -> Mapping[str, Any]:
    import json

    from quantgate.errors import ReportError
    from quantgate.report.model import SCHEMA

    path = directory / "run.json" if directory.is_dir() else directory
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except DAMAGE as error:
        # A run that goes on, or one that was killed, has its folder and no run.json yet.
        reason = error.strerror if isinstance(error, OSError) else "this is no JSON"
        raise ReportError(
            f"cannot read the run {path}: {reason}; give the directory of a finished run, such as "
            f"reports/latest{_recovery(path.parent)}"
        ) from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise ReportError(f"{path}: expected schema {SCHEMA}, found {found}; run the gates again")
    return data


def run_folder(path: Path) -> Path:
    """Name the folder of a run that was given as its folder, or as its run.json."""
    return path if path.is_dir() else path.parent


def write_exploration(
    path: Path, model: str, points: Sequence[Explored], within_ns: float | None = None
) -> None:
    """Write the page with the plot, and its table as CSV and JSON in a folder of the same name.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from quantgate.report.evidence import table_csv, table_json
    from quantgate.report.html.exploration import exploration_table
    from quantgate.report.html.page import render_exploration

    for item in (table_csv(exploration_table(points)), table_json(exploration_table(points))):
        write_atomic(path.parent / path.stem / item.name, item.data)
    page = render_exploration(model, points, within_ns=within_ns, files=path.stem)
    write_atomic(path, page.encode())


def write_explanation(path: Path, found: Explanation) -> None:
    """Write the page of one explanation, its tables and itself as JSON in a folder of the same name.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from quantgate.report.html.explained import groups_table, layers_table
    from quantgate.report.html.page import render_explanation

    _write_beside(path, (groups_table(found), layers_table(found)), "explanation.json", found)
    write_atomic(path, render_explanation(found, files=path.stem).encode())


def write_remedy(path: Path, found: Remedy) -> None:
    """Write the page of one search for a recipe; its tables, lines and itself as JSON in a folder of that name.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from quantgate.report.html.remedied import points_table, render_remedy, tried_table
    from quantgate.report.words.remedy import lines

    folder = _write_beside(path, (points_table(found), tried_table(found)), "remedy.json", found)
    write_atomic(folder / "models.toml", lines(found).encode())
    write_atomic(path, render_remedy(found, files=path.stem).encode())


def _write_beside(path: Path, tables: Iterable[Table], name: str, found: Any) -> Path:
    """Write an answer's tables, and itself as JSON of that name, into the folder beside its page."""
    from quantgate.report.codec import encode
    from quantgate.report.evidence import json_evidence, table_csv, table_json

    folder = path.parent / path.stem
    items = [make(table) for table in tables for make in (table_csv, table_json)]
    for item in (*items, json_evidence(name, encode(found))):
        write_atomic(folder / item.name, item.data)
    return folder


def write_comparison(before: Path, after: Path, page: Path) -> RunComparison:
    """Read two runs' folders (or run.json files), write the page that compares them.

    Raises
    ------
    ReportError
        Where a run cannot be read, both are the same run, or the page cannot be written.
    """
    from quantgate.errors import ReportError
    from quantgate.report.compare import compare_runs
    from quantgate.report.html.compare_pictures import changed_pictures
    from quantgate.report.html.page import render_comparison

    first, second = load_run(before), load_run(after)
    if first == second:
        raise ReportError(
            f"{before} and {after} are the same run, {first.run}: name two different ones"
        )
    folders = run_folder(before), run_folder(after)
    comparison = compare_runs(first, second, folders)
    pictures = changed_pictures(comparison, folders)
    write_atomic(page, render_comparison(comparison, pictures).encode())
    return comparison


def write_side_by_side(folders: Sequence[Path], page: Path) -> SideBySide:
    """Read three or more runs' folders (or run.json files), write the page that shows them side by side.

    Raises
    ------
    ReportError
        Where a run cannot be read, two are the same, or the page cannot be written.
    """
    from quantgate.errors import ReportError
    from quantgate.report.html.page import render_side_by_side
    from quantgate.report.side_by_side import side_by_side

    runs = [load_run(folder) for folder in folders]
    twice = next((f for i, f in enumerate(folders) if runs[i] in runs[:i]), None)
    if twice is not None:
        raise ReportError(f"{twice} is the same run as one before it: name each run once")
    found = side_by_side(runs, [run_folder(folder) for folder in folders])
    write_atomic(page, render_side_by_side(found).encode())
    return found


def _is_whole(latest: Path) -> bool:
    from quantgate.errors import ReportError

    try:
        return bool(_document_of(latest).get("whole", True))
    except ReportError:  # none yet, or none that can be read
        return False


def _recovery(directory: Path) -> str:
    """Say how a run that was killed comes to its report, where this is one."""
    if not (directory / "parts").is_dir():
        return ""
    return f"; `quantgate recover {directory}` makes the report of a run that was killed"


def _write_tables(report: RunReport, directory: Path) -> None:
    from quantgate.report.evidence import table_csv, table_json
    from quantgate.report.html.performance_tables import every_table

    for model in report.models:
        folder = directory / file_name(model.id)
        places = [(folder, table) for table in every_table(model)]
        if model.released is not None:
            places += [(folder / BASELINE_TABLES, table) for table in model.released.tables]
        for place, table in places:
            for item in (table_csv(table), table_json(table)):
                write_atomic(place / item.name, item.data)


def tell_pipeline(report: RunReport, environ: Mapping[str, str]) -> None:
    """Add the run's table to the summary page of the pipeline it runs in, if it has one."""
    from pathlib import Path

    from quantgate.report.ci import pipeline_of
    from quantgate.report.digest import digest
    from quantgate.report.files import append_text

    if environ.get("GITHUB_STEP_SUMMARY"):
        pipeline = pipeline_of(environ)
        link = pipeline.build_url if pipeline else ""
        append_text(Path(environ["GITHUB_STEP_SUMMARY"]), digest(report, link=link))
