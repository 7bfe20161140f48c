"""One score a class (stub being filled in)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ClassScoresDecoder:
    """Plain class scores."""

    kind: Literal["class-scores"] = "class-scores"
