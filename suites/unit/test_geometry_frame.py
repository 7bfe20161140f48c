from __future__ import annotations

import numpy as np

from quantgate.core.geometry import Frame

FRAME = Frame((200, 100), (64, 64), (0.32, 0.32), (0.0, 16.0))


def test_boxes_are_mapped_back_and_clipped() -> None:
    """A letterboxed input maps to the image exactly, and never beyond it."""
    boxes = np.array([[0, 16, 64, 48], [-5, 0, 32, 32], [63, 47, 80, 60]], np.float32)
    found = FRAME.to_image(boxes)
    expected = np.array([[0, 0, 200, 100], [0, 0, 100, 50], [196.875, 96.875, 200, 100]])
    assert found.dtype == np.float32
    assert np.allclose(found, expected)


def test_no_boxes_are_no_boxes() -> None:
    """An empty array keeps its four columns both ways."""
    none = np.zeros((0, 4), np.float32)
    assert FRAME.to_image(none).shape == FRAME.to_model(none).shape == (0, 4)
