"""Calibration images as a stream of model inputs, and the accuracy that a recipe aims at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantgate.errors import DatasetError, QuantizationError
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import numpy as np
    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.datasets.sample import Sample
    from quantgate.progress import Progress

#: NNCF goes over the images several times: so many bytes of prepared ones are kept in memory.
KEPT_BYTES = 256 * 2**20
#: Share of unreadable images above which a set is refused (the loaders' own share).
MOST_SKIPPED = 0.01


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

    Attributes
    ----------
    skipped
        Name and reason of every image that turned out to be unreadable, in order.
    """

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._room = KEPT_BYTES
        self.skipped: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._calibration.samples)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield uint8 [1, height, width, channels] for every readable sample, in order.

        Raises
        ------
        DatasetError
            Where more than 1 % of the images cannot be read.
        """
        progress = self._calibration.progress
        progress.start("calibrate", len(self))
        try:
            for index, sample in enumerate(self._calibration.samples):
                prepared = None if sample.name in self.skipped else self._input(index, sample)
                # Before the yield: NNCF stops asking after the last one.
                progress.advance()
                if prepared is not None:
                    yield prepared
        finally:
            progress.close()

    def _input(self, index: int, sample: Sample) -> NDArray[np.uint8] | None:
        if index in self._kept:
            return self._kept[index]
        try:
            prepared = self._calibration.prepare(sample)[None]
        except DatasetError as error:
            self.skipped[sample.name] = str(error)
            refuse_many_skipped(self.skipped.values(), len(self), error)
            return None
        if prepared.nbytes <= self._room:
            self._kept[index] = prepared
            self._room -= prepared.nbytes
        return prepared


def refuse_many_skipped(
    reasons: Collection[str], total: int, error: DatasetError | None = None
) -> None:
    """Let at most 1 % of the images be unreadable.

    Raises
    ------
    DatasetError
        Says how many there are, and the first.
    """
    if len(reasons) > MOST_SKIPPED * total:
        raise DatasetError(
            f"{len(reasons)} of {total} images cannot be read, more than 1 %, the first: "
            f"{next(iter(reasons))}; repair or remove them"
        ) from error
