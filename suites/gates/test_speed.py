"""Speed, measured in paired interleaved rounds: never one run after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.core.profile import Profile
    from quantgate.core.timing import Timing
    from quantgate.pair import Pair
    from quantgate.session.gate import Gate


pytestmark = pytest.mark.speed


@pytest.mark.limit("min_speedup")
def test_speedup(gate: Gate, timing: Timing, profiles: Pair[Profile]) -> None:
    """The optimized model is at least this much faster than its parent in f32."""
    gate.speed(timing, profiles)


@pytest.mark.limit("min_native_speedup")
def test_native_speedup(gate: Gate, timing: Timing, profiles: Pair[Profile]) -> None:
    """The optimized model is at least this much faster than its parent as the device runs it."""
    gate.speed(timing, profiles)


@pytest.mark.limit("max_latency_ratio")
def test_latency_ratio(gate: Gate, timing: Timing, profiles: Pair[Profile]) -> None:
    """The slow tail (p90) of the optimized model is at most this share of its parent's."""
    gate.speed(timing, profiles)
