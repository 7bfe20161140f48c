"""Chromium for the tests of the page; skipped with the reason where there is none."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Debian's Chromium once."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = os.environ.get("QUANTGATE_CHROMIUM") or shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium: install the package chromium, or set QUANTGATE_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address; every error of a script fails the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def opened(address: str, **options: Any) -> Any:
        # The page forbids eval, on which the test driver's waiting for conditions rests.
        context = browser.new_context(
            viewport={"width": 1300, "height": 1000}, bypass_csp=True, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []
