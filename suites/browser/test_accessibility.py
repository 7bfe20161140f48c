"""Keyboard and screen readers: axe-core's rules on every page, and the order of the focus."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.explained import Explanation, Group, LayerFacts, Loss
from quantgate.core.table import Table
from quantgate.report.compare import compare_runs
from quantgate.report.html.page import render_comparison, render_explanation, render_side_by_side
from quantgate.report.performance import Explored
from quantgate.report.publish import finish_run, write_exploration, write_remedy
from quantgate.report.side_by_side import side_by_side
from suites.unit.test_remedy_words import OTHER, PARENT, REMEDY, WINNER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    OpenPage = Callable[..., Any]

#: Links of one row of a table are read from left to right, wherever in it they stand.
ROW_PX = 60
POINTS = [
    Explored(role, f"latency-streams{n}", 100.0 * n, (90.0 * n, 110.0 * n), 1e6 * n, 2e6 * n)
    for n in (1, 2)
    for role in ("parent", "optimized")
]


LOSS = Loss(0.02, None, 0.1)
LAYERS = tuple(
    LayerFacts(f"backbone.blocks.{i}/aten::convolution", "Convolution", i, "b", "p", 0.1, 0.1, 0.5)
    for i in range(3)
)
GROUPS = tuple(Group("layer", one.name, (one.name,), 0.5, LOSS, LOSS) for one in LAYERS)
#: A line of models.toml that no phone can show in one line.
LONG = f'calibrate.ignored.names = ["{LAYERS[0].name * 9}"]'


def run_page(sample: Any, folder: Path) -> Path:
    """Write the page of the hand-made run."""
    del folder
    first, *others = sample.report.models
    models = (dataclasses.replace(first, entry=LONG), *others)
    return finish_run(dataclasses.replace(sample.report, models=models), sample.directory)


def model_page(sample: Any, folder: Path) -> str:
    """Name the view of a model in the page of the hand-made run."""
    return f"{run_page(sample, folder).as_uri()}#m0"


def viewer_page(sample: Any, folder: Path) -> str:
    """Name an image of a model, which opens in the viewer."""
    return f"{run_page(sample, folder).as_uri()}#m0-p0"


def repaired(sample: Any) -> Any:
    """Make the run again: a verdict repaired, two images changed."""
    before = sample.report
    first = before.models[0].tables[0]
    rows = tuple((row[0], 99, *row[2:]) if i < 2 else row for i, row in enumerate(first.rows))
    table = Table(first.name, first.title, first.columns, rows, first.erroneous)
    model = dataclasses.replace(before.models[0], tables=(table,))
    verdict = dataclasses.replace(
        before.judged[0].verdict, estimate=Estimate(0.97, 0.95, 0.98, 200)
    )
    judged = dataclasses.replace(before.judged[0], verdict=verdict)
    return dataclasses.replace(
        before,
        run="run-2",
        versions={"quantgate": "0.2.0"},
        models=(model, before.models[1]),
        judged=(judged, *before.judged[1:]),
    )


def compare_page(sample: Any, folder: Path) -> Path:
    """Write the page of two runs."""
    path = folder / "compare.html"
    compared = compare_runs(sample.report, repaired(sample))
    path.write_text(render_comparison(compared), encoding="utf-8")
    return path


def side_page(sample: Any, folder: Path) -> Path:
    """Write the page of three runs."""
    path, later = folder / "side.html", repaired(sample)
    runs = (sample.report, later, dataclasses.replace(later, run="run-3"))
    path.write_text(render_side_by_side(side_by_side(runs, [folder] * 3)), encoding="utf-8")
    return path


def explain_page(sample: Any, folder: Path) -> Path:
    """Write the page of an explanation."""
    del sample
    found = Explanation("ssd", "AP", 64, 0.7, LOSS, LOSS, LAYERS, GROUPS)
    path = folder / "explain.html"
    path.write_text(render_explanation(found), encoding="utf-8")
    return path


def explore_page(sample: Any, folder: Path) -> Path:
    """Write the page of an exploration."""
    del sample
    write_exploration(folder / "explore.html", "ssd", POINTS, 3e6)
    return folder / "explore.html"


def remedy_page(sample: Any, folder: Path) -> Path:
    """Write the page of a search, with a chart that is wider than a phone."""
    del sample
    points = (WINNER, OTHER, PARENT)
    write_remedy(folder / "remedy.html", dataclasses.replace(REMEDY, points=points))
    return folder / "remedy.html"


PAGES = (
    remedy_page,
    *(run_page, model_page, viewer_page, compare_page, side_page),
    *(explore_page, explain_page),
)


@pytest.fixture(params=PAGES)
def address(request: pytest.FixtureRequest, sample: Any, tmp_path: Path) -> str:
    """Write each kind of page."""
    written: Path | str = request.param(sample, tmp_path)
    return written if isinstance(written, str) else written.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_any_width(address: str, open_page: OpenPage, scheme: str) -> None:
    """Names, roles, labels, contrast, with all built and unfolded; nothing makes the page scroll sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(address, color_scheme=scheme)
    if "#" in address:
        page.locator("#viewer .objects-table" if "-p" in address else "#m0").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    tables = [] if "-p" in address else page.locator(".data:visible").all()
    for table in tables:
        table.scroll_into_view_if_needed()
        page.wait_for_function(
            "id => document.getElementById(id).classList.contains('live')",
            arg=table.get_attribute("id"),
        )
    assert page.locator(".data.live").count() == len(tables)

    for width in (1440, 390) if scheme == "light" else (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_everything_in_reading_order(sample: Any, open_page: OpenPage) -> None:
    """First the way past the navigation; then down the page, and never back."""
    page = open_page(finish_run(sample.report, sample.directory).as_uri())
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.locator(".row h2 a").first.press("Enter")
    page.locator("#m0").wait_for()
    places: list[float] = []
    names: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        place, name = page.evaluate(
            "() => { const e = document.activeElement, b = e.getBoundingClientRect();"
            " return [b.top + scrollY, e.textContent.trim().slice(0, 30)] }"
        )
        places.append(place)
        names.append(name)

    below = [place for place, name in zip(places, names, strict=True) if place > 100]
    assert first == "Skip to the content"
    assert names[0] == "Changed images"
    assert len(below) > 20
    assert all(after >= before - ROW_PX for before, after in itertools.pairwise(below))


@pytest.mark.parametrize("made", [run_page, viewer_page, compare_page])
def test_tab_reaches_every_control(
    made: Any, sample: Any, open_page: OpenPage, tmp_path: Path
) -> None:
    """Links, buttons, fields and regions that scroll; in the viewer nothing behind it."""
    written = made(sample, tmp_path)
    page = open_page(written if isinstance(written, str) else written.as_uri())
    within = "#viewer" if made is viewer_page else "body"
    built = {run_page: ".pick input", viewer_page: "#viewer .objects-table tr[tabindex]"}
    if made is compare_page:
        page.locator(".data").first.scroll_into_view_if_needed()
    page.locator(built.get(made, ".data.live")).first.wait_for()
    page.evaluate(
        """within => {
          window.left = new Set([...document.querySelector(within).querySelectorAll(
            "a[href], button:enabled, input:enabled, select:enabled, summary, [tabindex='0']"
          )].filter(one => one.checkVisibility()));
          document.addEventListener("focusin", event => window.left.delete(event.target), true);
        }""",
        within,
    )
    before = page.evaluate("window.left.size")
    for _ in range(before + 10):
        page.keyboard.press("Tab")

    # What a table that came to life behind the focus has hidden is no control any more.
    left = page.evaluate(
        "[...window.left].filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 120))"
    )
    assert left == []
    assert before > 10
