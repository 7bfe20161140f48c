"""What a picture of attributes shows of each head: what the roles say, how surely, and what is annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.heads import answers, spans
from quantgate.core.predictions import Attributes, Facts
from quantgate.report.picture import HeadBars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.core.heads import Head


def head_bars(
    comparison: Comparison[Attributes], result: ImageResult[Attributes]
) -> tuple[HeadBars, ...]:
    """Prepare the heads of one image: shares of classes and labels, values within the range of all images."""
    from quantgate.tasks.attributes.answers import answers_of, truth_of
    from quantgate.tasks.attributes.tables import changes_of

    all_of = answers_of(comparison)
    places = comparison.once(
        "places by name", lambda: {one.name: i for i, one in enumerate(comparison.images)}
    )
    index = places[result.name]
    changed = set(changes_of(comparison)[index].places.tolist())
    known = isinstance(result.truth, Facts)
    truth = truth_of(all_of.heads, result) if known else np.full(len(all_of.heads), np.nan)
    found = []
    for k, (head, span) in enumerate(zip(all_of.heads, spans(all_of.heads), strict=True)):
        said = [float(of[index, k]) for of in all_of.said]
        column = np.concatenate([of[:, k] for of in all_of.said])
        lowest, highest = _range(head, column, float(truth[k]))
        values = [record.values[span] for record in result.record]
        shares = [_share(head, own, (lowest, highest)) for own in values]
        marked = head.kind == "value" and not np.isnan(truth[k])
        mark = (float(truth[k]) - lowest) / (highest - lowest) if marked else None
        told = [_told(head, one, own) for one, own in zip(said, values, strict=True)]
        wrong = [
            head.kind != "value" and bool(not np.isnan(truth[k]) and one != truth[k])
            for one in said
        ]
        found.append(
            HeadBars(
                head.name,
                (told[0], told[1]),
                (shares[0], shares[1]),
                head.told(float(truth[k])),
                mark,
                wrong=(wrong[0], wrong[1]),
                changed=k in changed,
            )
        )
    return tuple(found)


def single_bars(prediction: Attributes) -> list[tuple[str, float]]:
    """What one role says of one image, head by head, and how surely; values have no share."""
    said = answers(prediction.heads, prediction.values)
    return [
        (f"{head.name}: {head.told(float(said[k]))}", _share(head, prediction.values[span], None))
        for k, (head, span) in enumerate(
            zip(prediction.heads, spans(prediction.heads), strict=True)
        )
    ]


def _told(head: Head, said: float, values: NDArray[np.floating]) -> str:
    if head.kind == "value":
        return head.told(said)
    return f"{head.told(said)}  {float(values.max()):.2f}"


def _share(head: Head, values: NDArray[np.floating], within: tuple[float, float] | None) -> float:
    if head.kind != "value":
        return float(values.max())
    if within is None:
        return 0.0
    return (float(values[0]) - within[0]) / (within[1] - within[0])


def _range(head: Head, column: NDArray[np.float64], truth: float) -> tuple[float, float]:
    """Ends of a value's bar: those of all answers, the annotation, and 0 where no answer is far below it."""
    known: Sequence[float] = [*column.tolist(), *([] if np.isnan(truth) else [truth])]
    lowest, highest = min(known), max(known)
    if head.kind == "value" and lowest > 0:
        lowest = 0.0
    return lowest, highest if highest > lowest else lowest + 1
