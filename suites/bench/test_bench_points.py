"""What decoding key points costs an image, beside the obvious way to do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.associative_embedding import AssociativeEmbeddingDecoder
from quantgate.decoders.face_heads import YunetDecoder
from quantgate.decoders.heat_maps import HeatMapsDecoder
from quantgate.decoders.openpose import OpenposeDecoder
from quantgate.decoders.retinaface import RetinafaceDecoder
from quantgate.decoders.simcc import SimccDecoder
from quantgate.decoders.yolo_pose import YoloV8PoseDecoder
from suites.bench import plain_points as plain
from suites.bench.test_bench_decoders import fastest_ms
from suites.poses import (
    bodies,
    heat_of,
    in_coco,
    openpose_outputs,
    plain_openpose,
    plain_tagged,
    tagged_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Case:
    """A decoder, raw outputs of one image, the size of the input, and the obvious way to read them."""

    decoder: Any
    outputs: dict[str, NDArray[np.float32]]
    size: tuple[int, int]
    obvious: Callable[[Any, Frame], Any]

    @property
    def frame(self) -> Frame:
        """The geometry of a 640 x 480 image stretched over the input."""
        width, height = self.size
        return Frame((640, 480), self.size, (width / 640, height / 480), (0.0, 0.0))


def candidates(rng: np.random.Generator, columns: int, count: int) -> tuple[Any, Any]:
    """Scores of many candidates, of which a dozen see each of twenty objects; and which these are."""
    scores = (rng.random(count) ** 8 * 0.005).astype(np.float32)
    seen = rng.integers(0, count, (20, 12))
    scores[seen] = rng.uniform(0.1, 0.9, seen.shape)
    return scores, rng.uniform(0.2, 0.8, (count, columns)).astype(np.float32)


def yolo_pose() -> dict[str, NDArray[np.float32]]:
    """A table of 8400 candidates with seventeen key points."""
    rng = np.random.default_rng(0)
    scores, rest = candidates(rng, 55, 8400)
    table = np.concatenate(
        [640 * rest[:, :2], 90 * rest[:, 2:4], scores[:, None], 640 * rest[:, 4:]], 1
    )
    return {"out": np.ascontiguousarray(table.T[None])}


def yunet() -> dict[str, NDArray[np.float32]]:
    """Heads of three strides at 640 x 640."""
    rng = np.random.default_rng(0)
    made = {}
    for stride in (8, 16, 32):
        scores, rest = candidates(rng, 14, (640 // stride) ** 2)
        for name, part in (
            ("cls", scores[:, None]),
            ("obj", scores[:, None]),
            ("box", rest[:, :4]),
        ):
            made[f"{name}{stride}"] = part[None]
        made[f"kps{stride}"] = rest[None, :, 4:]
    return made


def retinaface() -> dict[str, NDArray[np.float32]]:
    """Rows of 16800 priors at 640 x 640."""
    scores, rest = candidates(np.random.default_rng(0), 14, 16800)
    both = np.stack([1 - scores, scores], axis=1)
    return {"boxes": rest[None, :, :4], "scores": both[None], "points": rest[None, :, 4:]}


def maps(count: int, shape: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    """Maps of one key point each."""
    places = np.random.default_rng(0).uniform(2, 40, (1, count, 2))
    return {"heat": heat_of(places, shape, 2.0)[None]}


def bins() -> dict[str, NDArray[np.float32]]:
    """Bins of RTMPose's seventeen key points at 192 x 256."""
    rng = np.random.default_rng(0)
    return {k: rng.random((1, 17, n)).astype(np.float32) for k, n in (("x", 384), ("y", 512))}


def cases() -> dict[str, Case]:
    """Every decoder whose work grows with objects, cells or key points."""
    rng = np.random.default_rng(0)
    persons = openpose_outputs(bodies(rng, 4, (32, 57)), (32, 57))
    tagged = tagged_outputs(in_coco(bodies(rng, 4, (144, 144))), (144, 144), rng)
    return {
        "yolo-v8-pose": Case(YoloV8PoseDecoder(), yolo_pose(), (640, 640), plain.yolo_pose),
        "yunet": Case(YunetDecoder(), yunet(), (640, 640), plain.yunet),
        "retinaface": Case(RetinafaceDecoder(), retinaface(), (640, 640), plain.retinaface),
        "heat-maps of 17": Case(HeatMapsDecoder(), maps(17, (64, 48)), (192, 256), plain.heat_maps),
        "heat-maps of 98": Case(HeatMapsDecoder(), maps(98, (64, 64)), (256, 256), plain.heat_maps),
        "simcc": Case(SimccDecoder(), bins(), (192, 256), plain.simcc),
        "openpose": Case(
            OpenposeDecoder(),
            persons,
            (456, 256),
            lambda raw, _: plain_openpose(raw["Mconv7_stage2_L2"][0], raw["Mconv7_stage2_L1"][0]),
        ),
        "associative-embedding": Case(
            AssociativeEmbeddingDecoder(),
            tagged,
            (288, 288),
            lambda raw, _: plain_tagged(raw["heatmaps"][0], raw["embeddings"][0, ..., 0]),
        ),
    }


CASES = cases()


@pytest.mark.parametrize("name", sorted(CASES))
def test_decoding_costs_half_of_the_obvious_way(name: str) -> None:
    """The same raw outputs take a loop in numpy at least twice as long, in the same run."""
    case = CASES[name]
    frame = case.frame
    found = case.decoder.decode(case.outputs, frame)
    expected = case.obvious(case.outputs, frame)
    assert len(found.points) in {len(expected), 1}
    theirs = fastest_ms(lambda: case.obvious(case.outputs, frame), 15)
    ours = fastest_ms(lambda: case.decoder.decode(case.outputs, frame), 60)
    print(f"{name}: {ours:.3f} ms, the obvious way {theirs:.3f} ms, {theirs / ours:.1f}x")
    assert ours < 0.5 * theirs
