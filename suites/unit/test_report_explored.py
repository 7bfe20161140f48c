"""Explored settings: kept and read back, the plot, the best within a latency, the page."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from quantgate.engine.explore import Figures, Point, Setting
from quantgate.pipeline.exploration import as_explored, keep_point, kept_points
from quantgate.report.html.exploration import (
    exploration_chart,
    exploration_table,
    sweet_spot,
)
from quantgate.report.publish import write_exploration

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.pair import Role
    from quantgate.report.performance import Explored


def point(streams: int, rate: float, p90_ms: float) -> Point:
    """Measure a point by hand: the parent at half the rate and twice the latency."""
    figures: dict[Role, Figures] = {
        "parent": Figures(rate / 2, rate * 0.45, rate * 0.55, p90_ms * 1.9e6, p90_ms * 2e6),
        "optimized": Figures(rate, rate * 0.9, rate * 1.1, p90_ms * 0.9e6, p90_ms * 1e6),
    }
    return Point(Setting("throughput", streams, None, 1), figures)


FAILED = Point(Setting("latency", 64, None, 1), {}, "does not compile")
POINTS = (point(1, 100, 10), point(2, 150, 14), point(4, 180, 40), FAILED)


@pytest.fixture
def explored() -> list[Explored]:
    """Both roles of all points, as reports show them."""
    return as_explored("ssd", POINTS)


def test_points_are_kept_and_read_back(tmp_path: Path) -> None:
    """Those of the same pair only; a line that was cut off is left out."""
    path = tmp_path / "explore-ssd.jsonl"
    keep_point(path, ["a", "b"], POINTS[0])
    keep_point(path, ["a", "other"], POINTS[1])
    with path.open("a") as file:
        file.write('{"of": ["a", "b"], "poi')

    assert kept_points(path, ["a", "b"]) == [POINTS[0]]
    assert kept_points(tmp_path / "none.jsonl", ["a", "b"]) == []


def test_the_sweet_spot_keeps_within_the_latency(explored: list[Explored]) -> None:
    """The fastest is not the fastest within 15 ms; a setting that failed is never chosen."""
    optimized = [one for one in explored if one.role == "optimized"]

    fastest, within = sweet_spot(optimized), sweet_spot(optimized, 15e6)
    assert (fastest and fastest.rate_per_s, within and within.rate_per_s) == (180, 150)
    assert sweet_spot(optimized, 1e6) is None


def test_every_measured_point_is_drawn(explored: list[Explored]) -> None:
    """Squares and circles, faster is higher, slower is further right; one ring a role."""
    chart = exploration_chart(explored, 15e6)

    circles = re.findall(r'<circle class="optimized" cx="([\d.]+)" cy="([\d.]+)"', chart)
    across, down = ([float(value) for value in axis] for axis in zip(*circles, strict=True))
    assert across == sorted(across)
    assert down == sorted(down, reverse=True)
    assert chart.count('<rect class="parent"') == 3
    assert chart.count('class="best"') == 1  # no setting of the parent answers within 15 ms
    assert "within 15.0 ms" in chart
    assert not exploration_chart(as_explored("ssd", [FAILED]))


def test_the_table_holds_what_failed_too(explored: list[Explored]) -> None:
    """With the reason, and no numbers."""
    table = exploration_table(explored)

    assert len(table.rows) == 8
    assert table.rows[-1] == (FAILED.setting.key, "optimized", *(None,) * 5, "does not compile")


def test_the_page_stands_alone(tmp_path: Path, explored: list[Explored], evil: str) -> None:
    """Plot, lines to paste, every point, and CSV and JSON beside it; names are text."""
    page = tmp_path / "explore-ssd.html"
    write_exploration(page, evil, explored, 15e6)
    text = page.read_text("utf-8")

    assert "The fastest within 15.0 ms" in text
    assert "streams = 2" in text
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
    document = json.loads((tmp_path / "explore-ssd" / "exploration.json").read_text("utf-8"))
    assert len(document["rows"]) == 8


def test_a_latency_that_nothing_keeps_is_said(tmp_path: Path, explored: list[Explored]) -> None:
    """Rather than the fastest setting in its place."""
    page = tmp_path / "explore-ssd.html"
    write_exploration(page, "ssd", explored, 1e6)

    assert "No setting answers within 1.00 ms at p90." in page.read_text("utf-8")
