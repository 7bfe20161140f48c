"""The page of a run in a real browser, opened from the file system."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from quantgate.core.verdict import Outcome
from quantgate.report.compare import compare_runs
from quantgate.report.html.page import render_comparison
from quantgate.report.publish import finish_run

if TYPE_CHECKING:
    from collections.abc import Callable

    OpenPage = Callable[..., Any]

BASIC = "#m0-t0"
ADVANCED = "#m0-t1"
PICTURE = "#m0-p0"


@pytest.fixture
def page(sample: Any, open_page: OpenPage) -> Any:
    """Open the view of the hand-made run's first model, its first table built."""
    opened = open_page(finish_run(sample.report, sample.directory).as_uri() + "#m0")
    opened.locator("#m0 .group").scroll_into_view_if_needed()
    opened.wait_for_selector(f"{BASIC}.live .tabulator-row")
    return opened


def column(page: Any, table: str, index: int) -> list[str]:
    """Read a column of the shown rows."""
    cells = page.locator(f"{table} .tabulator-row [tabulator-field=c{index}]")
    found: list[str] = cells.all_inner_texts()
    return found


def heading(page: Any, table: str, title: str) -> Any:
    """Find a column's heading."""
    return page.locator(f"{table} .tabulator-col", has_text=title).first


def type_filter(page: Any, table: str, title: str, text: str) -> None:
    """Type under a heading."""
    page.locator(f"{table} input[aria-label='Filter {title}']").press_sequentially(text)


def wait_count(page: Any, table: str, text: str) -> None:
    """Wait until the table says how many rows are left."""
    page.set_default_timeout(8000)
    page.wait_for_function(
        "([table, text]) => document.querySelector(`${table} .count`).textContent === text",
        arg=[table, text],
    )


def test_the_overview_leads_to_the_verdict(page: Any) -> None:
    """A click on a missed limit opens its model at the verdict."""
    page.get_by_role("link", name="All models").click()
    page.locator(".limit.failed").click()
    page.locator("#m0-min-match-rate").wait_for()

    assert page.evaluate("location.hash") == "#m0-min-match-rate"
    assert page.locator("#m0-min-match-rate .pill").inner_text() == "failed"


def test_a_click_sorts_and_empty_cells_are_lowest(page: Any) -> None:
    """Numbers sort as numbers, descending first; what is not defined is no zero."""
    heading(page, BASIC, "Mean IoU").locator(".tabulator-col-title").click()
    descending = column(page, BASIC, 3)
    heading(page, BASIC, "Mean IoU").locator(".tabulator-col-title").click()
    ascending = column(page, BASIC, 3)

    assert descending == sorted(descending, reverse=True)
    assert descending[0] == "0.280"
    assert ascending[:7] == ["–"] * 6 + ["0.000"]


def test_the_keyboard_sorts(page: Any) -> None:
    """Enter on a heading does what a click does, and says so to screen readers."""
    head = heading(page, BASIC, "A. Optimized")
    head.focus()
    page.keyboard.press("Enter")

    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, BASIC, 1)[0] == "9"


@pytest.mark.parametrize(
    ("title", "text", "left"),
    [
        ("A. Optimized Model Detections", ">7", 6),
        ("A. Optimized Model Detections", "2..3", 6),
        ("A. Optimized Model Detections", "<=0", 3),
        ("A. Optimized Model Detections", "!=0", 27),
        ("Mean IoU of the Matches", "=", 6),
        ("Mean IoU of the Matches", "0.05", 1),
        ("Image Name", "0001", 11),
    ],
)
def test_filters_understand_numbers_and_texts(page: Any, title: str, text: str, left: int) -> None:
    """Comparisons, ranges, empty cells; texts contain."""
    type_filter(page, BASIC, title, text)

    wait_count(page, BASIC, f"{left} of 30 rows")


def test_a_filter_that_is_not_understood_says_so(page: Any) -> None:
    """What is no filter for numbers filters nothing, and is named with what can be written."""
    type_filter(page, BASIC, "A. Optimized Model Detections", "many")
    said = page.locator("#m0 .tab:visible .bad")
    said.wait_for()

    assert "“many” under A. Optimized Model Detections" in said.inner_text()
    wait_count(page, BASIC, "30 of 30 rows")
    page.keyboard.press("Control+A")
    page.keyboard.type(">7")
    wait_count(page, BASIC, "6 of 30 rows")
    assert not said.is_visible()


