"""Whether calibration images can tell a quantizer anything: neither blank, nor all the same, nor foreign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.datasets.images import read_image
from quantgate.datasets.selection import subset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset, Sample

#: Images that are read.
FEW = 16
#: Grey levels: pictures that vary less are blank, pictures that differ less are one and the same.
_BLANK, _SAME = 3.0, 1.0
#: Share of such pictures from which on it is said.
_MANY = 0.25
_SIDE = 16
#: Pictures that are named.
_NAMED = 3
#: Sets whose medians lie so many spreads apart are foreign to each other: medians of 16 pictures of one kind
#: differ by .44 spreads (standard deviation). A spread is at least so many grey levels.
_FOREIGN, _LEAST_SPREAD = 2.5, 6.0


def health(
    dataset: Dataset, name: str = "calibrate.dataset", judged: Dataset | None = None
) -> list[str]:
    """Say what is wrong with the pictures of a calibration set, seen on a few of them.

    ``judged`` are the pictures that the model meets: those of the evaluation.

    Raises
    ------
    DatasetError
        Where one cannot be read.
    """
    samples = subset(dataset, FEW, 0).dataset.samples
    small = [_thumbnail(read_image(sample)) for sample in samples]
    place = f"datasets.{dataset.name} ({name})"
    said = []
    blank = [bool(image.std() < _BLANK) for image in small]
    if sum(blank) >= _MANY * len(small):
        said.append(
            f"{sum(blank)} of {len(small)} images of {place} are of one colour ({_some(samples, blank)}): "
            "quantizers learn ranges from what they are shown, give pictures like those that the model will meet"
        )
    same = _copies(small)
    if len(small) > 1 and sum(same) >= _MANY * len(small) and not said:
        said.append(
            f"{sum(same)} of {len(small)} images of {place} show the same as another "
            f"({_some(samples, same)}): give different ones"
        )
    if judged is not None and not said:
        said += _foreign(dataset, judged, place)
    if len(dataset) < FEW // 2:
        images = "1 image" if len(dataset) == 1 else f"{len(dataset)} images"
        said.append(f"{place} has {images}: a quantizer wants some hundred")
    return said


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64)


def _copies(images: list[NDArray[np.float64]]) -> list[bool]:
    """Say of each picture whether it is like an earlier one."""
    return [
        any(float(np.abs(image - earlier).mean()) < _SAME for earlier in images[:index])
        for index, image in enumerate(images)
    ]


def _some(samples: Sequence[Sample], chosen: Sequence[bool]) -> str:
    names = [sample.name for sample, one in zip(samples, chosen, strict=True) if one]
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _foreign(dataset: Dataset, judged: Dataset, place: str) -> list[str]:
    """Compare brightness, contrast and colour of a few pictures of both sets; name the clearest difference."""
    ours, theirs = (_looks(one) for one in (dataset, judged))
    middle = np.median(ours, axis=0), np.median(theirs, axis=0)
    spread = np.sqrt((_spread(ours) ** 2 + _spread(theirs) ** 2) / 2)
    apart = np.abs(middle[0] - middle[1]) / np.maximum(spread, _LEAST_SPREAD)
    worst = int(apart.argmax())
    if apart[worst] < _FOREIGN:
        return []
    samples = subset(dataset, FEW, 0).dataset.samples
    some = _some(samples, [True] * len(samples))
    told = (
        f"the images of {place} are unlike those of datasets.{judged.name} (evaluate.dataset): "
        f"{_LOOKS[worst]} {middle[0][worst]:.0f} against {middle[1][worst]:.0f} of 255 ({some}): calibrate on "
        "pictures like those that the model will meet"
    )
    return [told]


_LOOKS = ("brightness", "contrast", "colourfulness")


def _looks(dataset: Dataset) -> NDArray[np.float64]:
    """Measure :data:`_LOOKS` of a few pictures, grey levels, [pictures, 3]."""
    rows = []
    for sample in subset(dataset, FEW, 0).dataset.samples:
        blue, green, red = np.ascontiguousarray(np.moveaxis(read_image(sample), 2, 0))
        most = np.maximum(np.maximum(blue, green), red)
        colour = most - np.minimum(np.minimum(blue, green), red)
        grey = (blue.astype(np.uint16) + green + red) / 3
        rows.append((grey.mean(), grey.std(), colour.mean()))
    return np.array(rows)


def _spread(looks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each column of looks [pictures, 3], robust against single pictures: [3]."""
    deviation: NDArray[np.float64] = np.abs(looks - np.median(looks, axis=0))
    return np.asarray(1.4826 * np.median(deviation, axis=0))
