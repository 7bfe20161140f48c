"""The fixture graph of the gates: it is the pipeline, from models.toml to the measured numbers."""

from harness.session.fixtures import (
    artifacts,
    comparison,
    control,
    data,
    entry,
    fast_int8,
    gate,
    memory,
    parent,
    profiles,
    run,
    timing,
)

__all__ = [
    "artifacts",
    "comparison",
    "control",
    "data",
    "entry",
    "fast_int8",
    "gate",
    "memory",
    "parent",
    "profiles",
    "run",
    "timing",
]
