"""Calibration images as a stream of model inputs, and the accuracy that a recipe aims at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.engine.progress import SILENT
from harness.errors import QuantizationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import openvino as ov
    from numpy.typing import NDArray

    from harness.datasets.sample import Sample
    from harness.engine.progress import Progress

#: NNCF goes over the images several times: so many bytes of prepared ones are kept in memory.
KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Aim:
    """What accuracy-aware quantization holds on to.

    Parameters
    ----------
    samples
        The images that accuracy is measured on.
    measure
        The task's own metric of a compiled model on some of these, higher is better; a fraction.
    max_drop
        How much of it may be lost.
    key
        JSON-able: everything that can change what ``measure`` returns.
    """

    samples: Sequence[Sample]
    measure: Callable[[ov.CompiledModel, Sequence[Sample]], float]
    max_drop: float
    key: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration images of one entry, in order.

    Parameters
    ----------
    samples
        As they were drawn.
    prepare
        One sample as the model's input: uint8 [height, width, channels].
    progress
        Told about every image; starts anew with each pass that NNCF makes.
    """

    samples: Sequence[Sample]
    prepare: Callable[[Sample], NDArray[np.uint8]]
    progress: Progress = SILENT

    def __post_init__(self) -> None:
        if not self.samples:
            raise QuantizationError(
                "there is no calibration image: calibrate.dataset gives none, at least one is needed"
            )

    def stream(self) -> Stream:
        """Open a stream that NNCF can go over as often as it likes."""
        return Stream(self)


class Stream:
    """Prepared inputs, one image a batch; the first ``KEPT_BYTES`` of them are kept for the next pass.

    Parameters
    ----------
    calibration
        What to prepare, and whom to tell.
    """

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._kept: list[NDArray[np.uint8]] = []

    def __len__(self) -> int:
        return len(self._calibration.samples)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield uint8 [1, height, width, channels] for every sample, in order."""
        progress = self._calibration.progress
        progress.start("calibrate", len(self))
        for index in range(len(self)):
            yield self._input(index)
            progress.advance()
        progress.close()

    def _input(self, index: int) -> NDArray[np.uint8]:
        if index < len(self._kept):
            return self._kept[index]
        prepared = self._calibration.prepare(self._calibration.samples[index])[None]
        if index == len(self._kept) and (index + 1) * prepared.nbytes <= KEPT_BYTES:
            self._kept.append(prepared)
        return prepared
