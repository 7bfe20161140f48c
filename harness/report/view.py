"""From a run's values to what the templates show: strings, charts and embedded pictures."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from harness.report import charts, numbers, titles, wording, wording_objects
from harness.report.allure_diff import data_uri
from harness.report.svg import diff_svg, role_svg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.table import Cell, Table
    from harness.report.model import Judged, Metric, ModelReport, RunReport
    from harness.report.performance import Arm
    from harness.report.picture import Picture

#: Rows of a table that are there without JavaScript, erroneous ones first.
STATIC_ROWS = 20
_MODES = ("basic", "advanced")


@dataclass(frozen=True, slots=True)
class VerdictView:
    """One verdict as shown."""

    word: str
    model: str
    key: str
    title: str
    value: str
    interval: str
    limit: str
    margin: str
    basis: str
    path: str
    repeat: str
    line: str
    seconds: str
    chart: Markup


@dataclass(frozen=True, slots=True)
class TableView:
    """One table: its data for the script, and some formatted rows for reading without it."""

    id: str
    name: str
    title: str
    mode: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    erroneous: int
    data: Markup


@dataclass(frozen=True, slots=True)
class TableGroup:
    """Tables that answer one question: switched between Basic and Advanced."""

    title: str
    tables: tuple[TableView, ...]


@dataclass(frozen=True, slots=True)
class PictureView:
    """One picture with its panes."""

    id: str
    picture: Picture
    uri: str
    panes: tuple[str, ...]
    parent: Markup
    optimized: Markup
    diff: Markup
    changes: tuple[tuple[int, str, tuple[str, ...]], ...]
    data: Markup


@dataclass(frozen=True, slots=True)
class MetricView:
    """One row of the three numbers."""

    title: str
    source: str
    origin: str
    parent: str
    optimized: str
    difference: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model's part of the page."""

    id: str
    report: ModelReport
    word: str
    verdicts: tuple[VerdictView, ...]
    problems: tuple[Any, ...]
    metrics: tuple[MetricView, ...]
    metric_notes: tuple[str, ...]
    arms: tuple[tuple[str, ...], ...]
    speedups: tuple[tuple[Any, Markup, str], ...]
    shares: tuple[tuple[Any, Markup, list[tuple[str, str, str]]], ...]
    groups: tuple[TableGroup, ...]
    layers: TableView | None
    pictures: tuple[PictureView, ...]


def embedded(document: object) -> Markup:
    """Write JSON that can stand inside a script element: no ``<`` can end it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped just above


def verdict_view(judged: Judged) -> VerdictView:
    """Word one verdict."""
    verdict = judged.verdict
    return VerdictView(
        word=wording.headword(judged).lower(),
        model=verdict.model,
        key=verdict.limit.key,
        title=titles.limit_title(verdict.limit.key),
        value=wording.value_text(verdict),
        interval=wording.interval_text(verdict),
        limit=wording.limit_text(verdict.limit),
        margin=wording.margin_text(verdict),
        basis="" if verdict.estimate is None else wording.basis_text(verdict.estimate),
        path=verdict.limit.path,
        repeat=judged.repeat,
        line=wording.verdict_line(judged),
        seconds=wording.duration_text(judged.duration_s),
        chart=Markup(charts.interval_chart(verdict, wording.headword(judged).lower())),  # noqa: S704 - numbers only
    )


def model_view(model: ModelReport, place: int, report: RunReport, directory: Path) -> ModelView:
    """Prepare one model's part."""
    verdicts = tuple(verdict_view(j) for j in report.judged if j.verdict.model == model.id)
    problems = tuple(p for p in report.problems if p.model == model.id)
    words = {view.word for view in verdicts} | {problem.status for problem in problems}
    return ModelView(
        id=f"m{place}",
        report=model,
        word=next((word for word in titles.OUTCOME_WORDS if word in words), "skipped"),
        verdicts=verdicts,
        problems=problems,
        metrics=tuple(_metric(metric) for metric in model.metrics),
        metric_notes=tuple(filter(None, (wording.metric_note(m) for m in model.metrics))),
        arms=tuple(_arm(arm) for arm in model.arms),
        speedups=tuple(
            (s, Markup(charts.rounds_chart(s)), wording.speedup_sentence(s))  # noqa: S704 - escaped there
            for s in model.speedups
        ),
        shares=tuple(
            (s, Markup(charts.share_bar(s.by_precision)), charts.share_legend(s.by_precision))  # noqa: S704 - escaped there
            for s in model.shares
        ),
        groups=_groups(model.tables, f"m{place}"),
        layers=table_view(model.layers, f"m{place}-layers", "") if model.layers else None,
        pictures=tuple(
            _picture(picture, f"m{place}-p{index}", directory)
            for index, picture in enumerate(model.pictures)
            if picture.image
        ),
    )


