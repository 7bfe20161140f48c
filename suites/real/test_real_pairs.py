"""A real super-resolution network on photographs: small ones, and the large ones they were made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from suites.e2e.world import Ran, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.long

IMAGES = 12
MANIFEST = """
[datasets.pairs]
kind = "pairs"
path = "small"
annotations = "large"

[datasets.exchanged]
kind = "pairs"
path = "small"
annotations = "exchanged"

[defaults]
calibrate = {{ dataset = "pairs", subset = 6 }}
limits = {{ max_accuracy_drop = 0.5, min_psnr_db = 30 }}

[defaults.preprocess]
size = [240, 160]
layout = "nhwc"
colour = "gray"
scale = 255

[models.right]
task = "image_to_image"
source = "{real}/models/i2i_superres/ESPCN_x2.pb"
evaluate = {{ dataset = "pairs", metric = "psnr", allow_overlap = true }}

[models.wrong]
task = "image_to_image"
source = "{real}/models/i2i_superres/ESPCN_x2.pb"
evaluate = {{ dataset = "exchanged", metric = "psnr", allow_overlap = true }}
"""


def photographs(real: Path) -> Iterator[NDArray[np.uint8]]:
    """Grey photographs of 480 x 320, cut from the middle."""
    found = 0
    for path in sorted((real / "images" / "coco_val149" / "images").glob("*.jpg")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None or image.shape[0] < 320 or image.shape[1] < 480:
            continue
        top, left = (image.shape[0] - 320) // 2, (image.shape[1] - 480) // 2
        yield np.asarray(image[top : top + 320, left : left + 480], np.uint8)
        found += 1
        if found == IMAGES:
            return


@pytest.fixture(scope="module")
def judged(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Gate the network on pairs as they belong, and on pairs of neighbours."""
    folder = tmp_path_factory.mktemp("pairs")
    large = list(photographs(real))
    assert len(large) == IMAGES
    for name in ("small", "large", "exchanged"):
        (folder / name).mkdir()
    for k, image in enumerate(large):
        small = cv2.resize(image, (240, 160), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "small" / f"{k:04d}x2.png"), small)
        cv2.imwrite(str(folder / "large" / f"{k:04d}.png"), image)
        cv2.imwrite(str(folder / "exchanged" / f"{(k + 1) % IMAGES:04d}.png"), image)
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return World(folder, {}).gate(folder)


def psnr(ran: Ran, model: str) -> float:
    """PSNR of the parent against the large photographs."""
    document = json.loads((ran.latest / "run.json").read_text("utf-8"))
    (found,) = (one["metrics"] for one in document["models"] if one["id"] == model)
    return float(next(one["parent"] for one in found if "PSNR" in one["title"]))


def test_the_network_enlarges_better_than_bicubic(judged: Ran, real: Path) -> None:
    """Against the photographs the small ones were made from, its PSNR is above plain enlarging's."""
    plain = []
    for image in photographs(real):
        small = cv2.resize(image, (240, 160), interpolation=cv2.INTER_CUBIC)
        plain.append(cv2.PSNR(cv2.resize(small, (480, 320), interpolation=cv2.INTER_CUBIC), image))

    assert judged.outcomes["right", "max_accuracy_drop"] == "passed", judged.said
    assert psnr(judged, "right") > np.mean(plain)


def test_photographs_of_other_places_are_far_away(judged: Ran) -> None:
    """Where each is held against its neighbour, PSNR falls to that of two unlike pictures."""
    assert psnr(judged, "wrong") < 15
