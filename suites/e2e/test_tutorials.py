"""The tutorials' five models by their own contracts: fetched, read from Darknet, or a file of one's own."""

from __future__ import annotations

import csv
import tomllib
from typing import TYPE_CHECKING

import openvino as ov
import pytest

from quantgate.store import Store
from suites import standins
from suites.darknet_files import write_darknet, yolov4_cfg
from suites.e2e import walks
from suites.e2e.world import ROOT, World
from suites.pages import blocks

if TYPE_CHECKING:
    from suites.e2e.world import Ran

MANIFEST = """
[datasets.coco]
kind = "coco"
path = "images"
annotations = "instances.json"

[datasets.imagenet]
kind = "imagenet"
path = "imagenet"
annotations = "val.txt"
labels = "imagenet.txt"

[defaults]
calibrate = { dataset = "coco", subset = 20 }
evaluate = { dataset = "coco", hold_out = true }

[models.ssd_mobilenet_v1_coco]
source = { omz = "ssd_mobilenet_v1_coco" }
limits = { max_accuracy_drop = 0.06, min_match_rate = 0.8, min_int8_share = { amx = 0.8, vnni = 0.8 } }

[models.ssd_mobilenet_v2_coco]
task = "detection"
source = "ssd_mobilenet_v2_coco.xml"
decoder = { kind = "ssd", label_offset = 1, class_ids = "coco90" }
limits = { min_match_rate = 0.8 }

[models.mobilenet-v2]
source = { omz = "mobilenet-v2-1.0-224" }
calibrate = { dataset = "imagenet", subset = 20 }
evaluate = { dataset = "imagenet", hold_out = true }
limits = { max_accuracy_drop = 0.1, min_agreement = 0.8 }

[models.instance-segmentation-security-0002]
source = { omz = "instance-segmentation-security-0002" }
# The stand-in alone puts boxes into pixels by a product, which eight bits are too few for.
calibrate = { dataset = "coco", subset = 20, ignored = { names = ["boxes"] } }
limits = { max_accuracy_drop = 0.06, min_match_rate = 0.8 }

[models.yolo-v4-tf]
source = { omz = "yolo-v4-tf" }
limits = { min_int8_share = { amx = 0.8, vnni = 0.8 } }
"""
IMAGES, LEFT = 60, 40
PAGE = ROOT / "docs" / "workbench.md"


def darknet() -> str:
    """Give the entry that the page shows, with fewer images, and without limits that random weights miss."""
    (shown,) = (block.text for block in blocks(PAGE) if block.kind == "toml" and not block.note)
    entry = tomllib.loads(shown)["models"]["yolo-v4"]
    entry["calibrate"]["subset"] = 20
    entry["limits"] = {"min_int8_share": {"amx": 0.8, "vnni": 0.8}}
    return f"\n[models.yolo-v4]\n{walks.document(entry)}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Write data and stand-ins, the fetched ones where `quantgate fetch` leaves them."""
    folder = tmp_path_factory.mktemp("tutorials")
    store = Store(folder / "store")
    standins.write_coco_data(folder, IMAGES)
    standins.write_imagenet_data(folder, IMAGES)
    standins.in_store(store, "ssd_mobilenet_v1_coco", standins.ssd())
    standins.in_store(store, "mobilenet-v2-1.0-224", standins.classifier())
    standins.in_store(store, "instance-segmentation-security-0002", standins.instances())
    ov.save_model(standins.ssd(), folder / "ssd_mobilenet_v2_coco.xml")
    standins.in_store(store, "yolo-v4-tf", standins.yolo_v4_tf(folder))
    cfg, weights = write_darknet(folder, yolov4_cfg(160, standins.DIVISOR), doubt=standins.DOUBT)
    cfg.rename(folder / "yolov4.cfg")
    weights.rename(folder / "yolov4.weights")
    (folder / "models.toml").write_text(MANIFEST + darknet(), encoding="utf-8")
    return World(folder, {})


@pytest.fixture(scope="module")
def gated(world: World) -> Ran:
    """Gate all five."""
    return world.gate(world.root)


def table(ran: Ran, model: str, name: str) -> list[dict[str, str]]:
    """Read one table of a model."""
    with (ran.latest / "tables" / model / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_limit_is_judged(gated: Ran) -> None:
    """What is known of each model by its name, its cfg or its ports is enough to feed, read and judge it."""
    assert gated.status == 0, gated.said
    assert set(gated.outcomes.values()) == {"passed"}


@pytest.mark.parametrize(
    "model",
    ["ssd_mobilenet_v1_coco", "ssd_mobilenet_v2_coco", "instance-segmentation-security-0002"],
)
def test_objects_are_counted_as_the_original_does(gated: Ran, model: str) -> None:
    """A, B and matches by image in the basic table, and by image and class in the advanced one, with precision."""
    basic, advanced = (table(gated, model, name) for name in ("basic", "advanced"))
    a, b = "A. Optimized Model Detections", "B. Parent Model Detections"

    assert len(basic) == LEFT
    for own, matches in ((a, "Matches between A and B"), (b, "Matches between A and B")):
        for count in (own, matches):
            by_class = {**dict.fromkeys((a, b), f"{own} of Predicted Class")}.get(count, count)
            assert sum(int(row[count]) for row in basic) == sum(
                int(row[by_class]) for row in advanced
            )
    assert {row["Class Predicted by Optimized Model"] for row in advanced} <= {
        f"coco {k}" for k in standins.COCO_IDS[:10]
    }
    assert all(0 <= float(row["Predicted Class Precision"] or 0) <= 1 for row in advanced)


def test_classes_are_ranked_as_the_original_does(gated: Ran) -> None:
    """The parent's class has its rank among the optimized model's, and the background is no class."""
    rows = table(gated, "mobilenet-v2", "classification")
    same = [
        row["Class Predicted by Optimized Model"] == row["Class Predicted by Parent Model"]
        for row in rows
    ]
    rank = "Rank of Class Predicted by Parent Model in Optimized Predictions (from 1)"

    assert len(rows) == LEFT
    assert [row[rank] == "1" for row in rows] == same
    assert {row["Class Predicted by Parent Model"] for row in rows} <= {
        f"class {k}" for k in range(10)
    }


@pytest.mark.parametrize(
    "model", ["ssd_mobilenet_v2_coco", "instance-segmentation-security-0002", "yolo-v4"]
)
def test_one_image_is_shown(world: World, gated: Ran, model: str) -> None:
    """Both roles' answers on an image of one's own, which the original's notebook wrote code for."""
    assert gated.status == 0
    ran = world.run(world.root, "-m", "quantgate", "show", model, "images/0003.png", "--png")

    assert ran.status == 0, ran.said
    assert "0003.png" in ran.said
    assert list(world.root.rglob("*0003*.png"))


def test_the_result_is_packed_and_verified(world: World, gated: Ran) -> None:
    """The original ends with a deployment package; here it proves itself by the evidence that goes with it."""
    assert gated.status == 0
    for command in (("package", "mobilenet-v2"), ("verify", "packages/mobilenet-v2")):
        ran = world.run(world.root, "-m", "quantgate", *command)
        assert ran.status == 0, ran.said
