"""Lies about the data: annotations that are not of these pixels, classes or numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from suites.lies.project import DATA, LAYOUTS, Lie, Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.zoo.scenes import Scene

BOXES = ("coco", "voc", "yolo-txt", "open-images")


def _each(change: Callable[[Scene, np.random.Generator], Scene]) -> Callable[..., None]:
    """Annotate every image as if it showed the changed scene."""

    def tell(project: Project, rng: np.random.Generator) -> None:
        project.annotate([change(scene, rng) for scene in project.drawn])

    return tell


def _boxes(scene: Scene, boxes: NDArray[np.float32]) -> Scene:
    return replace(scene, boxes=np.asarray(boxes, np.float32))


def _turned(scene: Scene, quarter: int) -> Scene:
    """Turn the picture and all its truth by quarters, against the clock."""
    owners = np.ascontiguousarray(np.rot90(scene.owners, quarter))
    boxes, width = scene.boxes, scene.image.shape[1]
    for step in range(quarter % 4):
        across = width if step % 2 == 0 else scene.image.shape[0]
        x0, y0, x1, y1 = boxes.T
        boxes = np.stack([y0, across - x1, y1, across - x0], axis=1)
    return replace(
        scene,
        image=np.ascontiguousarray(np.rot90(scene.image, quarter)),
        clean=np.ascontiguousarray(np.rot90(scene.clean, quarter)),
        boxes=boxes,
        owners=owners,
    )


#: EXIF orientation of pixels that were turned by so many quarters before they were stored.
_TAGS = {1: 6, 2: 3, 3: 8}


def raw_frame(project: Project, rng: np.random.Generator) -> None:
    """Images stored turned, with EXIF's orientation; annotations of the stored pixels."""
    project.annotate(store_turned(project, int(rng.choice([1, 3]))))


def _exchanged(scene: Scene, _: np.random.Generator) -> Scene:
    return _boxes(scene, scene.boxes[:, [1, 0, 3, 2]])


def _scaled(factor: float) -> Callable[[Scene, np.random.Generator], Scene]:
    def change(scene: Scene, _: np.random.Generator) -> Scene:
        shape = scene.image.shape
        size = (round(shape[1] * factor), round(shape[0] * factor))
        owners = cv2.resize(scene.owners, size, interpolation=cv2.INTER_NEAREST)
        same = np.zeros_like(scene.owners)
        rows, columns = min(shape[0], size[1]), min(shape[1], size[0])
        same[:rows, :columns] = owners[:rows, :columns]
        return replace(scene, boxes=scene.boxes * np.float32(factor), owners=same)

    return change


def resized(project: Project, _: np.random.Generator) -> None:
    """Every third image scaled to one half after it was annotated."""
    for path in project.images[::3]:
        image = _pixels(path, cv2.IMREAD_COLOR)
        cv2.imwrite(str(path), cv2.resize(image, None, fx=0.5, fy=0.5))


def offset(project: Project, rng: np.random.Generator) -> None:
    """Everything shifted by a sixth of the side: as where a margin was cropped away."""
    way = np.where(rng.random(2) < 0.5, -1, 1)

    def change(scene: Scene, _: np.random.Generator) -> Scene:
        height, width = scene.image.shape[:2]
        dx, dy = (way * np.array([width, height]) / 6).astype(int).tolist()
        moved = scene.boxes + np.array([dx, dy, dx, dy], np.float32)
        sides = np.array([width, height, width, height], np.float32)
        clipped = np.clip(moved, 0, sides)
        kept = (clipped[:, 2] - clipped[:, 0] > 2) & (clipped[:, 3] - clipped[:, 1] > 2)
        owners = np.roll(scene.owners, (dy, dx), (0, 1))
        table = np.concatenate(([0], np.where(kept, np.cumsum(kept), 0))).astype(np.uint8)
        return replace(scene, boxes=clipped[kept], labels=scene.labels[kept], owners=table[owners])

    _each(change)(project, rng)


