"""Every layout of annotations on disk is gated like the truth that was written in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.zoo.catalog import LABELS as CLASSES
from suites.e2e import formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

IMAGES = 12
LABELS = f"labels = {json.dumps(CLASSES)}"
IDS = f"labels = {json.dumps([f'/m/{label}' for label in CLASSES])}"
REGIONS = f"labels = {json.dumps(['background', *CLASSES])}"
ENTRY = """
[models.{data}]
source = {{ zoo = "{model}" }}
calibrate = {{ dataset = "calibration", subset = 12 }}
evaluate = "{data}"
limits = {{ max_accuracy_drop = 0.05 }}
{more}
[datasets.{data}]
{keys}
"""
CALIBRATION = """
[report]
images = 0

[datasets.calibration]
kind = "digits"
split = "calibrate"
count = 12
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """A built-in model, and the datasets on which its figures have to be those on the first.

    Parameters
    ----------
    datasets
        How a user states each; in those that end in "-wrong" a mistake is planted.
    write
        Writes their files.
    more
        More keys of the entry.
    """

    model: str
    datasets: dict[str, tuple[str, ...]]
    write: Callable[[Path], None]
    more: str = ""

    def manifest(self) -> str:
        """Write models.toml: one entry for each dataset, all else the same."""
        return CALIBRATION + "".join(
            ENTRY.format(model=self.model, data=name, more=self.more, keys="\n".join(keys))
            for name, keys in self.datasets.items()
        )


def _write_boxes(folder: Path) -> None:
    drawn = formats.scenes(IMAGES, (300, 300))
    formats.write_images(folder / "images", drawn)
    formats.write_coco(folder / "coco.json", drawn)
    formats.write_yolo_txt(folder / "txt", drawn)
    formats.write_yolo_txt(folder / "txt-wrong", drawn, corners=True)
    formats.write_open_images(folder / "boxes.csv", drawn)
    formats.write_open_images(folder / "wrong.csv", drawn, swapped=True)
    formats.write_voc(folder / "xml", drawn)
    formats.write_voc(folder / "xml-wrong", drawn, shifted=1)


def _write_faces(folder: Path) -> None:
    drawn = formats.scenes(IMAGES, (300, 300))
    formats.write_images(folder / "images", drawn)
    formats.write_coco(folder / "coco.json", drawn, one_class=True)
    formats.write_wider(folder / "wider.txt", drawn)
    formats.write_wider(folder / "wrong.txt", drawn, corners=True)


def _write_masks(folder: Path) -> None:
    drawn = formats.scenes(IMAGES, (300, 300))
    formats.write_images(folder / "images", drawn)
    formats.write_coco(folder / "coco.json", drawn)
    formats.write_coco(folder / "wrong.json", drawn, shifted=1)


def _write_maps(folder: Path) -> None:
    drawn = formats.scenes(IMAGES, (300, 300))
    formats.write_images(folder / "images", drawn)
    formats.write_maps(folder / "maps", drawn)
    formats.write_images(folder / "street", drawn, "_leftImg8bit")
    formats.write_maps(folder / "ids", drawn, cityscapes=True)


def _write_pairs(folder: Path) -> None:
    drawn = formats.scenes(IMAGES, (192, 192))
    formats.write_images(folder / "low", drawn, "_LR")
    formats.write_targets(folder / "high", drawn)
    formats.write_targets(folder / "high-wrong", drawn, shifted=1)


def on_images(kind: str, annotations: str, *more: str) -> tuple[str, ...]:
    """State a dataset of the folder ``images``."""
    return (f'kind = "{kind}"', 'path = "images"', f'annotations = "{annotations}"', *more)


