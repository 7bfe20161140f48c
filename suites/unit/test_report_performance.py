"""Compare performance: largest slowdown first, every figure with its interval, every table a file."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.layers import layer_table, type_table
from quantgate.core.profile import Layer
from quantgate.core.speed import latency_ns, latency_range_ns
from quantgate.core.timing import ArmFacts, ArmName, Conditions, Timing, Window
from quantgate.pair import Pair
from quantgate.report.html.charts import types_chart
from quantgate.report.html.page import render_page
from quantgate.report.html.performance_tables import arms_table, every_table
from quantgate.report.html.view_performance import performance_view
from quantgate.report.performance import TimedArm
from quantgate.report.publish import finish_run
from quantgate.report.words.numbers import interval
from quantgate.report.words.performance import slower_sentence
from suites.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_what_got_slower_is_named_first() -> None:
    """The inserted reorder, then the softmax; a layer joined over its fused parts is faster."""
    table = layer_table(PROFILES)

    assert [row[0] for row in table.rows] == ["reorder1", "softmax", "conv2", "conv1"]
    assert slower_sentence(table) == (
        "Slower than in the parent: reorder1 (Reorder, i8) 0 ns → 40.0 µs, softmax (Softmax, f32) "
        "20.0 µs → 25.0 µs; 45.0 µs in all. Total: 1.22 ms → 415 µs."
    )


def test_nothing_slower_is_said_too() -> None:
    """With the whole, so that the sentence is never empty."""
    same = Pair(PROFILES.parent, PROFILES.parent)

    assert slower_sentence(layer_table(same)).startswith("No layer is slower than in the parent.")


def test_types_are_summed_over_layers() -> None:
    """Both convolutions are one row: counts and times of both roles."""
    rows = {row[0]: row[1:] for row in type_table(PROFILES).rows}

    assert rows["Convolution"] == (2, 2, 1200.0, 300.0, -900.0, 4.0)
    assert rows["Reorder"] == (0, 1, None, 40.0, 40.0, None)


def test_the_longest_type_fills_the_chart() -> None:
    """Bars are in proportion, parent above optimized, the longest type first."""
    chart = types_chart(type_table(PROFILES))

    bars = re.findall(r'<rect class="(\w+)" x="150.0" y="[\d.]+" width="([\d.]+)"', chart)
    assert [role for role, _ in bars[:2]] == ["parent", "optimized"]
    assert float(bars[0][1]) == pytest.approx(4 * float(bars[1][1]), abs=0.5)
    assert chart.index("Convolution") < chart.index("Eltwise") < chart.index("Softmax")


def timing_of(latencies_ns: Sequence[tuple[int, ...]]) -> Timing:
    """Make a timing of one arm with these samples, a round each."""
    name: ArmName = "optimized"
    windows = tuple(
        Window(name, place, 0, 0, len(turn), sum(turn), 1.0, turn)
        for place, turn in enumerate(latencies_ns)
    )
    facts = ArmFacts(name, {"i8": 1}, (1,), (1,), 1, 1, 1)
    return Timing((facts,), windows, Conditions("CPU", "latency", 1, 1, 0, 50.0))


def test_a_percentile_has_an_interval_over_rounds() -> None:
    """It holds the value; rounds that are all the same leave it no width; no samples, no interval."""
    noisy = timing_of([(100, 110), (200, 220), (90, 95), (300, 310), (120, 125)])
    steady = timing_of([(100, 200)] * 5)

    low, high = latency_range_ns(noisy, "optimized", 50) or (0.0, 0.0)
    assert low < (latency_ns(noisy, "optimized", 50) or 0.0) < high
    assert latency_range_ns(steady, "optimized", 50) == (150.0, 150.0)
    assert latency_range_ns(timing_of([()]), "optimized", 50) is None


def test_every_figure_stands_with_its_interval(sample: Any) -> None:
    """The unit is said once; what was not measured is a dash."""
    arm = TimedArm(
        "optimized",
        "u8",
        412.0,
        2.3e6,
        rate_range_per_s=(400.0, 420.0),
        p50_range_ns=(2.2e6, 2.4e6),
    )
    model = dataclasses.replace(sample.report.models[0], arms=(arm,))

    view = performance_view(model, "m0", "tables/ssd")

    assert view is not None
    assert view.arms[0].cells[:3] == (
        ("412 /s", "[400, 420]"),
        ("2.30 ms", "[2.20, 2.40]"),
        ("–", ""),
    )


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        (("1.20×", "1.40×"), "[1.20, 1.40]"),
        (("6.4 dB", "6.9 dB"), "[6.4, 6.9] dB"),
        (("0.1", "0.2"), "[0.1, 0.2]"),
        (("900 µs", "1.20 ms"), "[900 µs, 1.20 ms]"),
    ],
)
def test_an_interval_says_its_unit_once(ends: tuple[str, str], text: str) -> None:
    """Unless the two ends have different ones."""
    assert interval(*ends) == text


def test_every_table_of_the_page_is_a_file(sample: Any) -> None:
    """As CSV and as JSON with a schema, each with all rows."""
    finish_run(sample.report, sample.directory)
    model = sample.report.models[0]

    folder = sample.directory / "tables" / "ssd"
    names = [table.name for table in every_table(model)]
    assert names == [
        "metrics", "performance", "speedups", "rounds", "executed-precision",
        "layer-types", "layers", "basic", "advanced",
    ]  # fmt: skip
    for table in every_table(model):
        rows = list(csv.reader((folder / f"{table.name}.csv").read_text("utf-8").splitlines()))
        document = json.loads((folder / f"{table.name}.json").read_text("utf-8"))
        assert len(rows) == len(table.rows) + 1
        assert (document["schema"], len(document["rows"])) == (1, len(table.rows))


def test_the_table_of_timed_models_has_a_cell_a_column() -> None:
    """Intervals that were not measured are empty cells."""
    table = arms_table((TimedArm("optimized", "u8", 412.0),))

    cells = dict(zip((column.key for column in table.columns), table.rows[0], strict=True))
    assert (cells["rate_per_s"], cells["rate_per_s_low"]) == (412.0, None)


def test_names_of_layers_are_text(sample: Any, evil: str) -> None:
    """A model can call its layers and types what it likes: in the chart, the sentence, the tables."""
    layer = Layer(evil, evil, "ref", "i8", 40_000, 0, (evil,))
    profiles = Pair(
        dataclasses.replace(PROFILES.parent, layers=()),
        dataclasses.replace(PROFILES.optimized, layers=(layer,)),
    )
    model = dataclasses.replace(
        sample.report.models[0], layers=layer_table(profiles), layer_types=type_table(profiles)
    )
    report = dataclasses.replace(sample.report, models=(model, sample.report.models[1]))

    page = render_page(report, sample.directory).html

    assert "<img src=x" not in page
    assert "&lt;img src=x" in types_chart(type_table(profiles))
    assert page.count("<script") == page.count("</script>")
