"""Accuracy against the annotations: what did quantization cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.pipeline.accuracy import Compared
    from quantgate.session.gate import Gate


@pytest.mark.limit("max_accuracy_drop")
def test_accuracy_drop(gate: Gate, comparison: Compared) -> None:
    """The metric of the optimized model is at most the limit below its parent's."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_error_increase")
def test_error_increase(gate: Gate, comparison: Compared) -> None:
    """The error rate grows at most by the limit: 99.5 % to 98.5 % is three times the errors."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_class_drop")
def test_class_drop(gate: Gate, comparison: Compared) -> None:
    """No single class falls further than the limit, whatever the mean says."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_mae_increase")
def test_mae_increase(gate: Gate, comparison: Compared) -> None:
    """No value is farther from its annotations than the parent's by more than the limit."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_segment_drop")
def test_segment_drop(gate: Gate, comparison: Compared) -> None:
    """No segment of the images, and no size of objects, falls further than the limit."""
    gate.accuracy(comparison)
