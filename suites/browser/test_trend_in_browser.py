"""The page of a history in a real browser, opened from the file system."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.changes.detect import find_changes
from quantgate.core.changes.machine import explain
from quantgate.core.changes.panel import Timed, run_days
from quantgate.core.series import CONTROL, SeriesKey
from quantgate.report.trend.model import Trend
from quantgate.report.trend.page import write_trend
from suites.simulated import columns, runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    OpenPage = Callable[..., Any]

NASTY = '</script><img src=x onerror="window.broken=1">'
NIGHTS = 60


def made(models: int) -> Trend:
    """Make a history: the first model becomes slower, the second gets new data, the third has a nasty name."""
    rng = np.random.default_rng(0)
    names = ["ssd", "yolo", NASTY, *(f"model-{n:03}" for n in range(3, models))]
    nights = runs(NIGHTS)
    series = []
    for name in names:
        speed = 1.4 * np.exp(rng.normal(0, 0.01, NIGHTS))
        speed[40:] *= 0.9 if name == "ssd" else 1.0
        parts = [0] * 30 + [1] * 30 if name == "yolo" else None
        one = SeriesKey(name, "min_speedup", "amx", "a1b2", "default")
        size = replace(one, quantity="max_size_ratio")
        series += [
            columns([0.25] * NIGHTS, of=size, limit=0.4),
            columns(speed, 0.03, of=one, segment=parts, limit=1.3),
        ]
    return Trend("nights.sqlite", nights, series, list(find_changes(series, nights)))


@pytest.fixture
def page(tmp_path: Path, open_page: OpenPage) -> Any:
    """Open the page of a few models."""
    write_trend(made(6), tmp_path / "trend.html")
    opened = open_page((tmp_path / "trend.html").as_uri())
    opened.wait_for_selector(".chart svg")
    return opened


def swapped() -> Trend:
    """Make a history in which the machine changed: its control and the speed of a model moved one night."""
    rng = np.random.default_rng(1)
    nights = runs(NIGHTS)
    of = {
        name: SeriesKey(*name, "amx", "a1b2", "default")
        for name in (CONTROL, ("ssd", "min_speedup"))
    }
    control = 1 + rng.normal(0, 0.01, NIGHTS)
    speed = 1.4 * np.exp(rng.normal(0, 0.01, NIGHTS))
    control[40:] += 0.08
    speed[40:] *= 0.9
    series = [
        columns(control, 0.02, of=of[CONTROL]),
        columns(speed, 0.03, of=of["ssd", "min_speedup"]),
    ]
    days = run_days(nights)
    timed = [kept for one in series if (kept := Timed.of(one, days))]
    moved, blamed = list(find_changes(series[:1], nights)), list(find_changes(series[1:], nights))
    return Trend("n", nights, series[1:], explain(blamed, timed, nights), series[:1], moved)


def shown(page: Any) -> list[str]:
    """Names of the models whose charts are shown."""
    found: list[str] = page.locator(".fleet:not([hidden]) h3").all_inner_texts()
    return found


def test_what_moved_comes_first_and_its_mark_leads_to_its_row(page: Any) -> None:
    """A click on a change in a chart goes to the row that explains it."""
    assert shown(page)[0] == "ssd"

    page.locator(".fleet").first.locator("a .mark.open circle").click()

    assert page.evaluate("location.hash") == "#c0"
    row = page.locator("#c0")
    assert row.locator(".pill").inner_text() == "worse"
    links = row.locator("a").all_inner_texts()
    assert links == ["night-39", "night-40"]
    assert row.locator("a").nth(1).get_attribute("href").endswith("reports/night-40/index.html")


def test_the_script_unpacks_the_numbers_that_were_packed(page: Any) -> None:
    """A night pointed at shows its value and interval, to the last digit shown."""
    svg = page.locator(".fleet").first.locator(".chart").nth(1).locator("svg")
    box = svg.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + 40)
    last = made(6).series[1]

    text = page.locator("#tip").inner_text()
    assert f"{last.value[-1]:.2f}×" in text
    assert f"[{last.low[-1]:.2f}×, {last.high[-1]:.2f}×]" in text
    assert "night-59" in text


def test_segments_and_limits_are_drawn(page: Any) -> None:
    """Where the data changed a line says so, and each limit is a dashed one."""
    card = page.locator(".fleet", has_text="yolo")

    assert card.locator(".ends").count() == 1
    assert card.locator(".est").count() == 3
    assert card.locator(".lim").count() >= 1


def test_time_has_dates_and_a_limit_out_of_sight_its_distance(page: Any) -> None:
    """Dates stand below every chart without touching, and each limit is to scale or told as a distance."""
    size, speed = (page.locator(".fleet").first.locator(".chart").nth(i) for i in range(2))
    dates = size.locator("text").all_text_contents()

    assert {"15 Jan 2026", "12 Feb"} <= set(dates)
    boxes = sorted(
        (box["x"], box["x"] + box["width"])
        for text in size.locator("text").all()
        if (box := text.bounding_box()) and box["y"] > size.bounding_box()["y"] + 120
    )
    assert len(boxes) >= 3
    assert all(end < start for (_, end), (start, _) in pairwise(boxes))
    assert size.locator(".lim.far").count() == 1
    assert "limit 0.40×, 0.15× above the latest" in size.inner_text()
    assert speed.locator(".lim:not(.far)").count() == 1


def test_a_chart_is_read_and_followed_with_the_keyboard(page: Any) -> None:
    """Arrows move from night to night, Enter opens the night's report; the latest is a link."""
    chart = page.locator(".fleet").first.locator(".chart").nth(1)
    chart.locator("svg").focus()

    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert "night-58" in page.locator("#tip").inner_text()
    page.keyboard.press("Home")
    assert "night-0" in page.locator("#tip").inner_text()
    latest = chart.locator("figcaption a").get_attribute("href")
    assert latest.endswith("reports/night-59/index.html")


