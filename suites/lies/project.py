"""An honest project on disk, made by the tests themselves, in which one lie at a time is told."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from quantgate.zoo.catalog import LABELS
from quantgate.zoo.scenes import render, render_classification
from suites.e2e import formats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from quantgate.zoo.scenes import Scene

#: The one model of every project, and its one annotated dataset.
MODEL, DATA = "honest", "judged"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with images, annotations and models.toml.

    Parameters
    ----------
    document
        models.toml as nested tables; a lie about the model changes it in place.
    drawn
        What the images show; a lie about the data is told by ``annotate`` with other scenes.
    """

    folder: Path
    layout: Layout
    document: dict[str, Any]
    drawn: tuple[Scene, ...]

    @property
    def entry(self) -> dict[str, Any]:
        """The table of the model."""
        table: dict[str, Any] = self.document["models"][MODEL]
        return table

    @property
    def images(self) -> list[Path]:
        """The image files, in the order of ``drawn``."""
        return sorted((self.folder / "images").rglob("*.png"))

    def annotate(self, scenes: Sequence[Scene]) -> None:
        """Write the annotations anew, as if the images showed these scenes."""
        self.layout.annotate(self.folder, scenes)

    def copied(self, folder: Path) -> Project:
        """Make the same project in another folder, in which another lie can be told."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder, document=deepcopy(self.document))

    def write(self) -> Path:
        """Write models.toml."""
        path = self.folder / "models.toml"
        path.write_text(_toml(self.document), encoding="utf-8")
        return path


@dataclass(frozen=True, slots=True)
class Lie:
    """One way in which what a project says is not so.

    Parameters
    ----------
    name
        Unique: ``scale-coco``.
    kind
        What is wrong, for the tables: ``scale``.
    layout
        Key of ``LAYOUTS``: the project in which it is told.
    tell
        Changes an honest project; all that it chooses comes from the generator.
    """

    name: str
    kind: str
    layout: str
    tell: Callable[[Project, np.random.Generator], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """A built-in model, and how the truth of its images lies on disk."""

    model: str
    size: tuple[int, int]
    dataset: Mapping[str, Any]
    annotate: Callable[[Path, Sequence[Scene]], None]
    single: bool = False


def honest(folder: Path, layout: str, *, seed: int = 0, images: int = 24) -> Project:
    """Draw images, write their truth as it is, and a manifest that is right."""
    chosen = LAYOUTS[layout]
    drawn = tuple(_scene(chosen, seed, index) for index in range(images))
    (folder / "images").mkdir(parents=True)
    for index, scene in enumerate(drawn):
        cv2.imwrite(str(folder / "images" / f"{index:04d}.png"), scene.image)
    document = {
        "datasets": {
            "calibration": {
                "kind": "digits",
                "split": "calibrate",
                "count": 12,
                "size": list(chosen.size),
                "subject": "single" if chosen.single else "scenes",
                "annotated": False,
            },
            DATA: {"path": "images", **chosen.dataset},
        },
        "models": {
            MODEL: {
                "source": {"zoo": chosen.model},
                "calibrate": {"dataset": "calibration", "subset": 12},
                "evaluate": DATA,
                "limits": {"max_accuracy_drop": 0.05},
            }
        },
    }
    project = Project(folder, chosen, document, drawn)
    project.annotate(drawn)
    project.write()
    return project


def _scene(layout: Layout, seed: int, index: int) -> Scene:
    if not layout.single:
        return render(seed, index, size=layout.size, split="evaluate")
    scene, label = render_classification(seed, index, size=layout.size, split="evaluate")
    # Where the digit is hidden the scene lists no object: its class is annotated all the same.
    return replace(scene, labels=np.array([label]), boxes=np.zeros((1, 4), np.float32))


def _toml(document: Mapping[str, Any]) -> str:
    """Write tables of tables: ``[models.NAME]``, and everything in them inline."""
    lines = []
    for family, tables in document.items():
        for name, table in tables.items():
            lines.append(f"[{family}.{json.dumps(name)}]")
            lines += [f"{json.dumps(key)} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)} = {_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)


def _coco(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_coco(folder / "truth.json", scenes, masks=False)


def _coco_masks(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_coco(folder / "truth.json", scenes)


def _yolo(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_yolo_txt(folder / "txt", scenes)


def _voc(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_voc(folder / "xml", scenes)


def _csv(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_open_images(folder / "truth.csv", scenes)


def _maps(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_maps(folder / "maps", scenes)


def _targets(folder: Path, scenes: Sequence[Scene]) -> None:
    formats.write_targets(folder / "targets", scenes)


def _list(folder: Path, scenes: Sequence[Scene]) -> None:
    lines = [f"{k:04d}.png {int(scene.labels[0])}" for k, scene in enumerate(scenes)]
    (folder / "list.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


_CLASSES = {"labels": list(LABELS)}
_BOXES: tuple[str, tuple[int, int]] = ("digits-yolo-v4-tiny", (300, 260))
LAYOUTS = MappingProxyType(
    {
        "coco": Layout(*_BOXES, {"kind": "coco", "annotations": "truth.json"}, _coco),
        "voc": Layout(*_BOXES, {"kind": "voc", "annotations": "xml", **_CLASSES}, _voc),
        "yolo-txt": Layout(*_BOXES, {"kind": "yolo-txt", "annotations": "txt", **_CLASSES}, _yolo),
        "open-images": Layout(
            *_BOXES,
            {
                "kind": "open-images",
                "annotations": "truth.csv",
                "labels": [f"/m/{label}" for label in LABELS],
            },
            _csv,
        ),
        "coco-masks": Layout(
            "digits-instance-segmentation",
            (300, 260),
            {"kind": "coco", "annotations": "truth.json"},
            _coco_masks,
        ),
        "masks": Layout(
            "digits-segmentation",
            (256, 240),
            {"kind": "masks", "annotations": "maps", "labels": ["background", *LABELS]},
            _maps,
        ),
        "imagenet": Layout(
            "digits-mobilenet-v2",
            (224, 200),
            {"kind": "imagenet", "annotations": "list.txt", **_CLASSES},
            _list,
            single=True,
        ),
        "pairs": Layout(
            "digits-restoration", (192, 192), {"kind": "pairs", "annotations": "targets"}, _targets
        ),
    }
)
