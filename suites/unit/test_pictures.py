"""From compared predictions to pictures: what each task shows of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult, TensorDistance
from quantgate.core.predictions import DenseMap, Detections, LabelMap, Rendering
from quantgate.core.regions import outline_region
from quantgate.datasets.regions import RegionImage
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.masks import encode
from quantgate.decoders.tensors import TensorsDecoder
from quantgate.entries import EvaluationPlan, ModelEntry
from quantgate.entries.data import RegionEntry
from quantgate.pair import Pair
from quantgate.pipeline.pictures import changed_pictures, loader_of, placed
from quantgate.report.drawing import draw_worst
from quantgate.report.picture import Picture
from quantgate.sources.local import LocalSource
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (60, 40)
IMAGE = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def drawn(folder: Path, task: str, pair: Pair[Any]) -> tuple[Picture, ...]:
    """Draw the one image on which the roles differ."""
    record = TASKS[task].compact(pair, None, "a.png")
    result = ImageResult("a.png", SIZE, None, record, (TensorDistance("out", 1, 1, 0, 1, 1),))
    sample = Sample("a.png", lambda: IMAGE, "digest")
    entry = ModelEntry(
        id="m",
        task=task,
        source=LocalSource(folder),
        decoder=TensorsDecoder(),
        evaluate=EvaluationPlan("d", score_threshold=0.4),
    )
    dataset = Dataset("d", (sample,), ("cat", "dog"), "digest")
    compared = Comparison(dataset.labels, (result,), "digest")
    found, more = changed_pictures(entry, TASKS[task], compared, dataset)
    assert more == (task == "generic")
    return draw_worst(found, folder, model="m", budget_bytes=10**7)[0]


def square(left: int, width: int = 20) -> Detections:
    """Return one object with a square mask that fills its box."""
    mask = encode(np.ones((20, width), np.bool_), (left, 10), SIZE)
    box = np.array([[left, 10, left + width, 30]], np.float32)
    return Detections(box, np.array([0.9], np.float32), np.array([1]), (mask,))


def test_masks_are_outlined(tmp_path: Path) -> None:
    """An object's mask is shown by its outline, in pixels of the original image."""
    pair = Pair(square(5), square(30))
    (picture,) = drawn(tmp_path, "instance_segmentation", pair)
    assert (picture.kind, picture.threshold, picture.hysteresis) == ("objects", 0.4, 0.05)
    by_change = {change.change: change for change in picture.changes}
    assert set(by_change) == {"lost", "gained"}
    lost, gained = by_change["lost"].parent, by_change["gained"].optimized
    assert lost is not None
    assert gained is not None
    assert gained.label == "dog"
    xs = [seen.rings[0][0::2] for seen in (lost, gained)]
    assert [(min(x), max(x)) for x in xs] == [(5, 24), (30, 49)]
    assert all((tmp_path / name).is_file() for name in picture.panes)


def test_class_maps_are_drawn_with_their_legend(tmp_path: Path) -> None:
    """Both roles' class maps are drawn over the photograph, the classes named by their colours."""
    parent = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    optimized = parent.copy()
    optimized[:10] = 1
    pair = Pair(LabelMap(parent), LabelMap(optimized))
    (picture,) = drawn(tmp_path, "semantic_segmentation", pair)
    assert picture.kind == "segments"
    assert [name for name, _ in picture.legend] == ["cat", "dog"]
    assert all((tmp_path / name).is_file() for name in (picture.image, *picture.panes))


def test_renderings_are_drawn_beside_each_other(tmp_path: Path) -> None:
    """What each role rendered is drawn, and the difference between them."""
    base = np.full((80, 120, 3), 100, np.float32)
    (picture,) = drawn(tmp_path, "image_to_image", Pair(Rendering(base), Rendering(base + 8)))
    assert (picture.kind, picture.size) == ("rendered", SIZE)
    assert "dB from the parent" in picture.sentence
    assert all((tmp_path / name).is_file() for name in (picture.image, *picture.panes))


