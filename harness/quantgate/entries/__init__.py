"""What models.toml says, as frozen values; :mod:`quantgate.manifest` reads and validates them.

The ``Doc`` of a field is its description in the JSON Schema that editors use.
"""

from quantgate.entries.advanced import (
    Advanced,
    BiasCorrection,
    QuantizerParams,
    RangeEnd,
    RangeEstimator,
    SmoothQuantAlphas,
    Subgraph,
)
from quantgate.entries.data import DatasetEntry, Preprocess, RegionEntry
from quantgate.entries.judged import (
    DeviceLimits,
    ExpectedFailure,
    Limits,
    OutputLimits,
    Published,
    SpeedLimit,
)
from quantgate.entries.kinds import (
    DERIVED,
    Fraction,
    IsaClass,
    NonNegative,
    PerChannel,
    PerInput,
    Positive,
    PositiveInt,
    Size,
    TaskName,
)
from quantgate.entries.manifest import Manifest, ModelEntry, ReportPlan
from quantgate.entries.plans import Benchmark, EvaluationPlan, IgnoredScope, Recipe, Unquantized

__all__ = [
    "DERIVED",
    "Advanced",
    "Benchmark",
    "BiasCorrection",
    "DatasetEntry",
    "DeviceLimits",
    "EvaluationPlan",
    "ExpectedFailure",
    "Fraction",
    "IgnoredScope",
    "IsaClass",
    "Limits",
    "Manifest",
    "ModelEntry",
    "NonNegative",
    "OutputLimits",
    "PerChannel",
    "PerInput",
    "Positive",
    "PositiveInt",
    "Preprocess",
    "Published",
    "QuantizerParams",
    "RangeEnd",
    "RangeEstimator",
    "Recipe",
    "RegionEntry",
    "ReportPlan",
    "Size",
    "SmoothQuantAlphas",
    "SpeedLimit",
    "Subgraph",
    "TaskName",
    "Unquantized",
]
