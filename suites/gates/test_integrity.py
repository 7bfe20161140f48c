"""Before any number: is the optimized model quantized at all, and can it take the parent's place?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.engine.interface import Integrity
    from quantgate.session.gate import Gate


@pytest.mark.limit("integrity")
def test_integrity(gate: Gate, graphs: Integrity) -> None:
    """The optimized model holds quantized layers and has the parent's inputs and outputs."""
    gate.integrity(graphs)
