"""What Allure is told of a run: changed images without green ticks, skipped gates in their model's place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

URL = f'source = {{ url = "https://models.invalid/a.onnx", sha256 = "{"a" * 64}" }}'
LIMITS = "limits = { min_agreement = 0.9999, max_size_ratio = 0.9 }\n"


def documents(ran: Ran, kind: str) -> list[dict[str, Any]]:
    """Read Allure's files of a kind."""
    folder = ran.latest / "allure-results"
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob(f"*-{kind}.json"))]


def steps_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """List all steps, those within steps too."""
    own = found.get("steps", [])
    return [*own, *(inner for step in own for inner in steps_of(step))]


def test_images_that_changed_have_no_green_tick(
    world: World, project: Callable[[str], Path]
) -> None:
    """A failed gate's images fail with it; a met limit's images are neither; fixtures are the gates' own."""
    manifest = world.shifted(tiny.MANIFEST + LIMITS)  # on every stack something changes
    ran = world.gate(project(manifest))

    results = documents(ran, "result")
    pictures = {
        result["name"]: [s for s in result.get("steps", []) if s["name"].split(".")[0].isdigit()]
        for result in results
    }
    failed = pictures["tiny: Agreement"]
    assert failed, ran.said
    inner = [*failed, *(one for step in failed for one in steps_of(step))]
    assert {step["status"] for step in inner} == {"failed"}
    assert {step["status"] for steps in pictures.values() for step in steps} <= {
        "failed",
        "skipped",
    }
    fixtures = [
        one["name"]
        for container in documents(ran, "container")
        for one in (*container.get("befores", []), *container.get("afters", []))
    ]
    assert "artifacts" in fixtures
    assert "pytestconfig" not in fixtures
    assert not [name for name in fixtures if "<lambda>" in name]


def test_skipped_and_broken_gates_stand_in_their_models_place(
    world: World, project: Callable[[str], Path]
) -> None:
    """Epic, model and kind of limit as for a judged gate, whatever kept it from being judged."""
    absent = tiny.MANIFEST.replace('source = "parent.xml"', URL)
    broken = tiny.MANIFEST.partition("[models.tiny]")[2].replace("calibration", "damaged")
    folder = project(
        f"{absent}{LIMITS}[models.broken]{broken}{LIMITS}"
        '[datasets.damaged]\nkind = "imagenet"\npath = "damaged"\n'
    )
    for label in ("0", "1"):
        (folder / "damaged" / label).mkdir(parents=True)
        (folder / "damaged" / label / "a.png").write_bytes(b"no image")

    ran = world.gate(folder)

    seen = {}
    for result in documents(ran, "result"):
        labels = {label["name"]: label["value"] for label in result["labels"]}
        seen[labels.get("feature"), labels.get("gate")] = result["status"]
        assert labels["epic"] == "INT8 gates"
        assert result["name"].startswith(f"{labels['feature']}: ")
    gates = ("integrity", "min_agreement", "max_size_ratio")
    assert seen == {
        **{("tiny", gate): "skipped" for gate in gates},
        **{("broken", gate): "broken" for gate in gates},
    }, ran.said
