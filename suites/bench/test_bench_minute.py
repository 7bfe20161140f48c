"""The one-minute test: from a red run to which images changed, how, and what to do; steps, clicks, seconds.

``QUANTGATE_MINUTE`` names folders of finished runs with a red model, separated as PATH is; without it a run made
by hand is walked through.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.report.publish import finish_run
from suites.browser.conftest import browser, open_page

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["browser", "open_page"]

MOST_CLICKS, MOST_S = 3, 60.0
RUNS = [one for one in os.environ.get("QUANTGATE_MINUTE", "").split(os.pathsep) if one]


@pytest.mark.parametrize("folder", RUNS or [""])
def test_a_red_build_is_understood_within_a_minute(
    folder: str, sample: Any, open_page: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every red model in three clicks: why, the worst images, what became of their objects, what to try."""
    path = Path(folder, "index.html") if folder else finish_run(sample.report, sample.directory)
    page = open_page(path.absolute().as_uri())
    names = page.locator(".row.failed h2 a").all_inner_texts()
    assert names
    assert page.locator(".row").first.get_attribute("class") == "row failed"
    walked = [_walk(page, path.absolute().as_uri(), name) for name in names]
    with capsys.disabled():
        for name, steps in zip(names, walked, strict=True):
            print(f"\n{name}")
            for said, clicks, seconds in steps:
                print(f"  {seconds:5.2f} s  {clicks} clicks  {said}")
    for steps in walked:
        assert sum(clicks for _, clicks, _ in steps) <= MOST_CLICKS
        assert sum(seconds for *_, seconds in steps) < MOST_S


def _walk(page: Any, address: str, name: str) -> list[tuple[str, int, float]]:
    steps: list[tuple[str, int, float]] = []
    began = time.perf_counter()

    def step(said: str, clicks: int) -> None:
        nonlocal began
        steps.append((said, clicks, time.perf_counter() - began))
        began = time.perf_counter()

    page.goto("about:blank")
    page.goto(address)
    row = page.locator(".row.failed", has_text=name)
    row.locator(".limit.failed").first.wait_for()
    step("the overview: which limit failed, by how much", 0)
    row.locator("h2 a").click()
    answer = page.locator("#one .answer").first
    answer.locator("ul li").first.wait_for()
    assert answer.locator("code").last.inner_text()
    step("the answer: why, the worst images, what to try, the command", 1)
    worst = answer.locator(".worst a")
    if not worst.count():  # no limit on images failed: there is nothing more to look at
        return steps
    worst.first.click()
    page.locator("#viewer .stage canvas").first.wait_for()
    step("the worst image: Parent, Optimized and Diff, with what became of each object", 1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    step("the next one, and back (two keys)", 0)
    pairs = page.locator(".pairs button:visible")
    if pairs.count():
        pairs.first.click()
        page.locator(".pairs button[aria-pressed=true]").first.wait_for()
        step("what became what most often, and those images alone", 1)
    return steps
