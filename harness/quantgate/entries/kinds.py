"""The kinds of values that entries of models.toml are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Gt, Interval, Len, MinLen
from typing_extensions import Doc


@dataclass(frozen=True, slots=True)
class NameIn:
    """Metadata of a string that is a name in a catalog, which whoever reads the manifest looks up."""

    catalog: Literal["tasks", "metrics", "datasets"]


@dataclass(frozen=True, slots=True)
class TableOf:
    """Metadata of a table that is of one of the kinds in a catalog, which whoever reads the manifest looks up."""

    catalog: Literal["decoders"]


#: What ``decoder = { … }`` is read into: one of the catalog's dataclasses.
AnyDecoder: TypeAlias = Annotated[Any, TableOf("decoders")]
TaskName: TypeAlias = Annotated[str, NameIn("tasks")]
MetricName: TypeAlias = Annotated[str, NameIn("metrics")]
DatasetKindName: TypeAlias = Annotated[str, NameIn("datasets")]
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
