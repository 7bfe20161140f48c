"""From a run's values to what the templates show: strings, charts and embedded pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from quantgate.core.limits import kind_of, limit_title
from quantgate.report.files import BASELINE_TABLES, file_name
from quantgate.report.html import charts
from quantgate.report.html.explained import ExplainedView, explained_view
from quantgate.report.html.view_performance import PerformanceView, performance_view
from quantgate.report.html.view_pictures import GalleryView, gallery_view
from quantgate.report.html.view_tables import TableGroup, table_groups
from quantgate.report.words import numbers, titles, verdicts
from quantgate.report.words import performance as performance_words
from quantgate.report.words.answer import Answer, answer_of

if TYPE_CHECKING:
    from quantgate.report.model import Judged, Metric, ModelReport, RunReport


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
    attempts: int
    chart: Markup
    of_images: bool
    draws: str


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
    """One model's part of the page.

    ``seen`` and ``remedied`` are addresses, of the parent's first answers and of the search for a recipe, or
    empty.
    """

    id: str
    report: ModelReport
    word: str
    verdicts: tuple[VerdictView, ...]
    problems: tuple[Any, ...]
    metrics: tuple[MetricView, ...]
    metric_note: str
    without_truth: str
    performance: PerformanceView | None
    explained: ExplainedView | None
    groups: tuple[TableGroup, ...]
    gallery: GalleryView
    answer: Answer | None
    released: ReleasedView | None
    seen: str
    remedied: str


@dataclass(frozen=True, slots=True)
class ReleasedView:
    """The optimized model against the baseline."""

    digest: str
    metrics: tuple[MetricView, ...]
    groups: tuple[TableGroup, ...]
    gallery: GalleryView
    omitted: int


def verdict_view(judged: Judged) -> VerdictView:
    """Word one verdict."""
    verdict = judged.verdict
    return VerdictView(
        word=verdicts.headword(judged).lower(),
        model=verdict.model,
        key=verdict.limit.key,
        title=limit_title(verdict.limit.key),
        value=verdicts.value_text(verdict),
        interval=verdicts.spread_text(verdict),
        limit=verdicts.limit_text(verdict.limit),
        margin=verdicts.margin_text(verdict),
        basis="" if verdict.estimate is None else verdicts.basis_text(verdict.estimate),
        draws=verdicts.draws_sentence(judged),
        path=verdict.limit.path,
        repeat=judged.repeat,
        line=verdicts.verdict_line(judged),
        seconds=verdicts.duration_text(judged.duration_s),
        attempts=judged.attempts,
        of_images=(kind := kind_of(verdict.limit.key)) is not None and kind.of_images,
        chart=Markup(charts.interval_chart(verdict, verdicts.headword(judged).lower())),  # noqa: S704 - numbers only
    )


def model_view(model: ModelReport, place: int, report: RunReport) -> ModelView:
    """Prepare one model's part."""
    verdicts = tuple(verdict_view(j) for j in report.judged if j.verdict.model == model.id)
    problems = tuple(p for p in report.problems if p.model == model.id)
    files = f"tables/{file_name(model.id)}"
    words = {view.word for view in verdicts} | {problem.status for problem in problems}
    return ModelView(
        id=f"m{place}",
        report=model,
        word=next((word for word in titles.OUTCOME_WORDS if word in words), "skipped"),
        verdicts=verdicts,
        problems=problems,
        metrics=tuple(_metric(metric) for metric in model.metrics),
        metric_note=next(filter(None, map(performance_words.metric_note, model.metrics)), ""),
        without_truth="" if model.metrics else performance_words.without_truth(model.task),
        performance=performance_view(model, f"m{place}", files),
        explained=_explained(model, f"m{place}", files),
        groups=table_groups(model.tables, f"m{place}", files, [p.name for p in model.pictures]),
        gallery=gallery_view(model.pictures, f"m{place}"),
        answer=answer_of(model.id, model, report.judged, report.problems),
        released=_released(model, f"m{place}-r", files),
        seen=quote(model.seen),
        remedied=quote(model.remedied),
    )


def _released(model: ModelReport, identity: str, files: str) -> ReleasedView | None:
    found = model.released
    if found is None:
        return None
    return ReleasedView(
        found.digest,
        tuple(_metric(metric) for metric in found.metrics),
        table_groups(
            found.tables, identity, f"{files}/{BASELINE_TABLES}", [p.name for p in found.pictures]
        ),
        gallery_view(found.pictures, identity),
        found.omitted,
    )


def _explained(model: ModelReport, identity: str, files: str) -> ExplainedView | None:
    found = model.explanation
    return None if found is None else explained_view(found, identity, files)


def _metric(metric: Metric) -> MetricView:
    drop = None
    if metric.parent is not None and metric.optimized is not None:
        drop = metric.optimized - metric.parent
    return MetricView(
        title=metric.title,
        source=numbers.cell(metric.source, "fraction"),
        origin=metric.origin,
        parent=performance_words.role_value(metric, "parent"),
        optimized=performance_words.role_value(metric, "optimized"),
        difference=numbers.MISSING if drop is None else numbers.signed(drop, "fraction"),
    )
