"""Real pretrained models on real photographs, through the real command line, once for all tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites.real.work import MANIFEST, FullSet, RealRun

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of the real models and photographs."""
    root = os.environ.get("QUANTGATE_REAL")
    if root is None:
        pytest.skip("QUANTGATE_REAL is not set: it names the folder of real models and images")
    return Path(root)


@pytest.fixture(scope="session")
def workplace(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: the manifest, and the store that all tests share."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def full_set(workplace: Path) -> FullSet:
    """Parents alone on every image."""
    return FullSet(workplace)


@pytest.fixture(scope="session")
def gated(workplace: Path) -> RealRun:
    """Run ``quantgate gate models.toml`` on all real models, as a user would."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", "gate", "models.toml"],
        cwd=workplace,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "QUANTGATE_STORE": str(workplace / "store"),
            "COLUMNS": "160",
        },
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    said = done.stdout + done.stderr
    report = workplace / "reports" / "latest" / "verdicts.json"
    assert report.is_file(), said
    listed = json.loads(report.read_text("utf-8"))["verdicts"]
    verdicts = {(item["model"], item["key"]): item for item in listed}
    return RealRun(workplace, done.returncode, said, verdicts)
