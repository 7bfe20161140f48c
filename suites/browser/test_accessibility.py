"""Keyboard and screen readers: axe-core's rules on every page, and the order of the focus."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.table import Table
from quantgate.report.compare import compare_runs
from quantgate.report.html.page import render_comparison
from quantgate.report.performance import Explored
from quantgate.report.publish import finish_run, write_exploration

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


def run_page(sample: Any, folder: Path) -> Path:
    """Write the page of the hand-made run."""
    del folder
    return finish_run(sample.report, sample.directory)


def model_page(sample: Any, folder: Path) -> str:
    """Name the view of a model in the page of the hand-made run."""
    return f"{run_page(sample, folder).as_uri()}#m0"


def viewer_page(sample: Any, folder: Path) -> str:
    """Name an image of a model, which opens in the viewer."""
    return f"{run_page(sample, folder).as_uri()}#m0-p0"


def compare_page(sample: Any, folder: Path) -> Path:
    """Write the page of two runs: a verdict repaired, two images changed."""
    before = sample.report
    first = before.models[0].tables[0]
    rows = tuple((row[0], 99, *row[2:]) if i < 2 else row for i, row in enumerate(first.rows))
    table = Table(first.name, first.title, first.columns, rows, first.erroneous)
    model = dataclasses.replace(before.models[0], tables=(table,))
    verdict = dataclasses.replace(
        before.judged[0].verdict, estimate=Estimate(0.97, 0.95, 0.98, 200)
    )
    judged = dataclasses.replace(before.judged[0], verdict=verdict)
    after = dataclasses.replace(
        before,
        run="run-2",
        versions={"quantgate": "0.2.0"},
        models=(model, before.models[1]),
        judged=(judged, *before.judged[1:]),
    )
    path = folder / "compare.html"
    path.write_text(render_comparison(compare_runs(before, after)), encoding="utf-8")
    return path


def explore_page(sample: Any, folder: Path) -> Path:
    """Write the page of an exploration."""
    del sample
    write_exploration(folder / "explore.html", "ssd", POINTS, 3e6)
    return folder / "explore.html"


@pytest.fixture(params=[run_page, model_page, viewer_page, compare_page, explore_page])
def address(request: pytest.FixtureRequest, sample: Any, tmp_path: Path) -> str:
    """Write each kind of page."""
    written: Path | str = request.param(sample, tmp_path)
    return written if isinstance(written, str) else written.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(address: str, open_page: OpenPage, scheme: str) -> None:
    """Names, roles, labels, contrast: with every table built and every part unfolded."""
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

    found = axe.Axe().run(page).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.locator(".data.live").count() == len(tables)


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
