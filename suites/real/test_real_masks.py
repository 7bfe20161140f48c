"""YOLOv8-seg's masks on photographs, against two other ways to draw them from the same outputs.

The known figure, .250, is that of masks cropped on the grid of the prototypes, a quarter of the
input's pixels, before they are enlarged: edges fade over several pixels of the photograph. The
decoder does as Ultralytics' own ``process_mask_native``, with which it reports AP on COCO: prototypes
are enlarged first, and cropped at the pixels of the photograph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.decoders import yolo_seg
from suites.real.work import FullSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame

    Array = NDArray[np.float32]
    Draw = Callable[[Array, Array, Array, Frame], dict[str, object]]

pytestmark = pytest.mark.long

MANIFEST = """
[datasets.scenes]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149/instances.json"

[models.yolov8n-seg]
task = "instance_segmentation"
source = "{seg}"
decoder = {{ kind = "yolo-v8-seg", units = "relative" }}
preprocess = {{ resize = "letterbox", colour = "rgb" }}
calibrate = {{ dataset = "scenes", subset = 40 }}
evaluate = {{ dataset = "scenes", allow_overlap = true }}
limits = {{ max_accuracy_drop = 0.02 }}
"""


def cropped(values: Array, box: Array) -> Array:
    """Zero outside a box: a pixel belongs to it by its number, as Ultralytics counts."""
    rows, columns = (np.arange(n, dtype=np.float32) for n in values.shape)
    inside = np.outer((rows >= box[1]) & (rows < box[3]), (columns >= box[0]) & (columns < box[2]))
    return np.asarray(np.where(inside, values, 0), np.float32)


def enlarged(values: Array, frame: Frame) -> Array:
    """A map over the input without its padding, to whole pixels, at the size of the photograph."""
    import cv2

    shrink = values.shape[0] / frame.model[1]
    left, top = (round(o * shrink - 0.1) for o in frame.offset)
    right, bottom = (values.shape[0] - round(o * shrink + 0.1) for o in frame.offset)
    return np.asarray(cv2.resize(values[top:bottom, left:right], frame.image), np.float32)


def encoded(mask: NDArray[np.bool_]) -> dict[str, object]:
    """COCO's run lengths of a whole photograph."""
    from faster_coco_eval.core import mask as rle

    found: dict[str, object] = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return found


def as_ultralytics(
    prototypes: Array, weights: Array, box: Array, frame: Frame
) -> dict[str, object]:
    """Enlarge the weighed prototypes, then crop to the box in the photograph."""
    return encoded(cropped(enlarged(prototypes @ weights, frame), box) > 0)


def as_known(prototypes: Array, weights: Array, box: Array, frame: Frame) -> dict[str, object]:
    """Crop the sigmoid on the prototypes' own grid, then enlarge."""
    shares = 1 / (1 + np.exp(-(prototypes @ weights)))
    small = frame.to_model(box[None])[0] * (prototypes.shape[0] / frame.model[1])
    return encoded(enlarged(cropped(shares, small), frame) > 0.5)


@pytest.fixture(scope="module")
def place(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the manifest of this model."""
    folder = tmp_path_factory.mktemp("masks")
    (seg,) = (real / "models" / "iseg_yolov8n_seg_AGPL").glob("*.xml")
    (folder / "models.toml").write_text(MANIFEST.format(real=real, seg=seg), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def own(place: Path) -> dict[str, float]:
    """What the decoder itself reaches."""
    return FullSet(place)("yolov8n-seg")


@pytest.fixture
def drawn_by(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Draw], dict[str, float]]:
    """Judge the same objects with masks drawn in another way."""

    def judge(draw: Draw) -> dict[str, float]:
        monkeypatch.setattr(yolo_seg, "_mask", draw)
        return FullSet(place)("yolov8n-seg")

    return judge


def test_the_boxes_are_as_accurate_as_known(own: dict[str, float]) -> None:
    """Boxes, scores and classes are those that the known figure was measured with."""
    assert own["box_ap"] == pytest.approx(0.336, abs=0.005)


def test_masks_drawn_as_the_known_ones_are_as_accurate(
    drawn_by: Callable[[Draw], dict[str, float]],
) -> None:
    """Cropped on the grid of the prototypes, the same objects have the known mask AP."""
    assert drawn_by(as_known)["ap"] == pytest.approx(0.250, abs=0.005)


def test_masks_are_those_of_the_reference(
    own: dict[str, float], drawn_by: Callable[[Draw], dict[str, float]]
) -> None:
    """Enlarged before they are cropped, as Ultralytics does, they are as good as the decoder's."""
    reference = drawn_by(as_ultralytics)["ap"]
    assert reference == pytest.approx(0.261, abs=0.002)
    assert own["ap"] == pytest.approx(reference, abs=0.005)
