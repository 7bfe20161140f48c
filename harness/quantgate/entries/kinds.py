"""The kinds of values that entries of models.toml are made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Len, MinLen
from typing_extensions import Doc

TaskName = Literal[
    "classification",
    "detection",
    "instance_segmentation",
    "semantic_segmentation",
    "image_to_image",
    "generic",
]
IsaClass = Literal["amx", "vnni", "avx2", "sve", "neon", "other"]
Fraction = Annotated[float, Interval(ge=0, le=1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
PositiveInt = Annotated[int, Gt(0)]
Size = Annotated[tuple[PositiveInt, PositiveInt], Doc("[width, height] in pixels")]
PerChannel = float | Annotated[tuple[float, ...], Len(1, 4)]
PerInput = float | Annotated[tuple[float, ...], MinLen(1)]

#: Metadata of a field that no key of models.toml sets.
DERIVED: Mapping[str, bool] = MappingProxyType({"derived": True})
