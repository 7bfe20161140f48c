"""The real command line on a small real world."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import tiny

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: its exit status, what it said, and its latest run."""

    status: int
    said: str
    folder: Path

    @property
    def latest(self) -> Path:
        """Directory of the latest run's report."""
        return self.folder / "reports" / "latest"

    @property
    def verdicts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Verdicts of the latest run by model and limit."""
        document = json.loads((self.latest / "verdicts.json").read_text("utf-8"))
        return {(item["model"], item["key"]): item for item in document["verdicts"]}

    @property
    def outcomes(self) -> dict[tuple[str, str], str]:
        """Outcomes of the latest run by model and limit."""
        return {key: item["outcome"] for key, item in self.verdicts.items()}


@dataclass(frozen=True, slots=True)
class World:
    """A folder with images, a trained parent and a store that the tests share."""

    root: Path
    weights: dict[str, Any]

    def run(self, folder: Path, *arguments: str, **environment: str) -> Ran:
        """Run a command in a folder, as a user would, with this world's store."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "QUANTGATE_STORE": str(self.root / "store"),
                "COLUMNS": "200",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Ran(done.returncode, done.stdout + done.stderr, folder)

    def gate(self, folder: Path, *arguments: str, **environment: str) -> Ran:
        """Run ``quantgate gate`` in a folder."""
        return self.run(folder, "-m", "harness", "gate", "models.toml", *arguments, **environment)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make images and the trained parent once for all tests."""
    root = tmp_path_factory.mktemp("world")
    return World(root, tiny.make(root).weights)


@pytest.fixture
def project(world: World, tmp_path: Path) -> Callable[[str], Path]:
    """Make a user's folder: a manifest beside links to the images and models of the world."""

    def make(manifest: str) -> Path:
        for item in world.root.iterdir():
            if item.name != "store" and not (tmp_path / item.name).exists():
                (tmp_path / item.name).symlink_to(item)
        (tmp_path / "models.toml").write_text(manifest, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def own_copy(world: World, tmp_path: Path) -> Callable[[str], Path]:
    """Make a user's folder whose images may be damaged."""

    def make(manifest: str) -> Path:
        shutil.copytree(world.root, tmp_path / "own", ignore=shutil.ignore_patterns("store"))
        (tmp_path / "own" / "models.toml").write_text(manifest, encoding="utf-8")
        return tmp_path / "own"

    return make
