"""What decoding quadrilaterals costs an image, against the loops that the decoders are tested with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.core.quads import quad_iou, turned_corners
from quantgate.decoders.ctpn import CtpnDecoder
from quantgate.decoders.db import DbDecoder
from quantgate.decoders.east import EastDecoder
from quantgate.decoders.pixel_link import PixelLinkDecoder
from quantgate.decoders.yolo_obb import YoloObbDecoder, YoloObbRowsDecoder
from suites.bench.test_bench_decoders import fastest_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

FRAME = Frame((1280, 768), (1280, 768), (1.0, 1.0), (0.0, 0.0))


def bars(rng: np.random.Generator, shape: tuple[int, int], count: int) -> Array:
    """A map of turned bars, 1 within, 0 elsewhere."""
    found = np.zeros(shape, np.float32)
    centres = rng.uniform((0, 0), shape[::-1], (count, 2))
    sides = rng.uniform(
        (0.03 * shape[1], 0.02 * shape[0]), (0.09 * shape[1], 0.04 * shape[0]), (count, 2)
    )
    for quad in turned_corners(centres, sides, rng.uniform(-0.5, 0.5, count)):
        cv2.fillPoly(found, [quad.round().astype(np.int32)], 1.0)
    return found


def of_db() -> dict[str, Array]:
    """A text detector's map at 1280 x 736 with forty regions."""
    return {"map": bars(np.random.default_rng(0), (736, 1280), 40)[None, None] * np.float32(0.9)}


def of_pixel_link() -> dict[str, Array]:
    """Open Model Zoo's at 1280 x 768 with forty regions."""
    text = bars(np.random.default_rng(0), (192, 320), 40) * 8 - 4
    links = np.repeat(text[..., None], 8, axis=2)
    pairs = np.stack([-links, links], axis=3).reshape(192, 320, 16)
    both = np.stack([-text, text], axis=2)
    return {"text": both[None].astype(np.float32), "links": pairs[None].astype(np.float32)}


def of_east() -> dict[str, Array]:
    """Scores and distances of forty regions."""
    scores = bars(np.random.default_rng(0), (192, 320), 40) * np.float32(0.95)
    shapes = np.full((1, 5, 192, 320), 20, np.float32)
    shapes[:, 4] = 0.2
    return {"scores": scores[None, None], "shapes": shapes}


def of_ctpn() -> dict[str, Array]:
    """Shares and shifts of a page of lines."""
    rng = np.random.default_rng(0)
    shares = np.zeros((48, 80, 10, 2), np.float32)
    shares[2::4, 5:70, 3, 1] = rng.uniform(0.92, 0.99, (12, 65))
    return {
        "shares": shares.reshape(1, 48, 80, 20),
        "shifts": np.zeros((1, 48, 80, 40), np.float32),
    }


def of_obb() -> dict[str, Array]:
    """Candidates at 1024 x 1024: a hundred objects, each seen by six cells."""
    rng = np.random.default_rng(0)
    table = (rng.random((20, 21504)) ** 8 * 0.005).astype(np.float32)
    for _ in range(100):
        cells, label = rng.integers(0, 21504, 6), int(rng.integers(15))
        box = [*rng.uniform(50, 700, 2), *rng.uniform((40, 15), (90, 30))]
        table[:4, cells] = (np.array(box)[:, None] + rng.normal(0, 2, (4, 6))).astype(np.float32)
        table[4 + label, cells] = rng.uniform(0.2, 0.9, 6)
        table[19, cells] = rng.uniform(-0.5, 2)
    return {"out": table[None]}


def of_rows() -> dict[str, Array]:
    """Three hundred rows of an end-to-end model."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.uniform(50, 700, (300, 4)), rng.random((300, 3))], axis=1)
    return {"out": rows[None].astype(np.float32)}


def loop_db(outputs: dict[str, Array]) -> int:
    """PaddleOCR's way: outline, mean inside, offset, rectangle."""
    shares, found = outputs["map"][0, 0], 0
    for outline in cv2.findContours(
        (shares > 0.3).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
    )[0]:
        (middle, (width, height), angle) = cv2.minAreaRect(outline)
        if min(width, height) < 3:
            continue
        corners = cv2.boxPoints((middle, (width, height), angle))
        x0, y0 = np.clip(corners.min(axis=0).astype(int), 0, (1279, 735))
        x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (1279, 735))
        inside = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
        cv2.fillPoly(inside, [(corners - (x0, y0)).astype(np.int32)], 1)
        if cv2.mean(shares[y0 : y1 + 1, x0 : x1 + 1], inside)[0] >= 0.5:
            cv2.boxPoints((middle, (width * 1.6, height * 1.6), angle))
            found += 1
    return found


