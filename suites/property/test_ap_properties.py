"""What holds for every average precision, whatever the detections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.core.average_precision import COCO_THRESHOLDS, average_precision
from quantgate.core.predictions import Detections, Objects
from quantgate.tasks.detection.average_precision import (
    coco_flags,
    coco_scores,
    voc_by_class,
    voc_flags,
)

# A coarse grid: overlaps tie, boxes repeat and IoUs meet the thresholds exactly.
_BOX = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))
_TRUTH = st.lists(st.tuples(_BOX, st.integers(0, 1), st.booleans()), max_size=4)
_FOUND = st.lists(st.tuples(_BOX, st.integers(0, 1), st.integers(1, 4)), max_size=6)
_SET = st.lists(st.tuples(_TRUTH, _FOUND), min_size=1, max_size=5)


def _boxes(
    listed: list[tuple[int, int, int, int]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    table = np.array(listed, np.float32).reshape(-1, 4)
    return np.hstack([table[:, :2], table[:, :2] + table[:, 2:]])


def _build(images: list[tuple[list, list]]) -> tuple[list[Detections], list[Objects]]:  # type: ignore[type-arg]
    found, truth = [], []
    for objects, detections in images:
        boxes = _boxes([row[0] for row in objects])
        truth.append(
            Objects(
                boxes,
                np.array([row[1] for row in objects], np.int64),
                np.array([row[2] for row in objects], np.bool_),
                (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]),
            )
        )
        ranked = sorted(detections, key=lambda row: -row[2])
        found.append(
            Detections(
                _boxes([row[0] for row in ranked]),
                np.array([row[2] / 4 for row in ranked], np.float32),
                np.array([row[1] for row in ranked], np.int64),
            )
        )
    return found, truth


@settings(deadline=None)
@given(_SET)
def test_our_accumulation_is_the_library_s(images: list[tuple[list, list]]) -> None:  # type: ignore[type-arg]
    """The matches that are resampled give exactly the AP that is judged."""
    found, truth = _build(images)
    ones = np.ones((1, len(images)), np.int32)
    flags = coco_flags(found, truth, COCO_THRESHOLDS)

    own = {label: average_precision(item, ones)[0] for label, item in flags.items()}

    rows = coco_scores(found, truth).by_class
    assert own == pytest.approx({label: row["ap"] for label, row in rows.items()}, abs=1e-9)


@settings(deadline=None)
@given(_SET)
def test_average_precision_is_a_fraction(images: list[tuple[list, list]]) -> None:  # type: ignore[type-arg]
    """Between 0 and 1 in every interpolation."""
    found, truth = _build(images)
    flags = voc_flags(found, truth)

    for interpolation in ("voc", "voc11"):
        values = voc_by_class(flags, interpolation).values()
        assert all(0.0 <= value <= 1.0 + 1e-12 for value in values)


@settings(deadline=None)
@given(_SET)
def test_the_truth_itself_is_perfect(images: list[tuple[list, list]]) -> None:  # type: ignore[type-arg]
    """A model that answers the annotations has an AP of 1 in every class."""
    _, truth = _build(images)
    perfect = [
        Detections(t.boxes, np.ones(len(t), np.float32), t.labels).take(~t.crowd) for t in truth
    ]

    rows = coco_scores(perfect, truth).by_class
    assert [row["ap"] for row in rows.values()] == pytest.approx([1.0] * len(rows))