@pytest.mark.parametrize("task", ["semantic_segmentation", "image_to_image"])
def test_what_did_not_change_is_not_drawn(tmp_path: Path, task: str) -> None:
    """Equal answers of both roles are no picture."""
    labels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    same = LabelMap(labels) if task == "semantic_segmentation" else Rendering(IMAGE * np.float32(1))
    assert drawn(tmp_path, task, Pair(same, same)) == ()


def test_raw_outputs_have_no_picture(tmp_path: Path) -> None:
    """Nothing is drawn of outputs whose meaning is not known."""
    assert drawn(tmp_path, "generic", Pair(None, None)) == ()


def test_a_region_is_shown_in_its_whole_image(tmp_path: Path) -> None:
    """Beside the region's panes stands the whole image with the region's outline, also in a file of its own."""
    import cv2

    photograph = np.full((200, 300, 3), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), photograph)
    whole = Sample("a.png", tmp_path / "a.png", "whole")
    region = outline_region(np.array([[100, 50], [200, 50], [200, 110], [100, 110]]), 1.0)
    sample = Sample("a.png#0", RegionImage(whole, region, RegionEntry()), "digest")
    parent = np.zeros((60, 100), np.uint8)
    record = TASKS["semantic_segmentation"].compact(
        Pair(LabelMap(parent), LabelMap(parent + 1)), None
    )
    result = ImageResult("a.png#0", (100, 60), None, record)
    picture = placed(Picture("a.png#0", (100, 60), "segments", "all is another class"), sample)

    ((shown,), _) = draw_worst(
        [(picture, loader_of(sample, result))], tmp_path, model="m", budget_bytes=10**9
    )

    assert shown.outline == pytest.approx((100, 50, 200, 50, 200, 110, 100, 110))
    files = [shown.whole, shown.panes[0], shown.overlay]
    read = [cv2.imread(str(tmp_path / name)) for name in files]
    whole_image, three, beside = (one.astype(int) for one in read if one is not None)
    scale = whole_image.shape[1] / 300
    edge, inside = (whole_image[round(y * scale), round(150 * scale)] for y in (50, 80))
    assert edge.min() > 200
    assert abs(inside - 90).max() < 12
    assert beside.shape == (three.shape[0], 4 * three.shape[1] + 18, 3)


def test_soft_maps_show_what_each_role_cuts_out(tmp_path: Path) -> None:
    """Where shares moved and no class did the difference is drawn all the same, and told in its caption's place."""
    import cv2

    labels, far = np.zeros((SIZE[1], SIZE[0]), np.uint8), np.zeros((SIZE[1], SIZE[0]), np.float32)
    near = far.copy()
    near[:, 30:] = 0.4
    (picture,) = drawn(
        tmp_path, "semantic_segmentation", Pair(LabelMap(labels, far), LabelMap(labels, near))
    )

    assert picture.legend == ()
    assert picture.sentence.startswith("no pixel changed its class, soft maps differ by 0.200")
    parent, optimized, diff = (cv2.imread(str(tmp_path / name)) for name in picture.panes)
    assert parent is not None and optimized is not None and diff is not None  # noqa: PT018
    left, right = (round(diff.shape[1] * share) for share in (0.25, 0.75))
    row = diff.shape[0] // 2
    blue, _, red = diff[row, right].astype(int)
    assert red - blue > 150
    assert np.ptp(diff[row, left].astype(int)) < 20
    assert int(optimized[row, right].mean()) > int(parent[row, right].mean()) + 10


def test_maps_of_numbers_are_drawn_in_false_colours(tmp_path: Path) -> None:
    """Truth, both maps and their difference, with a scale bar in the annotation's unit."""
    depth = np.repeat(np.linspace(1, 9, SIZE[0], dtype=np.float32)[None, :, None], SIZE[1], axis=0)
    pair = Pair(DenseMap(depth), DenseMap(depth + np.float32(0.5)))
    (picture,) = drawn(tmp_path, "dense", pair)
    assert (picture.kind, picture.unit) == ("numbers", "")
    assert picture.sentence == "0.5 from the parent on average"
    assert len(picture.panes) == 3
    assert all((tmp_path / name).is_file() for name in (picture.image, *picture.panes))
