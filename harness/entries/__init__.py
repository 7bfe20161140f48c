"""What models.toml says, as frozen values; :mod:`harness.manifest` reads and validates them.

The ``Doc`` of a field is its description in the JSON Schema that editors use.
"""

from harness.entries.data import DatasetEntry, Preprocess
from harness.entries.judged import ExpectedFailure, Limits, Published, SpeedLimit
from harness.entries.kinds import (
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
from harness.entries.manifest import Manifest, ModelEntry, ReportPlan
from harness.entries.plans import Benchmark, EvaluationPlan, IgnoredScope, Recipe
from harness.entries.sources import AnySource, LocalSource, ZooSource

__all__ = [
    "DERIVED",
    "AnySource",
    "Benchmark",
    "DatasetEntry",
    "EvaluationPlan",
    "ExpectedFailure",
    "Fraction",
    "IgnoredScope",
    "IsaClass",
    "Limits",
    "LocalSource",
    "Manifest",
    "ModelEntry",
    "NonNegative",
    "PerChannel",
    "PerInput",
    "Positive",
    "PositiveInt",
    "Preprocess",
    "Published",
    "Recipe",
    "ReportPlan",
    "Size",
    "SpeedLimit",
    "TaskName",
    "ZooSource",
]