def upside_down(project: Project, _: np.random.Generator) -> None:
    """Images stored upside down, with EXIF's orientation, so that no size tells; annotations of those pixels."""
    project.annotate(store_turned(project, 2))


def store_turned(project: Project, quarter: int) -> tuple[Scene, ...]:
    """Store the images turned, with EXIF's orientation, and leave the annotations; give what is stored."""
    turned = tuple(_turned(scene, quarter) for scene in project.drawn)
    for path, scene in zip(project.images, turned, strict=True):
        exif = Image.Exif()
        exif[0x0112] = _TAGS[quarter]
        Image.fromarray(scene.image[..., ::-1]).save(path, exif=exif)
    return turned


def _slipped(scene: Scene, _: np.random.Generator) -> Scene:
    """Everything shifted by a few hundredths of the side: as where a border was added."""
    height, width = scene.image.shape[:2]
    dx, dy = round(0.05 * width), round(0.05 * height)
    sides = np.array([width, height, width, height], np.float32)
    moved = np.clip(scene.boxes + np.array([dx, dy, dx, dy], np.float32), 0, sides)
    return replace(scene, boxes=moved, owners=np.roll(scene.owners, (dy, dx), (0, 1)))


def _thinned(share: float) -> Callable[[Scene, np.random.Generator], Scene]:
    """Leave out a share of all objects."""

    def change(scene: Scene, rng: np.random.Generator) -> Scene:
        kept = rng.random(len(scene.labels)) >= share
        table = np.concatenate(([0], np.where(kept, np.cumsum(kept), 0))).astype(np.uint8)
        return replace(
            scene, boxes=scene.boxes[kept], labels=scene.labels[kept], owners=table[scene.owners]
        )

    return change


def _some_twice(scene: Scene, rng: np.random.Generator) -> Scene:
    """A fifth of all objects twice."""
    again = rng.random(len(scene.labels)) < 0.2
    return replace(
        scene,
        boxes=np.concatenate([scene.boxes, scene.boxes[again]]),
        labels=np.concatenate([scene.labels, scene.labels[again]]),
    )


def _corners(scene: Scene, _: np.random.Generator) -> Scene:
    """Far corners where sizes are expected."""
    return _boxes(
        scene, np.concatenate([scene.boxes[:, :2], scene.boxes[:, :2] + scene.boxes[:, 2:]], 1)
    )


def _sizes(scene: Scene, _: np.random.Generator) -> Scene:
    """Sizes where far corners are expected."""
    sizes = scene.boxes[:, 2:] - scene.boxes[:, :2]
    return _boxes(scene, np.concatenate([scene.boxes[:, :2], sizes], 1))


def _centres(scene: Scene, _: np.random.Generator) -> Scene:
    """The centre where the corner is expected."""
    half = (scene.boxes[:, 2:] - scene.boxes[:, :2]) / 2
    return _boxes(scene, scene.boxes + np.concatenate([half, half], 1))


def _first_corners(scene: Scene, _: np.random.Generator) -> Scene:
    """The corner where the centre is expected."""
    half = (scene.boxes[:, 2:] - scene.boxes[:, :2]) / 2
    return _boxes(scene, np.asarray(scene.boxes - np.concatenate([half, half], 1), np.float32))


def _fractions(scene: Scene, _: np.random.Generator) -> Scene:
    height, width = scene.image.shape[:2]
    sides = np.array([width, height, width, height], np.float32)
    return _boxes(scene, np.asarray(scene.boxes / sides, np.float32))


def class_shift(project: Project, rng: np.random.Generator) -> None:
    """Classes counted from elsewhere."""
    by = int(rng.integers(1, 10))

    def change(scene: Scene, _: np.random.Generator) -> Scene:
        return replace(scene, labels=(scene.labels + by) % 10)

    _each(change)(project, rng)


