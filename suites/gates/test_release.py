"""Against the baseline: is the new model as good as the one in the field?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.core.profile import Profile
    from quantgate.core.timing import Timing
    from quantgate.pair import Pair
    from quantgate.pipeline.accuracy import Compared
    from quantgate.session.gate import Gate


@pytest.mark.limit("max_accuracy_drop_to_baseline")
def test_accuracy_drop_to_baseline(gate: Gate, released: Compared) -> None:
    """The metric of the new model is at most the limit below the released one's."""
    gate.accuracy(released)


@pytest.mark.limit("min_agreement_to_baseline")
def test_agreement_to_baseline(gate: Gate, released: Compared) -> None:
    """The new model gives the released one's answer on at least this share of the images."""
    gate.accuracy(released)


@pytest.mark.limit("min_match_rate_to_baseline")
def test_match_rate_to_baseline(gate: Gate, released: Compared) -> None:
    """Objects of the new and of the released model match one to one."""
    gate.accuracy(released)


@pytest.mark.limit("min_psnr_db_to_baseline")
def test_psnr_to_baseline(gate: Gate, released: Compared) -> None:
    """The new model's pictures are as like the released one's as the limit asks."""
    gate.accuracy(released)


@pytest.mark.speed
@pytest.mark.limit("min_speedup_to_baseline")
def test_speedup_to_baseline(gate: Gate, timing: Timing, profiles: Pair[Profile]) -> None:
    """The new model is at least this much faster than the released one, in the same rounds."""
    gate.speed(timing, profiles)