def test_the_control_shows_why_a_step_is_the_machines(tmp_path: Path, open_page: OpenPage) -> None:
    """It is drawn with its own row whatever is filtered, marked that night, and leads to the row."""
    write_trend(swapped(), tmp_path / "trend.html")
    page = open_page((tmp_path / "trend.html").as_uri())
    page.wait_for_selector("#controls .chart svg")

    assert page.locator("#controls .chart .est").count() == 1
    assert page.locator("#controls .chart .lim").count() == 1
    titles = page.locator("#controls .mark title").all_text_contents()
    assert titles == ["2026-02-10: the control moved", "2026-02-10: 1 number moved with it"]
    assert "its control changed the same night" in page.locator("#c0").inner_text()
    page.locator("#controls a .mark circle").click()
    assert page.evaluate("location.hash") == "#c0"

    page.locator(".pick [name=model]").fill("nothing like it")
    assert shown(page) == []
    assert page.locator("#controls .chart:visible").count() == 1


def test_without_a_control_there_is_no_row_for_it(page: Any) -> None:
    """Runs that timed nothing have none."""
    assert page.locator("#machines").count() == 0


def test_filters_narrow_charts_and_rows(page: Any) -> None:
    """By model, quantity, and only what moved; the count says how many are left."""
    form, count = page.locator(".pick"), page.locator(".pick .count")
    assert count.inner_text() == "12 of 12 series"

    form.locator("[name=moved]").check()
    assert shown(page) == ["ssd"]
    assert count.inner_text() == "1 of 12 series"

    form.locator("[name=moved]").uncheck()
    form.locator("[name=quantity]").select_option("max_size_ratio")
    assert count.inner_text() == "6 of 12 series"
    assert page.locator(".moves tbody tr:visible").count() == 0

    form.locator("[name=quantity]").select_option("")
    form.locator("[name=model]").fill("MODEL-00")
    assert shown(page) == ["model-003", "model-004", "model-005"]


def test_markup_in_a_model_s_name_is_text(page: Any) -> None:
    """It is shown as it is, and nothing of it runs."""
    assert NASTY in shown(page)
    assert page.evaluate("window.broken") is None
    assert page.locator("main img").count() == 0


def test_without_a_script_the_table_says_it_all(tmp_path: Path, open_page: OpenPage) -> None:
    """Changes, their charts and links need none."""
    write_trend(made(6), tmp_path / "trend.html")
    page = open_page((tmp_path / "trend.html").as_uri(), java_script_enabled=False)

    assert page.locator("#c0 .pill").inner_text() == "worse"
    assert page.locator("#c0 svg.spark .est").count() == 1
    assert page.locator("noscript .note").is_visible()
    assert not page.locator(".pick").is_visible()


def test_of_many_models_only_what_is_seen_is_drawn(tmp_path: Path, open_page: OpenPage) -> None:
    """The rest is drawn when it is scrolled to."""
    trend = made(150)
    write_trend(trend, tmp_path / "trend.html")
    page = open_page((tmp_path / "trend.html").as_uri())
    page.wait_for_selector(".chart:not([hidden]) svg")

    assert set(shown(page)) == {change.key.model for change in trend.changes}
    page.locator(".pick [name=moved]").uncheck()
    page.locator("#series-h").scroll_into_view_if_needed()
    assert page.locator(".chart").count() < 100

    # Cards grow when they are drawn, so that the end moves away while one scrolls there.
    page.wait_for_function(
        """() => {
          const last = document.querySelector(".fleet:last-child");
          last.scrollIntoView();
          return last.querySelector(".chart") !== null;
        }"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(tmp_path: Path, open_page: OpenPage, scheme: str) -> None:
    """Names, roles, labels and contrast, with the charts of all models drawn."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    control = swapped()
    trend = replace(made(6), controls=control.controls, control_changes=control.control_changes)
    write_trend(trend, tmp_path / "trend.html")
    page = open_page((tmp_path / "trend.html").as_uri(), color_scheme=scheme)
    page.locator(".fleet").last.scroll_into_view_if_needed()
    page.wait_for_selector(".fleet:last-child .chart svg")

    found = axe.Axe().run(page).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_a_narrow_screen_scrolls_the_table_alone(page: Any) -> None:
    """The page itself is never wider than a phone."""
    page.set_viewport_size({"width": 400, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 400
