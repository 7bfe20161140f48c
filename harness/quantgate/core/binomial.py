"""What a count alone can show: exact bounds of a share (Clopper and Pearson 1934, Biometrika 26)."""

from __future__ import annotations

import math

#: One-sided: of a hundred sets as bad as the bound, five look as good as what was seen.
CONFIDENCE = 0.95


def lowest_share(n: int) -> float:
    """Lowest share that n units without a miss leave possible: the rule of three, exactly."""
    return float((1 - CONFIDENCE) ** (1 / n))


def highest_share(n: int, misses: int) -> float:
    """Highest share that n units with so many misses leave possible."""
    if misses == 0:
        return 1.0
    from scipy.stats import beta

    return float(beta.ppf(CONFIDENCE, n - misses + 1, misses))


def fewest_units(share: float) -> int:
    """How many units without a miss it takes to show a share below 1."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(share))
