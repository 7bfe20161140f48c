"""Between devices: does the optimized model answer the same wherever it runs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.core.comparison import Comparison
    from quantgate.session.gate import Gate


@pytest.mark.limit("min_agreement_between_devices")
def test_agreement_between_devices(gate: Gate, between: Mapping[str, Comparison[Any]]) -> None:
    """On at least this share of the images the device gives the answer of every device before it."""
    gate.between(between)


@pytest.mark.limit("min_match_rate_between_devices")
def test_match_rate_between_devices(gate: Gate, between: Mapping[str, Comparison[Any]]) -> None:
    """Objects that the device finds match those of every device before it, one to one."""
    gate.between(between)
