"""A small real world, made once, and users' folders in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny
from suites.e2e.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
