"""Pages that a reader follows command by command: each command is run, and says what the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites import postgres
from suites.e2e import squares, walks
from suites.e2e.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from suites.e2e.walks import Walk


def nothing(walk: Walk) -> None:
    """Give an empty folder: the page shows all that it needs."""


#: What the reader of each page has; what else the pages show, :mod:`suites.e2e.test_page_entries` runs.
WALKED = {
    "README": walks.detector,
    "docs/tutorial": nothing,
    "docs/workbench": nothing,
    "docs/open-model-zoo": walks.converted,
    "docs/init": walks.detector,
    "docs/accuracy-check": walks.accuracy_checked,
    "docs/air-gapped": walks.fetched,
    "docs/ci": walks.sharded,
    "docs/devices": walks.carried,
    "docs/history": walks.watched,
    "docs/many-machines": walks.shop,
    "docs/package": walks.shop,
    "docs/plugins": walks.classifier,
    "docs/red-build": walks.gated,
    "docs/report": walks.broken,
}
COMMENTED = {
    "GITHUB_REPOSITORY": "team/models",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_TOKEN": "of-this-machine-alone",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One store for all pages."""
    return World(tmp_path_factory.mktemp("pages"), {})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve what the pages download: images as COCO has them, and a model."""
    root = tmp_path_factory.mktemp("web")
    walks.publish(root, root / "made")
    squares.make(root / "own").rename(root / "own.onnx")
    with walks.served(root) as address:
        yield address


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Give a team's PostgreSQL, or nothing where there is none."""
    if postgres.missing():
        yield ""
        return
    with postgres.running() as cluster:
        yield cluster.create("nights")


@pytest.fixture
def walk(world: World, tmp_path: Path, site: str, database: str) -> Walk:
    """Put a reader into a folder of their own, where this machine stands for the web."""
    folder = tmp_path / "shop"
    folder.mkdir()
    environ = {**COMMENTED, "GITHUB_API_URL": site, "no_proxy": "127.0.0.1"}
    here = {"postgresql://ci@db/nights": database}
    return walks.Walk(world, folder, site, environ, here)


@pytest.mark.parametrize("name", WALKED)
def test_a_page_says_what_is_so(walk: Walk, name: str) -> None:
    """From top to bottom in a folder of its own, with nothing but what the page gives."""
    WALKED[name](walk)
    walks.along(walk, f"{name}.md")
