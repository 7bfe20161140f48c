"""Calibrations on several draws: luck with one draw does not make a gate green, and the spread is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2

from suites.e2e.tiny import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

ONE_DRAW = 'calibrate = { dataset = "calibration", subset = 100 }'
LIMIT = "[models.tiny.limits]\nmin_agreement = 0.9\nmax_size_ratio = 1.0\n"


def mixed(folder: Path) -> None:
    """Half of the calibration pictures are nearly flat: what is drawn of them decides."""
    target = folder / "mixed"
    target.mkdir()
    for number, path in enumerate(sorted((folder / "calibration").rglob("*.png"))[:40]):
        image = cv2.imread(str(path))
        assert image is not None
        cv2.imwrite(str(target / f"{number:02d}.png"), image if number % 2 else 116 + image // 32)


def manifest(calibrate: str) -> str:
    """Calibrate on one of the mixed pictures."""
    text = MANIFEST.replace(
        ONE_DRAW, f'calibrate = {{ dataset = "mixed", subset = 1, {calibrate} }}'
    )
    return f'{text}{LIMIT}\n[datasets.mixed]\nkind = "folder"\npath = "mixed"\n'


def test_luck_with_one_draw_is_seen(world: World, project: Callable[[str], Path]) -> None:
    """Green on the draw of one seed, red where four are judged by the worst; page and record show all."""
    folder = project("")
    mixed(folder)
    (folder / "models.toml").write_text(manifest("repeats = 4"), encoding="utf-8")
    ran = world.gate(folder)
    assert ran.status == 1, ran.said
    verdict = ran.verdicts["tiny", "min_agreement"]
    draws = verdict["draws"]
    assert list(draws) == ["0", "1", "2", "3"]
    assert verdict["value"] == min(draws.values()) < 0.9 <= max(draws.values())
    assert "The worst of 4 calibrations: " in ran.said
    assert "Which images are drawn decides" in ran.said
    assert "The same in all 4 calibrations." in ran.said
    assert "The worst of 4 calibrations: " in (ran.latest / "index.html").read_text("utf-8")
    facts = json.loads((ran.latest / "run.json").read_text("utf-8"))["models"][0]["facts"]
    assert ["calibrations", "seeds 0, 1, 2, 3"] in facts
    lucky = max(draws, key=draws.get)
    (folder / "models.toml").write_text(manifest(f"seed = {lucky}"), encoding="utf-8")
    alone = world.gate(folder)
    assert alone.status == 0, alone.said
    assert alone.verdicts["tiny", "min_agreement"]["value"] == draws[lucky]
    assert alone.verdicts["tiny", "min_agreement"]["draws"] == {}


def test_limits_are_suggested_from_every_draw(world: World, project: Callable[[str], Path]) -> None:
    """What is suggested covers the worst of the draws, and says on how many it rests."""
    folder = project("")
    mixed(folder)
    (folder / "models.toml").write_text(manifest("repeats = 4"), encoding="utf-8")
    said = world.run(folder, "-m", "quantgate", "suggest", "tiny", "--runs", "1").said
    line = next(
        line for line in said.splitlines() if line.startswith(("min_agreement", "# min_agree"))
    )
    assert "in 4 runs" in line, said


def test_draws_that_are_all_the_same_are_refused(
    world: World, project: Callable[[str], Path]
) -> None:
    """Repeats of a draw that takes every image would prove nothing: said in one sentence."""
    recipe = 'calibrate = { dataset = "calibration", subset = 5000, repeats = 3 }'
    ran = world.gate(project(MANIFEST.replace(ONE_DRAW, recipe) + LIMIT))
    assert ran.status == 1
    assert "every draw is the same; set a smaller calibrate.subset" in ran.said


def test_augmented_copies_are_in_the_evidence(world: World, project: Callable[[str], Path]) -> None:
    """The page lists each copy by what was done to it, and the model is another one."""
    recipe = 'calibrate = { dataset = "calibration", subset = 4, augment = ["flip", "noise"] }'
    ran = world.gate(project(MANIFEST.replace(ONE_DRAW, recipe) + LIMIT))
    model = json.loads((ran.latest / "run.json").read_text("utf-8"))["models"][0]
    assert len(model["calibration"]) == 12
    assert sum(name.endswith(" (noise)") for name in model["calibration"]) == 4
    plain = world.gate(
        project(MANIFEST.replace(ONE_DRAW, recipe.split(", augment", maxsplit=1)[0] + " }") + LIMIT)
    )
    other = json.loads((plain.latest / "run.json").read_text("utf-8"))["models"][0]
    assert dict(other["digests"])["optimized"] != dict(model["digests"])["optimized"]