def test_long_names_keep_their_end(sample: Any, open_page: OpenPage) -> None:
    """The end of a name tells it apart: its middle is cut, and the whole name is there to find and to read."""
    table = sample.report.models[0].tables[0]
    rows = tuple((f"evaluate/of/the/harbour/{row[0]}", *row[1:]) for row in table.rows)
    models = (replace(sample.report.models[0], tables=(replace(table, rows=rows),)),)
    path = finish_run(replace(sample.report, models=models), sample.directory)
    page = open_page(path.as_uri() + "#m0")
    page.set_viewport_size({"width": 390, "height": 900})
    page.locator("#m0 .group").scroll_into_view_if_needed()
    cell = page.locator(f"{BASIC}.live .tabulator-row .cut").first
    cell.wait_for()
    start, end = (cell.locator("span").nth(i) for i in range(2))

    assert cell.get_attribute("title") == cell.text_content()
    assert cell.text_content().startswith("evaluate/of/the/harbour/img-000")
    assert start.evaluate("e => e.scrollWidth > e.clientWidth")
    assert end.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert end.is_visible()


def test_only_erroneous_images_are_shown_on_demand(page: Any) -> None:
    """The checkbox keeps what the table marks, together with other filters."""
    page.locator(f"{BASIC} .only").check()
    wait_count(page, BASIC, "10 of 30 rows")
    type_filter(page, BASIC, "Image Name", "0001")
    wait_count(page, BASIC, "3 of 30 rows")
    page.locator(f"{BASIC} .only").uncheck()
    wait_count(page, BASIC, "11 of 30 rows")


def test_the_mode_switches_to_advanced(page: Any) -> None:
    """One table at a time, the pressed button says which."""
    page.get_by_role("button", name="Advanced").click()
    page.wait_for_selector(f"{ADVANCED}.live .tabulator-row")

    assert not page.locator(BASIC).is_visible()
    assert page.get_by_role("button", name="Advanced").get_attribute("aria-pressed") == "true"
    assert page.locator(f"{ADVANCED} .count").inner_text() == "300 of 300 rows"


def test_light_and_dark_follow_the_system_and_the_button(sample: Any, open_page: OpenPage) -> None:
    """And the text stays readable in both."""
    page = open_page(finish_run(sample.report, sample.directory).as_uri(), color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="light and dark").click()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert (dark, light) == ("rgb(17, 22, 29)", "rgb(244, 246, 249)")


def test_the_page_is_read_without_javascript(sample: Any, open_page: OpenPage) -> None:
    """Tables, pictures and objects are there; buttons that would do nothing are not."""
    page = open_page(
        finish_run(sample.report, sample.directory).as_uri(), java_script_enabled=False
    )

    assert page.locator(f"{BASIC} .static tbody tr").count() == 20
    assert page.locator(f"{ADVANCED} .static").is_visible()
    assert page.locator(f"{PICTURE} .o.lost").first.is_visible()
    assert page.locator(f"{PICTURE} img").evaluate("e => e.complete && e.naturalWidth > 100")
    assert page.locator(".js-only:visible").count() == 0


def test_markup_in_names_neither_runs_nor_shows_as_markup(
    sample_of: Callable[..., Any], open_page: OpenPage, evil: str
) -> None:
    """The evil name is read as it is, in the list of objects, in the filters and in the evidence."""
    sample = sample_of(label=evil)
    page = open_page(finish_run(sample.report, sample.directory).as_uri() + PICTURE)
    page.locator("#viewer .objects-table").wait_for()
    page.wait_for_timeout(300)

    assert "quantgate:" in page.title()
    assert page.locator("img[src=x]").count() == 0
    assert evil in page.locator("#viewer .objects-table").inner_text()
    assert evil in page.locator("#m0-evidence").text_content()


