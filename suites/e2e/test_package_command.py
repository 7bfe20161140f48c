from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from suites.e2e import alone
from suites.e2e.tiny import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

GREEN = f'{MANIFEST}licence = "MIT"\n[models.tiny.limits]\nmin_agreement = 0.9\n'


@pytest.fixture
def package(world: World, project: Callable[[str], Path]) -> Callable[..., Ran]:
    """Gate a manifest as a user would, then package its model."""

    def make(manifest: str, *options: str, then: str = "") -> Ran:
        folder = project(manifest)
        world.gate(folder)
        if then:
            (folder / "models.toml").write_text(then, encoding="utf-8")
        return world.run(folder, "-m", "quantgate", "package", "tiny", *options)

    return make


def test_a_green_model_becomes_a_package(world: World, package: Callable[..., Ran]) -> None:
    """What is judged green is packaged, checked, and predicts alone as it did when it was judged."""
    made = package(GREEN)
    assert made.status == 0, made.said
    assert "packages/tiny: " in made.said
    folder = made.folder / "packages" / "tiny"
    checked = world.run(made.folder, "-m", "quantgate", "verify", str(folder))
    assert checked.status == 0, checked.said
    assert "tiny: gate PASSED in run " in checked.said
    (metric, *_) = json.loads((folder / "model_card.json").read_text("utf-8"))["metrics"]
    assert metric["intervals"]["optimized"][0] < metric["optimized"]
    assert "95 % intervals" in (folder / "model_card.md").read_text("utf-8")
    images = sorted((made.folder / "evaluation").rglob("*.png"))[::60]
    found = alone.predictions(folder, images)
    expected = alone.judged(made.folder / "models.toml", "tiny", world.root / "store", images)
    np.testing.assert_equal(found, expected)
    assert len({int(one["scores"].argmax()) for one in found}) > 3
    again = world.run(made.folder, "-m", "quantgate", "verify", str(folder))
    assert again.status == 0, again.said


def test_predict_speaks_json(world: World, package: Callable[..., Ran]) -> None:
    """On the command line each image is one line of JSON, and its arrays go into a folder."""
    folder = package(GREEN).folder
    image = min((folder / "evaluation" / "7").glob("*.png"))
    done = world.run(folder, "packages/tiny/predict.py", str(image), "--output", "arrays")
    line = json.loads(done.said)
    best = line["classes"][0]
    assert (line["image"], len(line["classes"])) == (str(image), 5)
    assert best["label"] == str(best["class"])
    kept = np.load(folder / "arrays" / line["file"])["scores"]
    assert kept.argmax() == best["class"]
    assert kept.max() == pytest.approx(best["score"])


def test_verify_names_what_was_changed(world: World, package: Callable[..., Ran]) -> None:
    """A package that somebody edited is refused with exit status 1, by the file's name."""
    folder = package(GREEN).folder
    path = folder / "packages" / "tiny" / "settings.json"
    path.write_text(path.read_text("utf-8").replace('"u8"', '"u9"'), encoding="utf-8")
    done = world.run(folder, "-m", "quantgate", "verify", "packages/tiny")
    assert done.status == 1
    assert "packages/tiny is not as it was packaged: settings.json has other" in done.said


def test_verify_needs_neither_nncf_nor_openvino(world: World, package: Callable[..., Ran]) -> None:
    """Packages are checked where no model can be built or run."""
    folder = package(GREEN).folder
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['nncf', 'openvino', 'pydantic'])); "
        "from quantgate.cli import main; sys.exit(main(['verify', 'packages/tiny']))"
    )
    done = world.run(folder, "-c", code)
    assert done.status == 0, done.said


def test_a_red_model_needs_force(world: World, package: Callable[..., Ran]) -> None:
    """What is not green is refused; by force it is packaged, and its certificate says so."""
    red = world.shifted(GREEN)
    refused = package(red)
    assert refused.status == 1
    assert "the gate of tiny is not green in run " in refused.said
    assert "1 failed" in refused.said
    assert not (refused.folder / "packages").exists()
    forced = world.run(refused.folder, "-m", "quantgate", "package", "tiny", "--force")
    assert forced.status == 0, forced.said
    folder = refused.folder / "packages" / "tiny"
    gate = json.loads((folder / "certificate.json").read_text("utf-8"))["predicate"]["gate"]
    assert (gate["result"], gate["green"], gate["forced"]) == ("FAILED", False, True)
    assert "Packaged by force." in (folder / "model_card.md").read_text("utf-8")
    checked = world.run(refused.folder, "-m", "quantgate", "verify", "packages/tiny")
    assert "NOT GREEN: it was packaged by force" in checked.said


def test_a_limit_that_was_not_judged_is_not_green(
    world: World, project: Callable[[str], Path]
) -> None:
    """A run that left out one of the model's gates is no ground for a package."""
    folder = project(GREEN)
    world.gate(folder, "-k", "integrity")
    done = world.run(folder, "-m", "quantgate", "package", "tiny")
    assert done.status == 1
    assert "not judged: min_agreement" in done.said


def test_an_entry_that_changed_is_judged_again_first(package: Callable[..., Ran]) -> None:
    """The certificate speaks of the model as it was judged, not as models.toml says now."""
    done = package(GREEN, then=GREEN.replace("min_agreement = 0.9", "min_agreement = 0.91"))
    assert done.status == 1
    assert "models.tiny is not as run " in done.said
    assert "run quantgate gate again" in done.said


def test_an_unknown_licence_needs_consent(world: World, package: Callable[..., Ran]) -> None:
    """Nobody knows what may be done with these weights: that is said, and may be accepted."""
    refused = package(GREEN.replace('licence = "MIT"\n', ""))
    assert refused.status == 1
    assert "the licence of tiny is unknown (unknown), according to nobody" in refused.said
    accepted = world.run(refused.folder, "-m", "quantgate", "package", "tiny", "--accept-licence")
    assert accepted.status == 0, accepted.said
    assert "licence accepted: the licence of tiny is unknown" in accepted.said


def test_without_a_run_there_is_no_package(world: World, project: Callable[[str], Path]) -> None:
    """A model that was never judged is not packaged; the message says what to do."""
    done = world.run(project(GREEN), "-m", "quantgate", "package", "tiny")
    assert done.status == 1
    assert "cannot read the run" in done.said


def test_every_report_says_where_the_int8_model_lies_and_how_to_load_it(
    world: World, project: Callable[[str], Path]
) -> None:
    """Terminal, page, summary and Allure name the IR, and the line that loads it does so."""
    import openvino

    ran = world.gate(project(GREEN))
    lines = dict(
        line.split("  ", 1) for line in ran.said.splitlines() if line[:4] in {"INT8", "load"}
    )
    path = lines["INT8"].split()[-1]
    loaded = eval(lines["load"], {"openvino": openvino, "PATH": path})  # noqa: S307 - our own line
    assert loaded.input(0).get_element_type().get_type_name() == "u8"
    assert loaded.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    summary = (ran.latest / "summary.md").read_text("utf-8")
    (kept,) = ran.latest.rglob("environment.properties")
    for told in (html.unescape((ran.latest / "index.html").read_text("utf-8")), summary):
        assert path in told
        assert "compile_model(" in told
    assert f"int8.tiny=openvino.Core().compile_model('{path}'" in kept.read_text("utf-8")
