"""What really executed, and what it takes: numbers that never flicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.memory import Memory
    from quantgate.engine.profile import Profile
    from quantgate.pair import Pair
    from quantgate.pipeline.explained import Fidelity
    from quantgate.session.gate import Gate


@pytest.mark.limit("min_int8_share")
def test_int8_share(gate: Gate, profiles: Pair[Profile]) -> None:
    """At least this share of the multiply-accumulates really ran in INT8."""
    gate.execution(profiles)


@pytest.mark.limit("max_reorder_share")
def test_reorder_share(gate: Gate, profiles: Pair[Profile]) -> None:
    """Reorders and conversions take at most this share of the time."""
    gate.execution(profiles)


@pytest.mark.limit("max_size_ratio")
def test_size_ratio(gate: Gate, artifacts: Pair[Artifact], repeated: tuple[Artifact, ...]) -> None:
    """The optimized model's files are at most this share of the parent's."""
    gate.size(artifacts, repeated)


@pytest.mark.limit("max_memory_ratio")
def test_memory_ratio(gate: Gate, memory: Pair[Memory]) -> None:
    """A run of the optimized model peaks at most at this share of the parent's memory."""
    gate.memory(memory)


@pytest.mark.limit("max_execution_error")
def test_execution_error(gate: Gate, fidelity: Fidelity) -> None:
    """The device loses at most this beyond what the quantized graph loses in plain floating point."""
    gate.fidelity(fidelity)
