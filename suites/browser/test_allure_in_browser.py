"""The Allure 3 report of the gates in a real browser."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import ReportError
from quantgate.report.allure.build import build_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["pytester"]

GATE = """
import numpy as np
import pytest
from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Limit, Outcome, Verdict
from quantgate.report.model import Judged
from quantgate.report.picture import ObjectChange, Picture, Seen
from quantgate.report.publish import begin_gate, draw_worst, publish_verdict
from quantgate.report.words.verdicts import verdict_line

def test_agreement(tmp_path):
    begin_gate("ssd", "min_match_rate", "detection")
    limit = Limit("min_match_rate", 0.95, "models.ssd.limits.min_match_rate")
    found = Judged(Verdict("ssd", "match rate", limit, Estimate(0.9, 0.8, 0.96, 200), Outcome.FAILED))
    seen = Seen((20.0, 20.0, 120.0, 160.0), "car", 0.7)
    picture = Picture("street.png", (320, 240), "objects", "1 lost", changes=(ObjectChange("lost", seen, None),))
    image = np.full((240, 320, 3), 140, np.uint8)
    drawn, _ = draw_worst([(picture, lambda: [image])], tmp_path, model="ssd", budget_bytes=10**7)
    publish_verdict(found, tmp_path, pictures=drawn)
    pytest.fail(verdict_line(found), pytrace=False)
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(pytester: pytest.Pytester) -> Iterator[str]:
    """Build the report of one failed gate, serve it, and point at the gate."""
    pytester.makepyfile(test_gate=GATE)
    results = pytester.path / "run" / "allure-results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        pytester.runpytest_subprocess("--alluredir", str(results), "-p", "no:cacheprovider")
    try:
        page = build_report(results, pytester.path / "run" / "allure-report")
    except ReportError as error:
        pytest.skip(f"the Allure report cannot be built here: {error}")
    handler = functools.partial(Quiet, directory=str(page.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = json.loads(next(results.glob("*-result.json")).read_text())
        # Allure 3 makes a test's address from the result's uuid.
        place = hashlib.md5(result["uuid"].encode(), usedforsecurity=False).hexdigest()
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html#{place}"
        server.shutdown()


def test_the_difference_is_seen_in_allure(address: str, open_page: Callable[..., Any]) -> None:
    """Inline without a click; the page of tabs and the native viewer after one."""
    page = open_page(address)
    page.wait_for_selector("text=ssd: Match rate")
    inline = page.frame_locator("iframe").first.locator(
        "img[alt='street.png: parent, optimized, diff']"
    )
    inline.wait_for()
    panes = page.get_by_text("Parent | Optimized | Diff", exact=True).first
    if not panes.is_visible():  # Allure opens the step of a changed image by itself
        page.get_by_text("1. street.png: 1 lost").click()
    panes.click()
    frame = page.frame_locator("iframe").nth(1)
    frame.get_by_text("Matches").click()
    listed = frame.locator("tr.lost td").all_inner_texts()
    page.get_by_text("Image diff (expected").click()
    page.get_by_text("Side by side").wait_for()

    assert inline.evaluate("e => e.naturalWidth") > 500
    assert listed == ["lost", "car", "0.700", "–", "–", "–"]


def test_the_report_has_no_analytics(address: str, browser: Any) -> None:
    """Opening it asks the server that holds it, and nobody else."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("text=ssd: Match rate")
    page.wait_for_timeout(500)
    context.close()

    own = address.split("/index.html", maxsplit=1)[0]
    assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []
