from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny
from suites.e2e.tiny import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

LIMITS = """licence = "MIT"
[models.tiny.limits]
max_accuracy_drop = 0.05
max_accuracy_drop_to_baseline = 0.005
min_agreement_to_baseline = 0.98
"""


@pytest.fixture
def released(world: World, project: Callable[[str], Path]) -> Path:
    """A user's folder with a released model, quantized as well as it can be."""
    if not (world.root / "released.xml").exists():
        tiny.quantized(world.root, "released", tiny.build(world.weights))
    return project(f'{MANIFEST}baseline = "released.xml"\n{LIMITS}')


def worse(world: World, manifest: Path) -> None:
    """Let a model that is a little worse than the released one stand for a worse recipe."""
    if not (world.root / "worse.xml").exists():
        tiny.quantized(world.root, "worse", tiny.build(world.weights, shift=0.35))
    if not (manifest.parent / "worse.xml").exists():
        for name in ("worse.xml", "worse.bin"):
            (manifest.parent / name).symlink_to(world.root / name)
    recipe = 'calibrate = { dataset = "calibration", subset = 100 }'
    text = manifest.read_text("utf-8")
    assert recipe in text
    manifest.write_text(text.replace(recipe, 'optimized = "worse.xml"'), encoding="utf-8")


def test_as_good_as_the_released_model_is_green(world: World, released: Path) -> None:
    """A model like the one in the field passes the limits to it, and the page shows both."""
    ran = world.gate(released)
    assert ran.status == 0, ran.said
    assert ran.outcomes["tiny", "min_agreement_to_baseline"] == "passed"
    assert ran.outcomes["tiny", "max_accuracy_drop_to_baseline"] == "passed"
    page = (ran.latest / "index.html").read_text("utf-8")
    assert "Against the baseline" in page
    told = json.loads((ran.latest / "run.json").read_text("utf-8"))["models"][0]["released"]
    titles = [column["title"] for table in told["tables"] for column in table["columns"]]
    assert any("aseline" in title for title in titles)
    assert not any("arent" in title for title in titles)
    assert sorted(path.name for path in (ran.latest / "tables" / "tiny" / "baseline").glob("*.csv"))


def test_worse_than_the_released_model_is_red(world: World, released: Path) -> None:
    """A planted worse recipe is green against its parent and red against the released model."""
    worse(world, released / "models.toml")
    ran = world.gate(released)
    assert ran.status == 1, ran.said
    assert ran.outcomes["tiny", "max_accuracy_drop"] == "passed"
    assert ran.outcomes["tiny", "min_agreement_to_baseline"] == "failed"
    assert "agreement to the baseline" in ran.said


def test_a_package_is_the_next_baseline(world: World, released: Path) -> None:
    """The folder of a package is the baseline of the next release, by its path alone."""
    world.gate(released)
    made = world.run(released, "-m", "quantgate", "package", "tiny", "--output", "old")
    assert made.status == 0, made.said
    manifest = released / "models.toml"
    text = manifest.read_text("utf-8").replace('baseline = "released.xml"', 'baseline = "old"')
    manifest.write_text(text, encoding="utf-8")
    ran = world.gate(released)
    assert ran.verdicts["tiny", "min_agreement_to_baseline"]["value"] == 1.0
    assert ran.status == 0, ran.said
    labels = released / "old" / "labels.txt"
    labels.write_text("x\n", encoding="utf-8")
    broken = world.gate(released)
    assert broken.status == 1
    assert "models.tiny.baseline" in broken.said
    assert "labels.txt has other content" in broken.said


def test_a_limit_to_a_baseline_needs_one(world: World, project: Callable[[str], Path]) -> None:
    """A limit that compares with nothing is an error of the manifest, before anything runs."""
    done = world.run(project(f"{MANIFEST}{LIMITS}"), "-m", "quantgate", "check", "models.toml")
    assert done.status == 4
    assert (
        "models.tiny.limits.min_agreement_to_baseline: needs a model to compare with: set "
        "models.tiny.baseline"
    ) in done.said


def test_a_baseline_that_is_not_there_is_said(world: World, project: Callable[[str], Path]) -> None:
    """A baseline that was moved away is named with its path."""
    text = f'{MANIFEST}baseline = "gone.xml"\n{LIMITS}'
    done = world.run(project(text), "-m", "quantgate", "check", "models.toml")
    assert done.status == 4
    assert "models.tiny.baseline: expected a file or folder, found nothing at " in done.said


def test_a_baseline_of_another_size_is_refused(world: World, released: Path) -> None:
    """What takes another input cannot be judged on the same images: said in one sentence."""
    import numpy as np
    import openvino as ov

    ops = tiny.operations()
    image = ops.parameter([1, 16, 16, 3], np.uint8, name="image")
    flat = ops.reshape(ops.convert(image, "f32"), np.array([1, -1]), special_zero=False)
    weights = ops.constant(np.zeros((768, 10), np.float32))
    scores = ops.softmax(ops.matmul(flat, weights, False, False), axis=1)
    scores.output(0).set_names({"scores"})
    ov.save_model(ov.Model([scores], [image]), released / "small.xml")
    manifest = released / "models.toml"
    text = manifest.read_text("utf-8").replace("released.xml", "small.xml")
    manifest.write_text(text, encoding="utf-8")
    ran = world.gate(released)
    assert ran.status == 1
    assert "the models to compare take inputs of " in ran.said, ran.said
    assert "[1,16,16,3]" in ran.said


def test_only_what_changed_is_judged(world: World, released: Path) -> None:
    """In a repository the gates of unchanged models are left out by name, and fail nothing."""
    somebody = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    git = ("git", *somebody)
    (released / ".gitignore").write_text("reports\n", encoding="utf-8")
    # The images are links to files that git does not track, written a moment ago.
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    environment = {**os.environ, "GIT_COMMITTER_DATE": later.isoformat()}
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=released, check=True, env=environment)
    ran = world.gate(released, "--changed-since", "HEAD")
    assert ran.status == 0, ran.said
    assert "unchanged since HEAD, not judged: tiny" in ran.said
    manifest = released / "models.toml"
    manifest.write_text(manifest.read_text("utf-8").replace("0.98", "0.97"), encoding="utf-8")
    ran = world.gate(released, "--changed-since", "HEAD", "--collect-only", "-q")
    assert "test_agreement_to_baseline[tiny]" in ran.said
