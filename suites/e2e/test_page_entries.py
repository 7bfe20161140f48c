"""Entries that pages show without a command: each is gated as it stands, with a model of the contract that it names."""

from __future__ import annotations

import tomllib
from functools import partial
from typing import TYPE_CHECKING

import pytest

from suites.e2e import contracts, squares, walks
from suites.e2e.world import ROOT, World
from suites.pages import blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran

#: By page, in the order of its entries: what writes the model and data of each.
SHOWN: dict[str, tuple[Callable[[Path], object], ...]] = {
    "docs/manifest": (contracts.ssd,),
    "docs/attributes": (contracts.attributes,),
    "docs/dense": (contracts.dense,),
    "docs/embedding": (contracts.embedding,),
    "docs/keypoints": (contracts.persons, contracts.faces),
    "docs/masks": (contracts.masks,),
    "docs/quads": (contracts.quads,),
    "docs/text": (contracts.text,),
    "docs/devices": (partial(squares.make, images=60), partial(squares.make, images=60)),
}
#: What a page leaves out.
REST = {
    "docs/embedding": {"datasets": {"other-faces": {"kind": "folder", "path": "other-faces"}}},
    "docs/devices": tomllib.loads(walks.MANIFEST.replace("shop", "coco")),
}
#: A page speaks of hundreds of images and of large ones; here are fewer, IRs, and no GPU.
SMALLER = {
    "subset = 300": "subset = 40",
    "[1280, 736]": "[320, 184]",
    ".onnx": ".xml",
    '"GPU", ': "",
    "devices.GPU": 'devices."CPU@avx2"',
}
CASES = [(page, k) for page, made in SHOWN.items() for k in range(len(made))]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One store for all pages."""
    return World(tmp_path_factory.mktemp("entries"), {})


def entries(page: str) -> list[str]:
    """Pieces of models.toml on a page that no command of the page takes."""
    found = blocks(ROOT / f"{page}.md")
    return [block.text for block in found if block.kind == "toml" and not block.note]


def gated(world: World, folder: Path, page: str, k: int) -> Ran:
    """Gate the page's k-th entry but for its speed, which wants the machine for itself."""
    text = entries(page)[k]
    for more, fewer in SMALLER.items():
        text = text.replace(more, fewer)
    shown = walks.merged(REST.get(page, {}), tomllib.loads(text))
    SHOWN[page][k](folder)
    (folder / "models.toml").write_text(walks.document(shown), encoding="utf-8")
    return world.gate(folder, "-m", "not speed")


@pytest.mark.parametrize(("page", "k"), CASES)
def test_an_entry_is_gated_as_it_stands(world: World, tmp_path: Path, page: str, k: int) -> None:
    """Every limit that the page shows is met by a model that keeps the contract."""
    ran = gated(world, tmp_path, page, k)

    assert ran.status == 0, ran.said
    assert set(ran.outcomes.values()) == {"passed"}
