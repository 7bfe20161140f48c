"""The page of one run: one file, no network, readable without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from quantgate import __version__
from quantgate.core.limits import LIMITS
from quantgate.escaping import visible_lines
from quantgate.report.html import charts
from quantgate.report.html.explained import explained_view
from quantgate.report.html.exploration import explored_view
from quantgate.report.html.inlined import share_out
from quantgate.report.html.overview import overview_rows
from quantgate.report.html.palette import CHANGES, OPTIMIZED, PARENT
from quantgate.report.html.view import model_view, verdict_view
from quantgate.report.html.view_tables import deflated, table_view
from quantgate.report.words import run as run_words
from quantgate.report.words import titles
from quantgate.report.words.verdicts import difference_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import jinja2

    from quantgate.core.explained import Explanation
    from quantgate.report.compare import RunComparison, VerdictChange
    from quantgate.report.html.compare_pictures import ChangedPicture
    from quantgate.report.model import RunReport
    from quantgate.report.performance import Explored
    from quantgate.report.side_by_side import SideBySide


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and the files that lie beside it: addresses relative to its folder, and their bytes."""

    html: str
    beside: Mapping[str, bytes]


def render_page(report: RunReport, directory: Path) -> Page:
    """Render the page of a run; pictures are read from the run's directory.

    Each model's details are inside ``<noscript>``: read as they are without JavaScript, and built by the
    script when they are opened, so that the page is quick whatever the number of models.

    Raises
    ------
    ReportError
        Where a picture file that the run names is not there.
    """
    from quantgate.errors import ReportError

    models = [model_view(m, place, report) for place, m in enumerate(report.models)]
    rows = overview_rows(report, models)
    order = {row.name: place for place, row in enumerate(rows)}
    models.sort(key=lambda model: order[model.report.id])
    template = _environment().get_template("model.html.j2")
    views = [(model, template.render(m=model, **_shared())) for model in models]
    try:
        parts, beside = share_out(views, directory, report.inline_mb)
    except OSError as error:
        raise ReportError(
            f"a picture of the run cannot be read: {error}; keep the folder {directory} whole"
        ) from error
    counts = run_words.outcome_counts(report.judged, report.problems)
    html = (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            rows=rows,
            parts=parts,
            counts=counts,
            tasks=sorted({row.task for row in rows if row.task}),
            tags=sorted({tag for row in rows for tag in row.tags}),
            outcome_bar=Markup(charts.outcome_bar(counts)),  # noqa: S704 - fixed words
            summary=run_words.run_summary(report),
            **_shared(),
        )
    )
    return Page(html, beside)


def render_comparison(comparison: RunComparison, pictures: Sequence[ChangedPicture] = ()) -> str:
    """Render the page that shows two runs side by side."""
    views = [
        (change, *(verdict_view(item) if item else None for item in (change.before, change.after)))
        for change in comparison.verdicts
    ]
    one_sided = [change.movement in {"gone", "new"} for change in comparison.verdicts]
    return (
        _environment()
        .get_template("compare.html.j2")
        .render(
            comparison=comparison,
            pictures=pictures,
            shared=[view for view, alone in zip(views, one_sided, strict=True) if not alone],
            alone=[view for view, alone in zip(views, one_sided, strict=True) if alone],
            differences={
                (change.model, change.key): _difference(change) for change in comparison.verdicts
            },
            counts=run_words.movement_counts([change.movement for change in comparison.verdicts]),
            tables=[
                (model, table_view(table, f"t{place}"))
                for place, (model, table) in enumerate(comparison.images)
            ],
            summaries=[run_words.run_summary(run) for run in (comparison.before, comparison.after)],
            titles={key: kind.title for key, kind in LIMITS.items()},
            **_shared(),
        )
    )


def render_side_by_side(found: SideBySide) -> str:
    """Render the page that shows three or more runs side by side."""

    def shown(change: VerdictChange | None) -> tuple[Any, ...]:
        if change is None:
            return None, None, ""
        return change, verdict_view(change.after) if change.after else None, _difference(change)

    views = [
        (row, verdict_view(row.first) if row.first else None, [shown(one) for one in row.others])
        for row in found.rows
    ]
    return render(
        "side.html.j2",
        found=found,
        shared=[view for view in views if view[0].everywhere],
        alone=[view for view in views if not view[0].everywhere],
        summaries=[run_words.run_summary(run) for run in found.runs],
        titles={key: kind.title for key, kind in LIMITS.items()},
    )


def _difference(change: VerdictChange) -> str:
    """Write the paired difference; empty where there is none."""
    return difference_text(change.after, change.difference).removeprefix("; difference ")


def render_exploration(
    model: str, points: Sequence[Explored], *, within_ns: float | None = None, files: str = ""
) -> str:
    """Render the page of one exploration; ``files`` is the folder of its CSV and JSON."""
    view = explored_view(points, "x-t0", within_ns, files=files)
    template = _environment().get_template("explore.html.j2")
    return template.render(model=model, view=view, **_shared())


def render_explanation(found: Explanation, *, files: str = "") -> str:
    """Render the page of one explanation; ``files`` is the folder of its CSV and JSON."""
    template = _environment().get_template("explain.html.j2")
    view = explained_view(found, "x", files)
    return template.render(model=found.model, view=view, **_shared())


def render(template: str, **facts: Any) -> str:
    """Render another page in the same look."""
    return _environment().get_template(template).render(**facts, **_shared())


def _shared() -> dict[str, Any]:
    """Give what every page needs: colours and the version."""
    return {
        "roles": {"parent": PARENT, "optimized": OPTIMIZED},
        "changes": CHANGES,
        "version": __version__,
    }


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("quantgate.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    environment.globals["asset"] = _asset
    environment.globals["packed_asset"] = _packed_asset
    environment.filters["anchor"] = _anchor
    environment.filters["task"] = titles.task_title
    return environment


def _asset(name: str) -> Any:
    """Inline one of our own files: no text of a run is in it."""
    file = resources.files("quantgate.report").joinpath(*name.split("/"))
    return Markup(file.read_text(encoding="utf-8"))  # noqa: S704 - shipped with the package


@lru_cache(maxsize=4)
def _packed_asset(name: str) -> str:
    """Compress one of our own files: the script takes it out when it is needed first."""
    file = resources.files("quantgate.report").joinpath(*name.split("/"))
    return deflated(file.read_text(encoding="utf-8"))


def _visible(value: Any) -> Any:
    """Spell out what is not seen in texts that are still to be escaped."""
    return visible_lines(value) if type(value) is str else value


def _anchor(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text)