def class_swap(project: Project, rng: np.random.Generator) -> None:
    """Half of all classes exchanged in pairs."""
    order = np.arange(10)
    chosen = rng.permutation(10)[:6]
    order[chosen] = np.roll(chosen, 1)

    def change(scene: Scene, _: np.random.Generator) -> Scene:
        return replace(scene, labels=order[scene.labels])

    _each(change)(project, rng)


def _twice(scene: Scene, _: np.random.Generator) -> Scene:
    return replace(
        scene,
        boxes=np.concatenate([scene.boxes, scene.boxes]),
        labels=np.concatenate([scene.labels, scene.labels]),
    )


def neighbour(project: Project, _: np.random.Generator) -> None:
    """Every annotation is of the next image."""
    project.annotate([*project.drawn[1:], project.drawn[0]])


def _pixels(path: Path, flag: int) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), flag)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def _map_file(change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Callable[..., None]:
    """Change every class map as a file."""

    def tell(project: Project, _: np.random.Generator) -> None:
        for path in sorted((project.folder / "maps").glob("*.png")):
            cv2.imwrite(str(path), change(_pixels(path, cv2.IMREAD_UNCHANGED)))

    return tell


def binary(project: Project, _: np.random.Generator) -> None:
    """Masks of one class, 255 where it is."""
    project.document["datasets"][DATA]["labels"] = ["background", "digit"]
    _map_file(lambda ids: np.where(ids > 0, 255, 0).astype(np.uint8))(project, _)


def turned_masks(project: Project, _: np.random.Generator) -> None:
    """Run lengths of the image laid on its side: rows taken for columns."""
    from faster_coco_eval.core import mask as rle

    def change(item: dict[str, Any]) -> None:
        mask = rle.decode(
            {**item["segmentation"], "counts": item["segmentation"]["counts"].encode()}
        )
        encoded = rle.encode(np.asfortranarray(mask.T))
        item["segmentation"] = {"size": encoded["size"], "counts": encoded["counts"].decode()}

    _json(project, change)


def foreign_masks(project: Project, _: np.random.Generator) -> None:
    """Run lengths of the image at half its size."""
    from faster_coco_eval.core import mask as rle

    def change(item: dict[str, Any]) -> None:
        mask = rle.decode(
            {**item["segmentation"], "counts": item["segmentation"]["counts"].encode()}
        )
        encoded = rle.encode(np.asfortranarray(mask[::2, ::2]))
        item["segmentation"] = {"size": encoded["size"], "counts": encoded["counts"].decode()}

    _json(project, change)


def leftovers(project: Project, _: np.random.Generator) -> None:
    """A leftover part of two points before every polygon."""

    def change(item: dict[str, Any]) -> None:
        x, y, w, h = item["bbox"]
        box = [x, y, x + w, y, x + w, y + h, x, y + h]
        item["segmentation"] = [[x, y, x + 1, y + 1], box]

    _json(project, change)


def crowds(project: Project, _: np.random.Generator) -> None:
    """``iscrowd`` as text, which is true whatever it says."""

    def change(item: dict[str, Any]) -> None:
        item["iscrowd"] = "0"

    _json(project, change)


def _json(project: Project, change: Callable[[dict[str, Any]], None]) -> None:
    file = project.folder / "truth.json"
    content = json.loads(file.read_text("utf-8"))
    for item in content["annotations"]:
        change(item)
    file.write_text(json.dumps(content), encoding="utf-8")


def shallow(project: Project, _: np.random.Generator) -> None:
    """Pixels of 12 bits in files of 16."""
    for path in project.images:
        cv2.imwrite(str(path), _pixels(path, cv2.IMREAD_COLOR).astype(np.uint16) << 4)


def mirrored(project: Project, rng: np.random.Generator) -> None:
    """Annotations of the mirrored image, as an augmentation left them."""

    def change(scene: Scene, _: np.random.Generator) -> Scene:
        width = scene.image.shape[1]
        boxes = scene.boxes.copy()
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        return replace(
            scene,
            boxes=boxes,
            owners=np.ascontiguousarray(scene.owners[:, ::-1]),
            clean=np.ascontiguousarray(scene.clean[:, ::-1]),
        )

    _each(change)(project, rng)


_OF_BOXES: dict[str, Callable[..., None]] = {
    "frame": raw_frame,
    "axes": _each(_exchanged),
    "half": _each(_scaled(0.5)),
    "double": _each(_scaled(2.0)),
    "resized": resized,
    "offset": offset,
    "mirror": mirrored,
    "corners": _each(_corners),
    "centres": _each(_centres),
    "first-corners": _each(_first_corners),
    "fractions": _each(_fractions),
    "class-shift": class_shift,
    "class-swap": class_swap,
    "duplicate": _each(_twice),
    "drop": _each(_thinned(0.5)),
    "neighbour": neighbour,
    "shallow": shallow,
    "upside-down": upside_down,
    "slip": _each(_slipped),
    "near-scale": _each(_scaled(0.9)),
    "some-twice": _each(_some_twice),
    "few-dropped": _each(_thinned(0.2)),
}
#: What a layout cannot say, or says the same: fractions know no scale of images, and so on.
_NOT_THERE = {
    ("yolo-txt", "resized"),
    ("open-images", "resized"),
    ("voc", "fractions"),
    ("yolo-txt", "fractions"),
    ("open-images", "fractions"),
}
_OF_MASKS: dict[str, Callable[..., None]] = {
    "frame": raw_frame,
    "turned-masks": turned_masks,
    "foreign-masks": foreign_masks,
    "leftovers": leftovers,
    "crowd-text": crowds,
    "offset": offset,
    "mirror": mirrored,
    "class-shift": class_shift,
    "duplicate": _each(_twice),
    "drop": _each(_thinned(0.5)),
    "neighbour": neighbour,
    "half": _each(_scaled(0.5)),
    "upside-down": upside_down,
    "slip": _each(_slipped),
    "few-dropped": _each(_thinned(0.2)),
}
_OF_MAPS: dict[str, Callable[..., None]] = {
    "frame": raw_frame,
    "upside-down": upside_down,
    "slip": _each(_slipped),
    "few-dropped": _each(_thinned(0.2)),
    "resized": resized,
    "offset": offset,
    "mirror": mirrored,
    "class-shift": class_shift,
    "class-swap": class_swap,
    "neighbour": neighbour,
    "drop": _each(_thinned(0.5)),
    "binary": binary,
    "ignored": _map_file(lambda ids: np.where(ids > 0, 255, 0).astype(np.uint8)),
    "grey-steps": _map_file(lambda ids: np.asarray(ids * 20, np.uint8)),
    "one-off": _map_file(lambda ids: np.asarray(ids - 1, np.uint8)),
    "empty": _map_file(np.zeros_like),
}
_OF_CLASSES: dict[str, Callable[..., None]] = {
    "class-shift": class_shift,
    "class-swap": class_swap,
    "neighbour": neighbour,
    "shallow": shallow,
}
_OF_PAIRS: dict[str, Callable[..., None]] = {
    "neighbour": neighbour,
    "mirror": mirrored,
    "resized": resized,
    "frame": raw_frame,
}
LIES: tuple[Lie, ...] = tuple(
    Lie(f"{kind}-{layout}", kind, layout, tell)
    for layouts, tells in (
        (BOXES, _OF_BOXES),
        (("coco-masks",), _OF_MASKS),
        (("masks",), _OF_MAPS),
        (("imagenet",), _OF_CLASSES),
        (("pairs",), _OF_PAIRS),
    )
    for layout in layouts
    for kind, tell in tells.items()
    if (layout, kind) not in _NOT_THERE
)
assert {lie.layout for lie in LIES} <= set(LAYOUTS)
