"""What the loaders alone refuse or note of the lies about data, in every layout of annotations."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.datasets.catalog import load_dataset
from quantgate.errors import DatasetError
from quantgate.manifest import load_manifest
from suites.lies.data import LIES
from suites.lies.project import DATA, LAYOUTS, honest

if TYPE_CHECKING:
    from collections.abc import Callable

    from suites.lies.project import Lie, Project

#: What is said of each lie that annotations and images show without a model.
TOLD = {
    "frame": "EXIF orientation",
    "axes": "and none would if the numbers were y before x",
    "half": "were the images scaled after they were annotated?",
    "double": "lie mostly outside of their images",
    "resized": "annotated as",
    "corners": "the far corner where the size is expected",
    "centres": "the centre where the corner is expected",
    "first-corners": "the corner where the centre is expected",
    "fractions": "they seem to be fractions of the image",
    "duplicate": "are annotated twice, with the same class and box",
    "shallow": "they hold 12 bits and would be read nearly black",
    "turned-masks": "height and width are exchanged",
    "foreign-masks": "has a segmentation of the size [130, 150]",
    "leftovers": "part 1 of its segmentation has 4 numbers",
    "binary": 'set datasets.judged.class_ids = "binary"',
    "ignored": 'set datasets.judged.class_ids = "binary"',
    "grey-steps": "the 11 labels end at 10; the maps hold 0, 20, 40, 60",
    "one-off": "of all pixels are ignored (255)",
    "empty": "the class maps hold 'background' only",
}
#: Formats in fractions say no pixels: what leaves the image is no fraction any more.
IN_FRACTIONS = "in fractions of the image"
#: Square pictures and their halves keep their ratio of sides, and fractions know no sides: what images show
#: tells, or nothing.
UNTOLD = {("resized", "pairs"), ("frame", "pairs"), ("frame", "yolo-txt"), ("frame", "open-images")}
SAID = [lie for lie in LIES if lie.kind in TOLD and (lie.kind, lie.layout) not in UNTOLD]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Copy an honest project, which is drawn once for all tests."""

    @cache
    def drawn(layout: str) -> Project:
        return honest(tmp_path_factory.mktemp("honest") / "project", layout, seed=11, images=16)

    def copy(layout: str) -> Project:
        own = tmp_path_factory.mktemp("lie") / "project"
        return drawn(layout).copied(own)

    return copy


def said_of(project: Project) -> str:
    """What loading the dataset says: why it is refused, or its notes."""
    manifest = load_manifest(project.write())
    masks = manifest.models["honest"].task == "instance_segmentation"
    try:
        found = load_dataset(
            DATA, manifest.datasets[DATA], manifest.root, truth="masks" if masks else None
        )
    except DatasetError as error:
        return str(error)
    return "; ".join(found.notes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_said_of_what_is_right(project: Callable[[str], Project], layout: str) -> None:
    """Annotations that are of their images are read without a word."""
    assert not said_of(project(layout))


@pytest.mark.parametrize("lie", SAID, ids=lambda lie: lie.name)
def test_what_cannot_be_of_the_images_is_told(project: Callable[[str], Project], lie: Lie) -> None:
    """Another frame, scale, form, depth or numbering is named, in whatever layout it is written."""
    own = project(lie.layout)
    lie.tell(own, np.random.default_rng(5))
    said = said_of(own)
    told = TOLD[lie.kind]
    assert told in said or (lie.layout in {"yolo-txt", "open-images"} and IN_FRACTIONS in said)
