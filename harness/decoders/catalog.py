"""Every decoder that models.toml can name, in one visible place."""

from __future__ import annotations

from typing import TypeAlias

from harness.decoders.class_scores import ClassScoresDecoder
from harness.decoders.ssd import SsdDecoder

AnyDecoder: TypeAlias = ClassScoresDecoder | SsdDecoder
