"""What both roles say and what is annotated, in columns: one row an image, one column a head."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.heads import annotated, answers, plain
from quantgate.core.predictions import Facts
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.comparison import ImageResult
    from quantgate.core.heads import Head
    from quantgate.core.predictions import Attributes
    from quantgate.tasks.attributes.record import Told

#: Images on which a head has to be annotated before it is judged by itself.
FEWEST_IMAGES = 10
#: Share of the spread of the parent's values from which on a value is called changed.
_NOTICED = 0.25


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of all images.

    Parameters
    ----------
    heads
        What there is.
    said
        Class, 1 or 0 of a label, or value, by role, [images, heads].
    """

    heads: tuple[Head, ...]
    said: Pair[NDArray[np.float64]]

    @property
    def named(self) -> NDArray[np.int64]:
        """Heads that say a class or a label, [k]."""
        return np.array([i for i, head in enumerate(self.heads) if head.kind != "value"], np.int64)

    @property
    def valued(self) -> NDArray[np.int64]:
        """Heads that say a number, [k]."""
        return np.array([i for i, head in enumerate(self.heads) if head.kind == "value"], np.int64)

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether both roles say the same, [images, named]."""
        return np.asarray((self.said.parent == self.said.optimized)[:, self.named])

    @property
    def apart(self) -> NDArray[np.float64]:
        """How far both roles' values are apart, in their unit, [images, valued]."""
        return differences(self, *self.said)[:, self.valued]

    @property
    def noticed(self) -> NDArray[np.float64]:
        """From which difference on a value is called changed, [heads]; 0 of what is no value."""
        spread = self.said.parent.std(axis=0)
        found = np.zeros(len(self.heads))
        found[self.valued] = _NOTICED * spread[self.valued]
        return found


def differences(
    all_of: Answers, first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Difference of two tables of answers [images, heads]; NaN where one has none."""
    columns = [head.apart(first[:, k], second[:, k]) for k, head in enumerate(all_of.heads)]
    return np.stack(columns, axis=1)


def answers_of(comparison: Told) -> Answers:
    """Put what both roles say into columns.

    Raises
    ------
    MeasurementError
        Where there is no image.
    """

    def found() -> Answers:
        if not len(comparison):
            raise MeasurementError("the evaluation set holds no image: nothing can be compared")
        heads = comparison.images[0].record.parent.heads
        return Answers(
            heads,
            Pair(
                *(
                    np.stack([answers(heads, one.record[role].values) for one in comparison.images])
                    for role in ROLES
                )
            ),
        )

    return comparison.once("answers", found)


def truths_of(comparison: Told) -> NDArray[np.float64]:
    """Read what is annotated, [images, heads] as answers are; NaN where nothing is.

    Raises
    ------
    DatasetError
        Where nothing is annotated of any head, or something that its head cannot say, naming the image.
    """

    def found() -> NDArray[np.float64]:
        heads = answers_of(comparison).heads
        table = np.stack([truth_of(heads, result) for result in comparison.images])
        if np.isnan(table).all():
            raise DatasetError(_nothing(comparison, heads))
        return table

    return comparison.once("truths", found)


def truth_of(heads: tuple[Head, ...], result: ImageResult[Attributes]) -> NDArray[np.float64]:
    """Read what is annotated of one image, [heads]; NaN where nothing is."""
    if not isinstance(result.truth, Facts):
        return np.full(len(heads), np.nan)
    try:
        return annotated(heads, dict(result.truth.cells))
    except ValueError as error:
        raise DatasetError(f"image {result.name}, attribute {error}") from error


def with_truth(comparison: Told) -> bool:
    """Whether anything is annotated of what the heads say."""

    def found() -> bool:
        columns = {plain(name) for name in columns_of(comparison)}
        return bool(columns & names_of(answers_of(comparison).heads))

    return comparison.once("with truth", found)


def names_of(heads: tuple[Head, ...]) -> set[str]:
    """By which names, spelled plainly, heads may be annotated."""
    return {plain(name) for head in heads for name in (head.name, head.group) if name}


def columns_of(comparison: Told) -> set[str]:
    """Names of the attributes that are annotated."""
    return {
        name
        for result in comparison.images
        if isinstance(result.truth, Facts)
        for name, _ in result.truth.cells
    }


def _nothing(comparison: Told, heads: tuple[Head, ...]) -> str:
    columns = sorted(columns_of(comparison))
    names = [head.name for head in heads]
    if not columns:
        first = comparison.images[0]
        return (
            f"image {first.name}: accuracy needs annotated attributes, found {type(first.truth).__name__}; use an "
            "annotated dataset or limits that need none (min_agreement, min_head_agreement, max_head_mae)"
        )
    near = next((m for c in columns for m in difflib.get_close_matches(c, names, 1)), None)
    meant = f"; did you mean {near}?" if near else ""
    return (
        f"none of the annotated attributes ({', '.join(columns)}) is one that the model tells ({', '.join(names)}) or "
        f"holds anything of it{meant}; rename columns by datasets.NAME.columns, or heads in decoder.heads"
    )