def test_the_page_asks_no_network(sample: Any, browser: Any) -> None:
    """Its own policy on, it loads the one file and reports no breach of it."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    address = finish_run(sample.report, sample.directory).as_uri()
    page.goto(address)
    page.wait_for_timeout(500)
    context.close()

    assert {url for url in asked if not url.startswith("data:")} == {address}
    assert said == []


def test_it_prints_in_full(sample: Any, open_page: OpenPage) -> None:
    """On paper the tables are plain, the navigation is gone and folded parts are open."""
    page = open_page(finish_run(sample.report, sample.directory).as_uri() + "#m0")
    page.locator("#m0").wait_for()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")

    assert page.locator(f"{BASIC} .static").is_visible()
    assert not page.locator("header.top").is_visible()
    assert page.locator("#m0 .evidence .code").first.is_visible()


def test_five_thousand_images_by_ten_classes_stay_quick(
    sample_of: Callable[..., Any], open_page: OpenPage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usable in under 2 s, under 50 MB, and every step of work with 50,000 rows in under 2 s."""
    sample = sample_of(images=5000)
    path = finish_run(sample.report, sample.directory)
    started = time.perf_counter()
    page = open_page(path.as_uri() + "#m0")
    page.wait_for_selector("#m0 .group")
    ready_s = time.perf_counter() - started
    started = time.perf_counter()
    page.get_by_role("button", name="Advanced").click()
    page.wait_for_selector(f"{ADVANCED}.live .tabulator-row")
    table_s = time.perf_counter() - started
    started = time.perf_counter()
    page.locator(f"{ADVANCED} .only").check()
    wait_count(page, ADVANCED, "5,556 of 50,000 rows")
    filter_s = time.perf_counter() - started
    with capsys.disabled():
        size_mb = path.stat().st_size / 1e6
        sys.stdout.write(
            f"\npage {size_mb:.1f} MB, ready {ready_s:.2f} s, 50,000 rows {table_s:.2f} s, "
            f"filter {filter_s:.2f} s\n"
        )

    assert path.stat().st_size < 50_000_000
    # Measured well under 1 s on two idle cores; the bound leaves room for loaded machines.
    assert max(ready_s, table_s, filter_s) < 4.0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshots_are_kept(sample: Any, open_page: OpenPage, scheme: str) -> None:
    """The overview and the viewer, under reports/screenshots, and neither is blank."""
    folder = Path(__file__).parents[2] / "reports" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page = open_page(finish_run(sample.report, sample.directory).as_uri(), color_scheme=scheme)

    page.screenshot(path=folder / f"overview-{scheme}.png")
    page.get_by_role("link", name="1 changed image").first.click()
    page.locator(f"{PICTURE} .enlarge").click()
    page.wait_for_timeout(300)
    page.screenshot(path=folder / f"picture-{scheme}.png")

    for name in ("overview", "picture"):
        with Image.open(folder / f"{name}-{scheme}.png") as shot:
            colours = shot.convert("RGB").getcolors(maxcolors=1 << 24)
        assert colours is not None
        assert len(colours) > 100


def test_layers_are_sorted_and_filtered_like_images(page: Any) -> None:
    """The table by layer type unfolds into a live one, largest slowdown first."""
    page.locator("#m0 details.layers summary").first.click()
    page.wait_for_selector("#m0-types.live .tabulator-row")
    shown = column(page, "#m0-types", 0)
    page.locator("#m0-types .only").check()

    wait_count(page, "#m0-types", "3 of 4 rows")
    assert shown == ["Eltwise", "Reorder", "Softmax", "Convolution"]


def test_the_rows_that_matter_come_first(page: Any) -> None:
    """Before anybody sorts: images on which the roles differ, then the others."""
    rows = page.locator(f"{BASIC} .tabulator-row")

    assert rows.count() == 10
    assert page.locator(f"{BASIC} .tabulator-row.wrong").count() == 10


def test_paper_is_light_and_wide_enough(sample: Any, open_page: OpenPage) -> None:
    """Also from a dark screen, and no table leaves the sheet."""
    page = open_page(
        finish_run(sample.report, sample.directory).as_uri() + "#m0", color_scheme="dark"
    )
    page.locator("#m0").wait_for()
    page.set_viewport_size({"width": 1000, "height": 700})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 35, 48)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000


def test_two_runs_are_read_side_by_side(sample: Any, open_page: OpenPage, tmp_path: Path) -> None:
    """What regressed stands first; the images that changed can be filtered like any table."""
    before = sample.report
    first = before.models[0].tables[0]
    rows = tuple((row[0], 99, *row[2:]) if i in {3, 4} else row for i, row in enumerate(first.rows))
    model = replace(before.models[0], tables=(replace(first, rows=rows),))
    passed = before.judged[1]
    worse = replace(passed, verdict=replace(passed.verdict, outcome=Outcome.FAILED))
    after = replace(
        before, run="run-2", models=(model,), judged=(before.judged[0], worse, before.judged[2])
    )
    path = tmp_path / "compare.html"
    path.write_text(render_comparison(compare_runs(before, after)), encoding="utf-8")

    page = open_page(path.as_uri())
    page.locator("#images").scroll_into_view_if_needed()
    page.wait_for_selector("#t0.live .tabulator-row")
    type_filter(page, "#t0", "A. Optimized Model Detections, after", ">50")

    wait_count(page, "#t0", "2 of 2 rows")
    assert (
        page.locator("#verdicts tbody tr").first.locator(".pill").first.inner_text() == "regressed"
    )
    assert column(page, "#t0", 0) == ["img-00003.png", "img-00004.png"]