def _metric(metric: Metric) -> MetricView:
    values = (metric.source, metric.parent, metric.optimized)
    drop = None
    if metric.parent is not None and metric.optimized is not None:
        drop = metric.optimized - metric.parent
    source, parent, optimized = (numbers.cell(value, "fraction") for value in values)
    return MetricView(
        title=metric.title,
        source=source,
        origin=metric.origin,
        parent=parent,
        optimized=optimized,
        difference=numbers.MISSING if drop is None else numbers.signed(drop, "fraction"),
    )


def _arm(arm: Arm) -> tuple[str, ...]:
    times = (arm.p50_ns, arm.p90_ns, arm.p99_ns, arm.first_ns, arm.compile_ns)
    return (
        titles.ARM_TITLES.get(arm.name, arm.name),
        arm.precision,
        numbers.MISSING if arm.rate_per_s is None else numbers.rate(arm.rate_per_s),
        *(numbers.duration(value) for value in times),
        numbers.size(arm.size_bytes),
        numbers.size(arm.memory_bytes),
    )


def _groups(tables: Sequence[Table], prefix: str) -> tuple[TableGroup, ...]:
    groups: dict[str, list[TableView]] = {}
    for place, table in enumerate(tables):
        mode = next((mode for mode in _MODES if table.name.endswith(mode)), "")
        stem = table.name.removesuffix(mode)
        groups.setdefault(stem, []).append(table_view(table, f"{prefix}-t{place}", mode))
    return tuple(
        TableGroup(views[0].title.split(", by ")[0], tuple(views)) for views in groups.values()
    )


def table_view(table: Table, identity: str, mode: str) -> TableView:
    """Prepare one table: all rows as data, the first ones as text."""
    order = [
        *sorted(table.erroneous),
        *(i for i in range(len(table.rows)) if i not in table.erroneous),
    ]
    kinds = [column.kind for column in table.columns]
    rows = tuple(
        tuple(numbers.cell(cell, kind) for cell, kind in zip(table.rows[i], kinds, strict=True))
        for i in order[:STATIC_ROWS]
    )
    document = {
        "columns": [[column.title, column.kind] for column in table.columns],
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
        "erroneous": sorted(table.erroneous),
    }
    return TableView(
        id=identity,
        name=table.name,
        title=table.title,
        mode=mode,
        columns=tuple((column.title, column.kind != "text") for column in table.columns),
        rows=rows,
        total=len(table.rows),
        erroneous=len(table.erroneous),
        data=embedded(document),
    )


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, float):
        # Six digits are more than any column shows, and halve the page.
        return float(f"{cell:.6g}") if math.isfinite(cell) else str(cell)
    return cell


def _picture(picture: Picture, identity: str, directory: Path) -> PictureView:
    objects = picture.kind == "objects"
    rendered = picture.panes if picture.kind in {"rendered", "segments"} else ()
    changes = [
        [c.change, c.parent.score if c.parent else None, c.optimized.score if c.optimized else None]
        for c in picture.changes
    ]
    document = {
        "threshold": picture.threshold,
        "hysteresis": picture.hysteresis,
        "changes": changes,
    }
    return PictureView(
        id=identity,
        picture=picture,
        uri=_uri(directory / picture.image),
        panes=tuple(_uri(directory / pane) for pane in rendered),
        parent=Markup(role_svg(picture, "parent") if objects else ""),  # noqa: S704 - escaped there
        optimized=Markup(role_svg(picture, "optimized") if objects else ""),  # noqa: S704 - escaped there
        diff=Markup(diff_svg(picture) if objects else ""),  # noqa: S704 - escaped there
        changes=_objects(picture),
        data=embedded(document),
    )


def _objects(picture: Picture) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    order = ("lost", "gained", "relabelled", "moved", "kept")
    listed = sorted(enumerate(picture.changes), key=lambda item: order.index(item[1].change))
    return tuple((index, c.change, wording_objects.change_cells(c)) for index, c in listed)


def _uri(path: Path) -> str:
    return data_uri(path.read_bytes())
