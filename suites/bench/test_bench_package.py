"""Whether a package predicts what its gate judged, where there is neither quantgate nor a network.

Every built-in model, and with QUANTGATE_REAL real ones of every task, is gated and packaged as a user would. Its
``predict.py`` runs in an environment that holds the package's requirements and nothing else, and has to give
the harness's own classes, masks and maps, and boxes within 1e-4. Then 200 random bytes are changed in
the packages, and ``verify`` has to name each file. QUANTGATE_BENCH_PACKAGE names some of the models.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.errors import PackageError
from quantgate.package.verify import verify
from quantgate.store import store_root
from suites.e2e import alone
from suites.real.work import MANIFEST, TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
BUILT_IN = (
    "digits-mobilenet-v2",
    "digits-ssd-mobilenet-v2",
    "digits-yolo-v4-tiny",
    "digits-instance-segmentation",
    "digits-segmentation",
    "digits-keypoints",
    "digits-quads",
    "digits-text",
    "digits-embedding",
    "digits-depth",
    "digits-attributes",
    "digits-restoration",
)
REAL = ("squeezenet", "mobilenet-v2", "yolox-nano", "nanodet-m", "ssd-mobilenet-v1", "ultraface")
OTHER = ("yolo-fastest", "yolov8n-seg", "deeplab", "style", "super-resolution", "raw")
IMAGES = 12
#: What a box may move, pixels, and what another number may: a score, a brightness, a raw output.
NEAR = 1e-4
DAMAGES = 200


@dataclass(frozen=True, slots=True)
class Case:
    """A packaged model and the manifest that it comes from."""

    name: str
    manifest: Path
    package: Path

    @property
    def result(self) -> str:
        """What its certificate says of its gate."""
        return str(verify(self.package)["predicate"]["gate"]["result"])


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Gate and package the models as a user would."""
    asked = os.environ.get("QUANTGATE_BENCH_PACKAGE")
    place = tmp_path_factory.mktemp("packages")
    real = os.environ.get("QUANTGATE_REAL")
    found = []
    for name, text, models in (
        ("built-in", (ROOT / "models.toml").read_text("utf-8"), BUILT_IN),
        *((("real", MANIFEST, REAL), ("tasks", TASKS, OTHER)) if real else ()),
    ):
        wanted = [model for model in models if asked is None or model in asked.split(",")]
        folder = place / name
        folder.mkdir()
        manifest = text.format(real=real) if models is not BUILT_IN else text
        (folder / "models.toml").write_text(manifest, encoding="utf-8")
        found += _packaged(folder, wanted) if wanted else []
    return found


def _packaged(folder: Path, models: Sequence[str]) -> list[Case]:
    quantgate(folder, "gate", "-k", " or ".join(f"[{model}]" for model in models), expect=(0, 1))
    for model in models:
        # INT8 breaks some of the real ones for good: their certificates say FAILED.
        force = () if model in BUILT_IN else ("--force",)
        quantgate(folder, "package", model, "--accept-licence", *force)
    return [Case(name, folder / "models.toml", folder / "packages" / name) for name in models]


def quantgate(folder: Path, *arguments: str, expect: tuple[int, ...] = (0,)) -> str:
    """Run the command as a user would; give what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "quantgate", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "QUANTGATE_STORE": str(store_root())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in expect, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def bare(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Interpreter of an environment made from the packages' requirements, cut off from any network."""
    wanted = {(case.package / "requirements.txt").read_text("utf-8") for case in cases}
    assert len(wanted) == 1, wanted
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    requirements = cases[0].package / "requirements.txt"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    return [*_offline(), str(python)]


def _offline() -> list[str]:
    """Give the command that runs another without a network; none where the system refuses that."""
    unshare = shutil.which("unshare")
    if unshare and not subprocess.run([unshare, "-n", "true"], check=False).returncode:
        return [unshare, "-n"]
    return []


def test_packages_predict_what_was_judged(
    cases: list[Case], bare: list[str], tmp_path: Path
) -> None:
    """Classes, masks and maps are bit-equal, boxes and other numbers within 1e-4."""
    wrong = []
    print("without a network" if len(bare) > 1 else "THE NETWORK IS THERE: unshare -n is refused")
    for case in cases:
        images = _images(case, tmp_path / case.name)
        found = alone.predictions(case.package, images, bare)
        expected = alone.judged(case.manifest, case.name, store_root(), images)
        apart = [_apart(*both) for both in zip(found, expected, strict=True)]
        worst = {name: max(one.get(name, 0.0) for one in apart) for name in apart[0]}
        objects = sum(len(one.get("labels", ())) for one in found)
        size = sum(item.stat().st_size for item in case.package.rglob("*") if item.is_file())
        print(
            f"{case.name:30} {case.result:8} {len(images)} images, {objects} objects or rows, "
            f"{size / 1e6:.1f} MB, farthest: "
            + ", ".join(f"{key} {value:g}" for key, value in worst.items())
        )
        if any(
            value > (0.0 if name in {"labels", "masks"} else NEAR) for name, value in worst.items()
        ):
            wrong.append(case.name)
    assert not wrong


def _images(case: Case, folder: Path) -> list[Path]:
    """Write the first images of a model's evaluation set as files."""
    import argparse

    from quantgate.commands.prepare import prepared
    from quantgate.datasets.images import read_image

    folder.mkdir()
    options = argparse.Namespace(manifest=case.manifest, model=case.name, store=store_root())
    with prepared(options) as ready:
        samples = ready.data.evaluation.samples[:IMAGES]
        paths = [folder / f"{number:02d}.png" for number in range(len(samples))]
        for path, sample in zip(paths, samples, strict=True):
            cv2.imwrite(str(path), read_image(sample))
    return paths


def _apart(found: Any, expected: Any) -> dict[str, float]:
    """Say by field how far two predictions are apart; 1 for each mask that is not the same."""
    assert found.keys() == expected.keys()
    return {key: _far(found[key], expected[key]) for key in found if expected[key] is not None}


def _far(found: Any, expected: Any) -> float:
    if isinstance(expected, dict):
        return max(_far(found[key], value) for key, value in expected.items())
    if isinstance(expected, tuple | list):
        return float(sum(one != other for one, other in zip(found, expected, strict=True)))
    assert found.shape == expected.shape
    apart = np.abs(np.asarray(found, float) - np.asarray(expected, float))
    return float(apart.max(initial=0.0))


def test_every_changed_byte_is_named(cases: list[Case]) -> None:
    """Of 200 random single-byte damages in these packages, ``verify`` names 200 files."""
    chance, named = np.random.default_rng(16), 0
    for number in range(DAMAGES):
        package = cases[number % len(cases)].package
        files = sorted(
            item for item in package.rglob("*") if item.is_file() and item.stat().st_size
        )
        path = files[int(chance.integers(len(files)))]
        before = path.read_bytes()
        changed = bytearray(before)
        changed[int(chance.integers(len(changed)))] ^= int(chance.integers(1, 256))
        path.write_bytes(changed)
        try:
            verify(package)
        except PackageError as error:
            named += path.relative_to(package).as_posix() in str(error)
        path.write_bytes(before)
    print(f"{named} of {DAMAGES} changed bytes named")
    assert named == DAMAGES
    for case in cases:
        verify(case.package)
