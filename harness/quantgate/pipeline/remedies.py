"""What to try when a limit is missed: the settings of the entry that bear on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantgate.entries import ModelEntry

_ACCURACY = frozenset(
    {
        "max_accuracy_drop",
        "max_error_increase",
        "max_class_drop",
        "min_agreement",
        "min_match_rate",
        "min_class_precision",
        "max_tensor_distance",
        "min_sqnr_db",
        "min_psnr_db",
    }
)
_OTHERS = {
    "max_size_ratio": (
        "weights left in floating point and the description of the graph count too, which weighs in "
        "small models: look at the share of work in INT8"
    ),
    "min_int8_share": (
        "an ignored scope may be too wide, or the device runs some layers in floating point: the "
        "layer table of the report names them"
    ),
    "max_reorder_share": (
        "layers in floating point between quantized ones cost conversions: the layer table names them"
    ),
    "max_memory_ratio": (
        "fewer `benchmark.threads`, or `benchmark.hint` latency for throughput, need less memory"
    ),
}


def remedy_for(entry: ModelEntry, key: str) -> str:
    """Say what to try for a missed limit of this entry; empty where nothing general helps."""
    return _accuracy(entry) if key in _ACCURACY else _OTHERS.get(key, "")


def _accuracy(entry: ModelEntry) -> str:
    recipe = entry.calibrate
    if recipe is None:
        return "compare how the optimized model was preprocessed and calibrated with its parent"
    tries = []
    if recipe.preset == "performance":
        tries.append('calibrate.preset = "mixed"')
    if recipe.method == "default":
        tries.append('calibrate.method = "accuracy-aware"')
    tries.append("calibrate.ignored for the layers that suffer most")
    return f"to try: {', '.join(tries)}"
