"""Real pretrained models on real photographs, through the real command line, once for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suites.real.work import MANIFEST, FullSet, RealRun, gate


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
    return gate(workplace, workplace / "store")
