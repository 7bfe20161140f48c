"""What other packages add through entry points is gated with, without a change to quantgate."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from suites.e2e.world import Ran, World

PACKAGE = Path(__file__).with_name("demo_plugin")
ENTRY_POINTS = """
[quantgate.decoders]
demo-scores = demo_plugin.decoder:DemoScores

[quantgate.tasks]
demo-top = demo_plugin.task

[quantgate.sources]
demo = demo_plugin.source:KIND

[quantgate.datasets]
demo-names = demo_plugin.dataset:KIND

[quantgate.limits]
max_confidence_loss = demo_plugin.limit:KIND

[quantgate.metrics]
top3 = demo_plugin.metric:METRIC
"""
DATASETS = """
[datasets.calibration]
kind = "imagenet"
path = "calibration"

[datasets.evaluation]
kind = "{kind}"
path = "evaluation"
"""
MODEL = """
[models.tiny]
task = "{task}"
source = {source}
decoder = "{decoder}"
preprocess = {{ size = [32, 32], mean = 120, scale = 60 }}
calibrate = {{ dataset = "calibration", subset = 100 }}
evaluate = {{ dataset = "evaluation"{metric} }}
limits = {{ {limits} }}
"""
PLAIN = {
    "kind": "imagenet",
    "task": "classification",
    "source": '"parent.xml"',
    "decoder": "class-scores",
    "metric": "",
    "limits": "max_accuracy_drop = 0.03",
}
OWN_TESTS = """
import numpy as np
import pytest
from quantgate.testing import assert_within, bootstrap_mean

def confidence(compared):
    scores = [image.record.optimized.score for image in compared.comparison.images]
    return bootstrap_mean(np.array(scores)).estimate

@pytest.mark.models(task="classification")
def test_confidence(comparison, optimized):
    assert optimized.path.exists()
    assert_within(confidence(comparison), at_least=0.3, what="confidence")

def test_missed(comparison):
    assert_within(confidence(comparison), at_least=2.0, what="confidence")
"""


def manifest(**changed: str) -> str:
    """Write a manifest of the tiny model."""
    return (DATASETS + MODEL).format(**{**PLAIN, **changed})


@pytest.fixture
def gated(
    world: World, project: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Ran]:
    """Install the demo package beside quantgate, and gate a manifest."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, site / "demo_plugin", ignore=shutil.ignore_patterns("__pycache__"))
    info = site / "demo_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)

    def gate(text: str, *, broken: str = "") -> Ran:
        if broken:
            (info / "entry_points.txt").write_text(broken)
        folder = project(text)
        environment = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
        return world.gate(folder, PYTHONPATH=environment)

    return gate


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"decoder": "demo-scores"}, "max_accuracy_drop"),
        ({"source": '{ demo = "parent" }'}, "max_accuracy_drop"),
        ({"kind": "demo-names"}, "max_accuracy_drop"),
        ({"metric": ', metric = "top3"'}, "max_accuracy_drop"),
        ({"limits": "max_confidence_loss = 0.1"}, "max_confidence_loss"),
        (
            {"task": "demo-top", "decoder": "demo-scores", "limits": "min_agreement = 0.9"},
            "min_agreement",
        ),
    ],
    ids=["decoder", "source", "dataset", "metric", "limit", "task"],
)
def test_what_another_package_brings_is_gated_with(
    gated: Callable[..., Ran], changed: dict[str, str], key: str
) -> None:
    """Each kind of addition gives a verdict with a number, on the page and in JSON as our own does."""
    ran = gated(manifest(**changed))

    assert ran.status == 0, ran.said
    assert ran.outcomes["tiny", key] == "passed"
    assert ran.verdicts["tiny", key]["n"] > 100


def test_a_limit_of_another_package_can_be_missed(gated: Callable[..., Ran], world: World) -> None:
    """A model that lost its confidence is red, and the verdict says what the package says to try."""
    lost = gated(world.shifted(manifest(limits="max_confidence_loss = 0.02")))

    assert lost.status == 1
    assert lost.outcomes["tiny", "max_confidence_loss"] == "failed"
    assert "calibrate on images like those that are judged" in lost.said.replace(
        "\n            ", " "
    )


def test_a_package_that_cannot_be_loaded_is_one_sentence(gated: Callable[..., Ran]) -> None:
    """The entry point, its group and the package are named."""
    ran = gated(manifest(), broken="[quantgate.decoders]\nlost = demo_plugin.nowhere:Lost\n")

    assert ran.status == 4
    assert "entry point 'lost' of quantgate.decoders (demo_plugin.nowhere:Lost)" in ran.said
    assert "Traceback" not in ran.said


def test_a_built_in_name_cannot_be_taken(gated: Callable[..., Ran]) -> None:
    """Nobody replaces a decoder behind a team's back."""
    ran = gated(manifest(), broken="[quantgate.decoders]\nssd = demo_plugin.decoder:DemoScores\n")

    assert ran.status == 4
    assert "has the name of a built-in one" in ran.said


def test_tests_of_ones_own_share_what_the_gates_computed(
    world: World, project: Callable[[str], Path]
) -> None:
    """A test that asks for a fixture runs once a model, and judges with the helper."""
    folder = project(manifest())
    (folder / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nquantgate_manifest = "models.toml"\n'
    )
    (folder / "test_own.py").write_text(OWN_TESTS)

    ran = world.run(folder, "-m", "pytest", "-v", "--no-header")
    strange = folder / "test_strange.py"
    strange.write_text("import pytest\n@pytest.mark.models('nobody')\ndef test(parent): ...\n")
    refused = world.run(folder, "-m", "pytest")

    assert ran.status == 1, ran.said
    assert "test_own.py::test_confidence[tiny] PASSED" in ran.said
    assert "confidence 0." in ran.said
    assert "expected at least 2" in ran.said
    assert "PASSED  tiny: accuracy drop" in ran.said
    assert "no model 'nobody' in the manifest" in refused.said


def test_an_installed_plugin_changes_nothing_elsewhere(world: World, tmp_path: Path) -> None:
    """Beside a models.toml and a package of its own called harness, plain pytest runs a repository's tests alone."""
    (tmp_path / "models.toml").write_text("[models]\n")
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("OURS = True\n")
    (tmp_path / "test_own.py").write_text("from harness import OURS\ndef test_own(): assert OURS\n")

    ran = world.run(tmp_path, "-m", "pytest", PYTHONPATH="")

    assert ran.status == 0, ran.said
    assert "1 passed" in ran.said
    assert "verdicts" not in ran.said
    assert not (tmp_path / "reports").exists()
