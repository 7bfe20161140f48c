"""A real detector that nobody has described: what `quantgate init` takes it for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantgate.manifest import load_manifest
from suites.real.work import FullSet


def test_a_real_detector_is_read_as_its_authors_meant(real: Path, tmp_path: Path) -> None:
    """Task and decoder are right, and on all images the parent has its known AP."""
    images = real / "images" / "coco_val149"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "quantgate", "init"),
            str(real / "models" / "det_nanodet_m" / "nanodet_m_320.onnx"),
            *("--images", str(images / "images")),
            *("--annotations", str(images / "instances.json")),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "QUANTGATE_STORE": str(tmp_path / "store"),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    entry = load_manifest(tmp_path / "models.toml").models["nanodet_m_320"]

    assert (entry.task, entry.decoder.kind) == ("detection", "nanodet")
    assert FullSet(tmp_path)("nanodet_m_320")["ap"] == pytest.approx(0.287, abs=0.02)
