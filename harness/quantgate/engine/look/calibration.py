"""Whether calibration images can tell a quantizer anything: neither blank nor all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.datasets.images import read_image
from quantgate.datasets.selection import subset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset

#: Images that are read.
FEW = 16
#: Grey levels: pictures that vary less are blank, pictures that differ less are one and the same.
_BLANK, _SAME = 3.0, 1.0
#: Share of such pictures from which on it is said.
_MANY = 0.25
_SIDE = 16


def health(dataset: Dataset, name: str = "calibrate.dataset") -> list[str]:
    """Say what is wrong with the pictures of a calibration set, seen on a few of them.

    Raises
    ------
    DatasetError
        Where one cannot be read.
    """
    samples = subset(dataset, FEW, 0).dataset.samples
    small = [_thumbnail(read_image(sample)) for sample in samples]
    place = f"datasets.{dataset.name} ({name})"
    said = []
    blank = sum(bool(image.std() < _BLANK) for image in small)
    if blank >= _MANY * len(small):
        said.append(
            f"{blank} of {len(small)} images of {place} are of one colour: quantizers learn ranges from "
            "what they are shown, give pictures like those that the model will meet"
        )
    same = _copies(small)
    if len(small) > 1 and same >= _MANY * len(small) and not said:
        said.append(
            f"{same} of {len(small)} images of {place} show the same as another: give different ones"
        )
    if len(dataset) < FEW // 2:
        said.append(f"{place} has {len(dataset)} images: a quantizer wants some hundred")
    return said


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64)


def _copies(images: list[NDArray[np.float64]]) -> int:
    """Count the pictures that are like an earlier one."""
    return sum(
        any(float(np.abs(image - earlier).mean()) < _SAME for earlier in images[:index])
        for index, image in enumerate(images)
    )
