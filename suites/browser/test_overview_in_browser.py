"""The overview of a run in a real browser: finding models by mouse and by keyboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.report.model import Problem
from quantgate.report.publish import finish_run
from suites.conftest import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    OpenPage = Callable[..., Any]

WIDTHS = [390, 1024, 1440]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a run with a skipped and a broken model."""
    sample = make_sample(tmp_path_factory.mktemp("overview") / "run-1")
    problems = (
        Problem("gone", "integrity", "skipped", "no such file here"),
        Problem("odd", "integrity", "broken", "cannot be read"),
    )
    first, second = sample.report.models
    tagged = replace(second, declared='{"tags": ["nightly"]}')
    report = replace(sample.report, problems=problems, models=(first, tagged))
    return finish_run(report, sample.directory)


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, run: Path, open_page: OpenPage) -> Any:
    """Open its overview, at three widths."""
    opened = open_page(run.as_uri())
    opened.set_viewport_size({"width": request.param, "height": 900})
    return opened


def names(page: Any) -> list[str]:
    """Read the models that are shown, in their order."""
    found: list[str] = page.locator(".row:visible h2").all_inner_texts()
    return found


def test_failed_models_come_first_and_others_stand_in_their_place(page: Any) -> None:
    """Failed, broken, known, skipped: each with the reason."""
    assert names(page) == ["ssd", "odd", "digits", "gone"]
    assert "cannot be read" in page.locator(".row").nth(1).inner_text()
    assert "no such file here" in page.locator(".row").nth(3).inner_text()
    assert "0.912" in page.locator(".row .limit.failed").inner_text()


def test_search_outcome_task_and_tag_narrow_the_list(page: Any) -> None:
    """A name, a limit or a reason is found; buttons and lists combine; nothing found is said."""
    search = page.get_by_role("searchbox", name="Search")
    search.fill("cannot be")
    by_reason = names(page)
    search.fill("")
    page.get_by_role("button", name="skipped").click()
    by_outcome = names(page)
    page.get_by_role("button", name="skipped").click()
    page.get_by_label("Task").select_option("detection")
    by_task = names(page)
    page.get_by_label("Task").select_option("")
    page.get_by_label("Tag").select_option("nightly")
    by_tag = names(page)
    search.fill("ssd")

    assert (by_reason, by_outcome, by_task, by_tag) == (["odd"], ["gone"], ["ssd"], ["digits"])
    assert names(page) == []
    assert page.get_by_text("No model fits.").is_visible()
    assert page.locator(".pick .count").inner_text() == "0 of 4 models"


def test_the_keyboard_finds_opens_and_leads_back(page: Any) -> None:
    """A slash searches, arrows move over models that have details, Enter opens, Escape leads back there."""
    page.keyboard.press("/")
    searching = page.evaluate("document.activeElement.name")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#m1").wait_for()
    shown = page.locator("#overview").is_visible()
    page.keyboard.press("Escape")
    page.locator("#overview").wait_for()

    assert (searching, shown) == ("text", False)
    assert page.evaluate("document.activeElement.textContent") == "digits"
    assert page.locator("#m1").count() == 0


def test_details_beside_the_page_are_loaded_when_they_are_opened(
    sample: Any, open_page: OpenPage
) -> None:
    """From the file system, under the page's own policy, pictures included."""
    report = replace(sample.report, inline_mb=0.0)
    page = open_page(finish_run(report, sample.directory).as_uri())
    page.locator(".row h2 a", has_text="ssd").click()
    page.locator("#m0-p0 img").wait_for()
    page.locator("#m0-p0 img").scroll_into_view_if_needed()

    page.wait_for_function("document.querySelector('#m0-p0 img').naturalWidth > 100")
    assert page.locator("#m0-p0 img").get_attribute("src").startswith("pictures/")


def test_the_type_has_at_most_six_sizes(page: Any) -> None:
    """Overview and details together."""
    sizes = """() => [...document.querySelectorAll('body *')].filter(e => e.checkVisibility()
        && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .map(e => getComputedStyle(e).fontSize)"""
    found = set(page.evaluate(sizes))
    page.locator(".row h2 a").first.click()
    page.locator("#m0-t0").scroll_into_view_if_needed()
    page.locator("#m0-t0.live .tabulator-row").first.wait_for()
    found |= set(page.evaluate(sizes))

    assert len(found) <= 6, found
