"""DetectionOutput (stub being filled in)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SsdDecoder:
    """SSD DetectionOutput."""

    kind: Literal["ssd"] = "ssd"
