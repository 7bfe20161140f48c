"""Real models of every other task and source: Darknet, masks, class maps, pictures, raw outputs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from suites.real.work import TASKS, FullSet

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(scope="module")
def place(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the manifest of these models."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "models.toml").write_text(TASKS.format(real=real), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def verdicts(place: Path) -> Mapping[tuple[str, str], dict[str, Any]]:
    """Run ``quantgate gate models.toml`` as a user would; verdicts by model and limit."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "quantgate", "gate", "models.toml"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": root, "QUANTGATE_STORE": str(place / "store")},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    report = place / "reports" / "latest" / "verdicts.json"
    assert report.is_file(), done.stdout + done.stderr
    listed = json.loads(report.read_text("utf-8"))["verdicts"]
    return {(item["model"], item["key"]): item for item in listed}


def test_darknet_is_as_accurate_as_accuracy_check_says(place: Path) -> None:
    """Imported from cfg and weights, YOLO-Fastest has the AP that accuracy_check measures."""
    assert FullSet(place)("yolo-fastest")["ap"] == pytest.approx(0.169, abs=0.005)


def test_poses_are_as_accurate_as_pycocotools_says(place: Path) -> None:
    """On COCO's key points YOLOv8n-pose has the OKS AP that was measured by other code."""
    found = FullSet(place)("yolov8n-pose")

    assert found["ap"] == pytest.approx(0.306, abs=0.005)
    assert found["ap50"] == pytest.approx(0.571, abs=0.005)


@pytest.mark.parametrize(
    ("model", "key", "least"),
    [
        ("yolo-fastest", "min_match_rate", 0.85),
        ("yolo-fastest", "min_sqnr_db", 8),
        ("yolov8n-seg", "min_match_rate", 0.9),
        ("yolov8n-pose", "min_role_oks", 0.85),
        ("deeplab", "min_agreement", 0.97),
        ("style", "min_psnr_db", 28),
        ("super-resolution", "min_psnr_db", 40),
        ("raw", "min_sqnr_db", 8),
    ],
)
def test_every_task_is_gated(
    verdicts: Mapping[tuple[str, str], dict[str, Any]], model: str, key: str, least: float
) -> None:
    """Models that INT8 keeps pass their task's own limit, with a number that makes sense."""
    verdict = verdicts[model, key]
    assert verdict["outcome"] == "passed"
    assert verdict["value"] > least


def test_only_what_a_task_can_judge_is_judged(
    verdicts: Mapping[tuple[str, str], dict[str, Any]],
) -> None:
    """Of the shared limits each model takes those that its task knows."""
    judged = {key for model, key in verdicts if model == "raw" and key.startswith(("min_", "max_"))}
    assert judged == {"min_sqnr_db"}


FACES = """
[datasets.bare]
kind = "folder"
path = "{real}/images/coco_val149/images"

[models.faces]
source = {{ omz = "ultra-lightweight-face-detection-rfb-320" }}
calibrate = {{ dataset = "bare", subset = 40 }}
evaluate = {{ dataset = "bare", hold_out = true, subset = 30 }}
limits = {{ min_sqnr_db = 5, min_int8_share = 0.9 }}
"""


def quantgate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    store = os.environ.get("QUANTGATE_STORE", str(folder / "store"))
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "quantgate", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root, "QUANTGATE_STORE": store},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )


def test_open_model_zoo_from_its_cache(real: Path, tmp_path: Path) -> None:
    """A model in omz_downloader's cache is converted, fed and decoded as OMZ knows, and gated."""
    name = "ultra-lightweight-face-detection-rfb-320"
    whole = real / "models" / "det_ultraface" / "ultraface_rfb_320.onnx"
    digest = hashlib.sha384(whole.read_bytes()).hexdigest()
    cached = tmp_path / "cache" / "1" / digest[:2] / digest[2:]
    cached.parent.mkdir(parents=True)
    shutil.copy(whole, cached)
    (tmp_path / "models.toml").write_text(FACES.format(real=real), encoding="utf-8")

    fetched = quantgate(tmp_path, "fetch", "faces", "--cache-dir", "cache")
    if "where there is a network" in fetched.stderr:
        pytest.skip(f"openvino-dev's tools cannot be had: {fetched.stderr.strip()}")
    gated = quantgate(tmp_path, "gate", "models.toml", "--strict-sources")

    assert f"{name}.xml" in fetched.stdout
    assert gated.returncode == 0, gated.stdout
    assert "3 passed" in gated.stdout