def loop_pixel_link(outputs: dict[str, Array]) -> int:
    """The original's union of cells, one by one."""
    text, links = outputs["text"][0], outputs["links"][0].reshape(192, 320, 8, 2)
    sure = text[..., 1] - text[..., 0] >= np.log(4)
    joined = links[..., 1] - links[..., 0] >= np.log(4)
    parent = {cell: cell for cell in zip(*np.nonzero(sure), strict=True)}

    def root(cell: Any) -> Any:
        while parent[cell] != cell:
            parent[cell] = parent[parent[cell]]
            cell = parent[cell]
        return cell

    around = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))
    for y, x in list(parent):
        for k, (dx, dy) in enumerate(around):
            other = (y + dy, x + dx)
            if other in parent and joined[y, x, k]:
                parent[root((y, x))] = root(other)
    groups: dict[Any, list[Any]] = {}
    for cell in parent:
        groups.setdefault(root(cell), []).append(cell)
    return sum(min(cv2.minAreaRect(np.array(of, np.float32))[1]) > 2 for of in groups.values())


def kept_by_loop(quads: NDArray[np.float64], scores: Array, threshold: float) -> int:
    """Take the best, drop what it overlaps too much, and so on."""
    order, kept = np.argsort(-scores, kind="stable"), 0
    while len(order):
        over = quad_iou(quads[order[:1]], quads[order[1:]])[0] > threshold
        order, kept = order[1:][~over], kept + 1
    return kept


def loop_obb(outputs: dict[str, Array]) -> int:
    """Class by class."""
    table, found = outputs["out"][0], 0
    for label in range(15):
        own = table[:, table[4 + label] >= 0.01]
        quads = turned_corners(own[:2].T, own[2:4].T, own[19])
        found += kept_by_loop(quads, own[4 + label], 0.7)
    return found


def loop_east(outputs: dict[str, Array]) -> int:
    """All cells, without merging neighbours first."""
    rows, columns = np.nonzero(outputs["scores"][0, 0] >= 0.8)
    centres = np.stack([columns, rows], axis=1) * 4.0
    sides, angles = np.full((len(rows), 2), 40.0), np.full(len(rows), -0.2)
    quads = turned_corners(centres, sides, angles)
    return kept_by_loop(quads, outputs["scores"][0, 0, rows, columns], 0.2)


#: The decoder, its outputs, what it is held against, and objects at least.
CASES: dict[str, tuple[Any, dict[str, Array], Callable[[dict[str, Array]], int] | None, int]] = {
    "db": (DbDecoder(), of_db(), loop_db, 20),
    "pixel-link": (PixelLinkDecoder(), of_pixel_link(), loop_pixel_link, 20),
    "east": (EastDecoder(), of_east(), loop_east, 20),
    "ctpn": (CtpnDecoder(), of_ctpn(), None, 10),
    "yolo-obb": (YoloObbDecoder(), of_obb(), loop_obb, 100),
    "yolo-obb-rows": (YoloObbRowsDecoder(), of_rows(), None, 200),
}


@pytest.mark.parametrize("kind", CASES)
def test_decoding_costs_no_more_than_twice_a_plain_loop(kind: str) -> None:
    """In the same run; where there is no loop but the test's own, at most fifty milliseconds an image."""
    decoder, outputs, loop, least = CASES[kind]
    found = len(decoder.decode(outputs, FRAME))
    ours = fastest_ms(lambda: decoder.decode(outputs, FRAME), rounds=15)
    theirs = 25.0 if loop is None else fastest_ms(lambda: loop(outputs), rounds=5)
    print(
        f"{kind}: {ours:.2f} ms for {found} objects, {'' if loop is None else 'a loop '}{theirs:.2f} ms"
    )
    assert found >= least
    assert ours < 2 * theirs
