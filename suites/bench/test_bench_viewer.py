"""What the page of a run weighs and how quick it is: 6, 40 and 400 models of 500 images, in Chromium."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from quantgate.report.files import write_atomic
from quantgate.report.html.page import render_page
from quantgate.report.model import ModelReport
from quantgate.report.picture import ObjectChange, Picture, Seen
from suites.browser.conftest import browser, open_page
from suites.conftest import advanced_table, basic_table, make_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.report.picture import ChangeName

__all__ = ["browser", "open_page"]

IMAGES, SHOWN, OBJECTS = 500, 12, 10
MOST_ELEMENTS = 8000
#: Measured on two idle cores; a loaded machine takes its multiple.
INTERACTIVE_S, IMAGE_S, LOADED = 1.5, 0.2, 4.0
CHANGES: tuple[ChangeName, ...] = ("lost", "gained", "moved", "kept")


def changed(index: int) -> Picture:
    """Make an image on which ten objects changed, kept or lost, all in one photograph's file."""
    seen = [
        Seen((20.0 * i, 30.0, 20.0 * i + 40, 90.0), f"class {i % 7}", 0.9) for i in range(OBJECTS)
    ]
    kinds = [CHANGES[(index + i) % 4] for i in range(OBJECTS)]
    changes = tuple(
        ObjectChange(kind, None if kind == "gained" else one, None if kind == "lost" else one, 0.8)
        for kind, one in zip(kinds, seen, strict=True)
    )
    files = ("photographs/one.jpg", "photographs/one.jpg" if index < SHOWN else "")
    return Picture(
        f"img-{index:05d}.png", (640, 480), "objects", "3 lost", files[0], files[1], changes=changes
    )


def write_page(folder: Path, models: int) -> Path:
    """Write a run of as many models."""
    sample = make_sample(folder / "run")
    noise = Image.effect_noise((640, 480), 60).convert("RGB")
    (sample.directory / "photographs").mkdir()
    noise.save(sample.directory / "photographs" / "one.jpg", quality=60)
    names = tuple(f"img-{i:05d}.png" for i in range(IMAGES))
    tables = (basic_table(names), advanced_table(names, ("cat", "dog")))
    pictures = tuple(changed(i) for i in range(IMAGES))
    one = ModelReport("m", "detection", tables=tables, pictures=pictures)
    made = tuple(replace(one, id=f"model-{i:03d}") for i in range(models))
    judged = tuple(
        replace(item, verdict=replace(item.verdict, model=model.id))
        for model in made
        for item in sample.report.judged[:2]
    )
    report = replace(sample.report, models=made, judged=judged, problems=())
    page = render_page(report, sample.directory)
    for name, data in {"index.html": page.html.encode(), **page.beside}.items():
        write_atomic(sample.directory / name, data)
    return sample.directory / "index.html"


@pytest.mark.parametrize("models", [6, 40, 400])
def test_the_page_is_quick_however_many_models(
    tmp_path: Path,
    open_page: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    models: int,
) -> None:
    """Found by name, opened, first image painted: each within its time, and never too many elements."""
    started = time.perf_counter()
    page_file = write_page(tmp_path, models)
    written_s = time.perf_counter() - started
    started = time.perf_counter()
    page = open_page(page_file.as_uri())
    page.locator("[name=text]").fill(f"model-{models - 1:03d}")
    page.wait_for_function("document.querySelectorAll('.row:not([hidden])').length === 1")
    interactive_s = time.perf_counter() - started
    page.locator(".row:visible h2 a").click()
    page.locator(".shot .enlarge").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.shot img').length >= 12")
    elements = page.evaluate("document.querySelectorAll('*').length")
    image_s = page.evaluate(PAINTED) / 1000
    page.keyboard.press("Escape")
    for _ in range(9):
        page.locator(".more:visible").click()
    elements = max(elements, page.evaluate("document.querySelectorAll('*').length"))
    with capsys.disabled():
        print(
            f"\n{models} models: page {page_file.stat().st_size / 1e6:.1f} MB, written in {written_s:.1f} s, "
            f"interactive {interactive_s:.2f} s, first image {image_s * 1000:.0f} ms, {elements} elements"
        )

    assert elements <= MOST_ELEMENTS
    assert interactive_s < INTERACTIVE_S * LOADED
    assert image_s < IMAGE_S * LOADED


#: Click the first image and wait until its photograph is on the canvas; milliseconds.
PAINTED = """() => new Promise((done) => {
  const began = performance.now();
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...all) {
    draw.apply(this, all);
    CanvasRenderingContext2D.prototype.drawImage = draw;
    requestAnimationFrame(() => done(performance.now() - began));
  };
  document.querySelector(".shot .enlarge").click();
})"""
