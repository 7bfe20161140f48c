from __future__ import annotations

import csv
import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.explained import Loss
from quantgate.core.remedy import Point, Reading, Remedy, Tried
from quantgate.report.codec import decode, encode
from quantgate.report.html.pareto_chart import legend, pareto_chart
from quantgate.report.publish import write_remedy
from quantgate.report.words.remedy import headline, lines, sentences, told

if TYPE_CHECKING:
    from pathlib import Path

WINNER = Point(
    "mixed preset",
    "winner",
    Estimate(0.008, 0.001, 0.015, 89),
    {"parent_f32": Estimate(1.15, 1.12, 1.18, 20, of="rounds")},
    0.28,
    0.99,
    {"max_accuracy_drop": Estimate(0.008, 0.001, 0.015, 89)},
    lines='[models.m.calibrate]\ndataset = "d"\npreset = "mixed"\n',
    need=0.4,
    optimal=True,
)
PARENT = Point(
    "the parent in bf16",
    "parent",
    Estimate.exact(0.0, 89),
    {"parent_f32": Estimate(1.4, 1.38, 1.42, 20, of="rounds")},
    1.0,
)
TRIED = Tried(
    "as declared", 0, Reading(8, Loss(0.1, None, 0.2), {"max_accuracy_drop": 0.1}, 1.0), 5.0
)
REMEDY = Remedy(
    model="m",
    of="drop of AP@[.5:.95]",
    calibrated_on=30,
    chosen_on=30,
    judged_on=89,
    points=(WINNER, replace(PARENT, speedups={"parent_f32": Estimate.exact(0.9)})),
    tried=(TRIED,),
    limits={"max_accuracy_drop": 0.02},
    machine="2026-01-01 on a processor",
)
MISSING = replace(WINNER, missed=("max_accuracy_drop",))
OTHER = replace(WINNER, title="as declared", role="finalist")

HEADLINES = {
    "met": (REMEDY, "“mixed preset” meets every limit"),
    "nothing helps": (
        replace(REMEDY, points=(MISSING,)),
        "no recipe that was judged meets every limit; the best is “mixed preset”, which misses max_accuracy_drop",
    ),
    "undecided": (
        replace(REMEDY, points=(replace(WINNER, undecided=("min_speedup",)),)),
        "“mixed preset” misses no limit, and min_speedup is not decided",
    ),
    "deploy the parent": (
        replace(REMEDY, points=(WINNER, PARENT)),
        "“mixed preset” meets every limit; the parent in bf16 is faster still: deploy the parent",
    ),
    "no time": (replace(REMEDY, points=()), "no recipe was found"),
}


@pytest.mark.parametrize("case", HEADLINES)
def test_the_answer_is_one_sentence(case: str) -> None:
    """What to do, also where nothing helps, nothing is decided, or the parent is the better model."""
    found, expected = HEADLINES[case]

    assert headline(found) == expected


def test_a_faster_parent_that_misses_a_limit_is_not_proposed() -> None:
    """Deploying the parent has to meet the limits as well."""
    slow = replace(PARENT, missed=("min_native_speedup",))

    assert "deploy" not in headline(replace(REMEDY, points=(WINNER, slow)))


def test_choosing_on_the_images_that_judge_is_called_so() -> None:
    """A finalist that meets what the winner misses is named, with what it would mean to take it."""
    said = " ".join(sentences(replace(REMEDY, points=(MISSING, OTHER), notes=("time was over",))))

    assert "the 89 evaluation images were opened once, after the choice" in said
    assert (
        "“as declared” meets every limit on the evaluation images; to take it is to choose on"
        in said
    )
    assert said.endswith("Time was over.")


def test_the_lines_say_where_they_come_from() -> None:
    """Day, machine, images and what was measured stand above what is pasted."""
    text = lines(REMEDY)

    assert tomllib.loads(text)["models"]["m"]["calibrate"] == {"dataset": "d", "preset": "mixed"}
    assert (
        "2026-01-01 on a processor: chosen on 30 images of calibration, judged once on 89" in text
    )
    assert "# max_accuracy_drop: 0.008 [0.001, 0.015], limit 0.02" in text


def test_everything_is_in_the_files(tmp_path: Path) -> None:
    """Page, tables, lines and the whole as JSON, from which it is the same again."""
    write_remedy(tmp_path / "remedy-m.html", REMEDY)

    folder = tmp_path / "remedy-m"
    with (folder / "tried.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["Tried"] == "as declared"
    assert row["Part of the Limit"] == "5.0"
    assert decode(Remedy, json.loads((folder / "remedy.json").read_text("utf-8"))) == REMEDY
    assert decode(Remedy, encode(REMEDY)) == REMEDY
    assert (folder / "models.toml").read_text("utf-8") == lines(REMEDY)
    assert "“mixed preset” meets every limit" in (tmp_path / "remedy-m.html").read_text("utf-8")
    assert any("→ mixed preset" in line and "1.15×" in line for line in told(REMEDY))


def test_the_chart_shows_every_point_with_its_interval() -> None:
    """Points are numbered as the legend lists them, the front has a ring, limits a line; names stay text."""
    hostile = replace(WINNER, title="<b>&", role="finalist", optimal=False)
    told = replace(
        REMEDY,
        points=(WINNER, hostile, PARENT),
        tried=(TRIED, replace(TRIED, reading=replace(TRIED.reading, images=30))),
        limits={"max_accuracy_drop": 0.02, "min_speedup": 1.1},
    )

    drawn = pareto_chart(told)
    root = ET.fromstring(drawn)
    marks = [one for one in root if one.tag == "g"]

    assert legend(told) == [
        ("winner", 1, "mixed preset"),
        ("finalist", 2, "<b>&"),
        ("parent", 3, "the parent in bf16"),
    ]
    assert sorted(one.findtext("text", "") for one in marks) == ["1", "2", "3"]
    assert [one.get("class") for one in marks if "front" in one.get("class", "")] == [
        "winner front"
    ]
    assert len([one for one in root if one.get("class") == "lim" and one.tag == "line"]) == 2
    assert len([one for one in root if one.get("class") == "tried"]) == 1
    assert "<b>" not in drawn
    numbers = [one.text for one in root if one.tag == "text" and one.get("text-anchor") == "end"]
    assert {"0.000", "0.010"} <= set(numbers), "an axis without round values"


def test_nothing_measured_draws_nothing() -> None:
    """An empty chart is none."""
    assert pareto_chart(replace(REMEDY, points=())) == ""
