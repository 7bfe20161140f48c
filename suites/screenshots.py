"""Draw the pictures of the documentation anew: ``python -m suites.screenshots GREEN RED TREND``.

GREEN and RED are folders of runs, as `python -m suites.examples` or a gate leaves them; TREND is the page that `quantgate trend`
wrote. Each may be ``-`` and is left as it is then. What a page has to read and to click on is kept beside each picture, in
``faces.json``, as a run made by hand shows it: a test holds today's page against it, so that no picture outlives what it shows.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import ViewportSize

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FACES = IMAGES / "faces.json"
SIZE: ViewportSize = {"width": 1200, "height": 800}
#: Words and colours of what is visible; numbers, names and dates are the run's.
_FACE = """() => [...document.querySelectorAll("h1, h3, th, button, label, summary, legend, nav a")]
  .filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && box.height && box.top < innerHeight && box.bottom > 0;
  })
  .map((one) => {
    const style = getComputedStyle(one);
    const words = (one.textContent || one.getAttribute("aria-label") || "").trim();
    return [one.tagName.toLowerCase(), words.replace(/\\s+/g, " ").replace(/[\\d.,:−-]+/g, "#").slice(0, 60),
            style.color, style.backgroundColor].join(" | ");
  })"""


def overview(page: Any, run: Path) -> None:
    """Show every model with what its limits say."""
    page.goto((run / "index.html").absolute().as_uri())
    page.locator(".row").first.wait_for()


def answer(page: Any, run: Path) -> None:
    """Show the answer of a model that missed a limit."""
    overview(page, run)
    page.locator(".row.failed h2 a").first.click()
    page.locator("#one .answer").first.locator("ul li").first.wait_for()


def worst(page: Any, run: Path) -> None:
    """Show its worst image in the viewer."""
    answer(page, run)
    page.locator("#one .answer").first.locator(".worst a").first.click()
    page.locator("#viewer .stage canvas").first.wait_for()
    page.wait_for_timeout(1000)  # the photograph fades in


def trend(page: Any, written: Path) -> None:
    """Show the series of a history."""
    page.goto(written.absolute().as_uri())
    page.locator("svg").first.wait_for()


#: By picture: what leads to it, and which of the arguments it is of.
PICTURES: dict[str, tuple[Callable[[Any, Path], None], int]] = {
    "page.png": (overview, 0),
    "answer.png": (answer, 1),
    "worst.png": (worst, 1),
    "trend.png": (trend, 2),
}


def face(page: Any) -> list[str]:
    """List what is there to read and to click on: tag, words without numbers, colours."""
    found: list[str] = page.evaluate(_FACE)
    return found


def by_hand(folder: Path) -> tuple[Path, Path, Path]:
    """Write a run and a history that are made by hand, in the order of the arguments."""
    from quantgate.report.publish import finish_run
    from quantgate.report.trend.page import write_trend
    from suites.browser.test_trend_in_browser import made
    from suites.conftest import make_sample

    sample = make_sample(folder / "reports" / "run-1")
    run = finish_run(sample.report, sample.directory).parent
    write_trend(made(6), folder / "trend.html")
    return run, run, folder / "trend.html"


def _draw(page: Any, name: str) -> None:
    """Keep what a page shows; a palette is enough for it, and a third of the bytes."""
    page.screenshot(path=IMAGES / name)
    with Image.open(IMAGES / name) as picture:
        picture.convert("RGB").quantize(256).save(IMAGES / name, optimize=True)


def main(*given: str) -> None:
    """Draw what is given, and keep the faces of the pages."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("QUANTGATE_CHROMIUM") or shutil.which("chromium")
    faces = json.loads(FACES.read_text("utf-8")) if FACES.exists() else {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        own = by_hand(Path(folder))
        for name, (lead, of) in PICTURES.items():
            if given[of] == "-":
                continue
            page = browser.new_page(viewport=SIZE, bypass_csp=True)
            lead(page, Path(given[of]))
            _draw(page, name)
            lead(page, own[of])
            faces[name] = face(page)
        browser.close()
    FACES.write_text(json.dumps(faces, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