DRAWN = ('kind = "digits"', f"count = {IMAGES}")
STREET = ('kind = "masks"', 'path = "street"', 'annotations = "ids"', REGIONS)
JUDGED = {
    "boxes": Judged(
        "digits-yolo-v4-tiny",
        {
            "coco": on_images("coco", "coco.json"),
            "drawn": DRAWN,
            "yolo-txt": on_images("yolo-txt", "txt", LABELS),
            "yolo-txt-wrong": on_images("yolo-txt", "txt-wrong", LABELS),
            "open-images": on_images("open-images", "boxes.csv", IDS),
            "open-images-wrong": on_images("open-images", "wrong.csv", IDS),
            "voc": on_images("voc", "xml", LABELS),
            "voc-wrong": on_images("voc", "xml-wrong", LABELS),
        },
        _write_boxes,
    ),
    "faces": Judged(
        "digits-ssd-mobilenet-v2",
        {
            "coco": on_images("coco", "coco.json"),
            "wider": on_images("wider", "wider.txt"),
            "wider-wrong": on_images("wider", "wrong.txt"),
        },
        _write_faces,
        # All digits are one class to it, as faces are.
        f"decoder = {{ class_ids = {[0] * len(CLASSES)} }}",
    ),
    "masks": Judged(
        "digits-instance-segmentation",
        {
            "drawn": DRAWN,
            "coco": on_images("coco", "coco.json"),
            "coco-wrong": on_images("coco", "wrong.json"),
        },
        _write_masks,
    ),
    "maps": Judged(
        "digits-segmentation",
        {
            "drawn": (*DRAWN, 'subject = "class-maps"'),
            "masks": on_images("masks", "maps", REGIONS),
            "cityscapes": (*STREET, 'class_ids = "cityscapes"'),
            "cityscapes-wrong": STREET,
        },
        _write_maps,
    ),
    "pairs": Judged(
        "digits-restoration",
        {
            "drawn": (*DRAWN, 'subject = "clean"', "size = [192, 192]"),
            "pairs": ('kind = "pairs"', 'path = "low"', 'annotations = "high"'),
            "pairs-wrong": ('kind = "pairs"', 'path = "low"', 'annotations = "high-wrong"'),
        },
        _write_pairs,
    ),
}
#: What each layout has to be like: the first of its model. ``drawn`` is what was written.
SAME = [
    (model, next(iter(one.datasets)), data)
    for model, one in JUDGED.items()
    for data in [*one.datasets][1:]
    if not data.endswith("-wrong")
]
#: Datasets that tell the area of an object's mask; and the metrics that go by it.
WITH_AREAS = frozenset({"coco", "drawn"})
BY_AREA = frozenset({"AP small", "AP medium", "AP large"})
AP_IS_LOW = "the parent's AP@[.5:.95] is only"
#: What is said of each planted mistake.
TOLD = {
    ("boxes", "yolo-txt-wrong"): AP_IS_LOW,
    ("boxes", "open-images-wrong"): AP_IS_LOW,
    ("boxes", "voc-wrong"): "would be if class ids were larger by -1",
    ("faces", "wider-wrong"): "the far corner where the size is expected",
    ("masks", "coco-wrong"): "the parent's Mask AP@[.5:.95] is only",
    ("maps", "cityscapes-wrong"): "is annotated with class id",
}


@pytest.fixture(scope="module")
def judged(world: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """Gate one built-in model on every layout of its truth, right and wrong: one run for all tests."""

    @cache
    def gate(family: str) -> Ran:
        folder = tmp_path_factory.mktemp("formats")
        JUDGED[family].write(folder)
        (folder / "models.toml").write_text(JUDGED[family].manifest(), encoding="utf-8")
        return world.gate(folder)

    return gate


def metrics(ran: Ran, data: str) -> dict[str, dict[str, Any]]:
    """Every metric of both roles on a dataset, by its title."""
    document = json.loads((ran.latest / "run.json").read_text("utf-8"))
    (found,) = (one["metrics"] for one in document["models"] if one["id"] == data)
    return {metric["title"]: metric for metric in found}


@pytest.mark.parametrize(("family", "reference", "data"), SAME)
def test_the_layout_changes_no_figure(
    judged: Callable[[str], Ran], family: str, reference: str, data: str
) -> None:
    """Scenes have whole pixels, which every layout can hold: the figures are exactly the same."""
    ran = judged(family)
    expected, found = metrics(ran, reference), metrics(ran, data)

    assert ran.outcomes[data, "max_accuracy_drop"] == "passed", ran.said
    assert next(iter(expected.values()))["parent"] > 0.3
    # COCO sorts objects by the area of their masks, which boxes alone do not tell.
    same = expected.keys() - ({} if data in WITH_AREAS else BY_AREA)
    assert {title: found[title] for title in same} == {title: expected[title] for title in same}


@pytest.mark.parametrize(("family", "data"), TOLD)
def test_a_mistake_in_the_annotations_is_no_verdict(
    judged: Callable[[str], Ran], family: str, data: str
) -> None:
    """Wrong classes, corners, sizes or axes never pass: what is suspected is said, in yellow."""
    ran = judged(family)
    said = [line for line in ran.said.splitlines() if line.startswith(f"BROKEN  {data}: ")]

    assert ran.status == 1
    assert (data, "max_accuracy_drop") not in ran.outcomes
    assert said, ran.said
    assert TOLD[family, data] in " ".join(ran.said.split())


def test_targets_of_other_images_are_far_from_what_is_known(
    judged: Callable[[str], Ran],
) -> None:
    """Pictures judged by their neighbours' targets: the page holds it against the known figure."""
    ran = judged("pairs")
    known = metrics(ran, "pairs-wrong")["PSNR, dB"]

    assert known["parent"] < known["source"] - 10
    assert "below the published" in (ran.latest / "index.html").read_text("utf-8")
