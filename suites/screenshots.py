"""Draw the pictures of the documentation anew: ``python -m suites.screenshots GREEN RED TREND``.

GREEN and RED are folders of runs, as `python -m suites.examples` or a gate leaves them; TREND is the page that `quantgate trend`
wrote. Each may be ``-`` and is left as it is then.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1200, 800


def overview(page: Page, run: Path) -> None:
    """Every model with what its limits say."""
    page.goto((run / "index.html").absolute().as_uri())
    page.locator(".row").first.wait_for()
    _shot(page, "page.png")


def answer(page: Page, run: Path) -> None:
    """The answer of a model that missed a limit, then its worst image in the viewer."""
    page.goto((run / "index.html").absolute().as_uri())
    page.locator(".row.failed h2 a").first.click()
    found = page.locator("#one .answer").first
    found.locator("ul li").first.wait_for()
    _shot(page, "answer.png")
    found.locator(".worst a").first.click()
    page.locator("#viewer .stage canvas").first.wait_for()
    page.wait_for_timeout(1000)  # the photograph fades in
    _shot(page, "worst.png")


def trend(page: Page, written: Path) -> None:
    """The series of a history."""
    page.goto(written.absolute().as_uri())
    page.locator("svg").first.wait_for()
    _shot(page, "trend.png")


def _shot(page: Page, name: str) -> None:
    """Keep what a page shows; a palette is enough for it, and a third of the bytes."""
    page.screenshot(path=IMAGES / name)
    with Image.open(IMAGES / name) as picture:
        picture.convert("RGB").quantize(256).save(IMAGES / name, optimize=True)


def main(*given: str) -> None:
    """Draw what is given."""
    chromium = os.environ.get("QUANTGATE_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for draw, name in zip((overview, answer, trend), given, strict=False):
            if name != "-":
                draw(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}), Path(name))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
