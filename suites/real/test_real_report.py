"""What one gate run over all real models leaves to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suites.real.work import RealRun


def test_every_declared_limit_was_judged(gated: RealRun) -> None:
    """No model broke, none was skipped: each limit has a verdict and a line on the terminal."""
    lines = gated.said.splitlines()

    assert not [line for line in lines if line.startswith("BROKEN")], gated.said
    for model, key in gated.verdicts:
        assert any(model in line and key in line for line in lines), (model, key)


def test_the_page_shows_every_model_and_the_worst_images(gated: RealRun) -> None:
    """The report holds each model by name and pictures of what the broken one lost."""
    latest = gated.folder / "reports" / "latest"
    page = (latest / "index.html").read_text("utf-8")

    assert all(model in page for model, _ in gated.verdicts)
    assert list((latest / "pictures").rglob("*yolox-nano*"))
