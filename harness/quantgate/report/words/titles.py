"""Names that people read: of limits, tasks, timed models, changes and outcomes."""

from __future__ import annotations

ROLE_TITLES = {"parent": "Parent", "optimized": "Optimized"}
#: The words of a gate's end, the worst first.
OUTCOME_WORDS = ("failed", "broken", "undecided", "known", "passed", "skipped")
CHANGE_TITLES = {
    "kept": "kept",
    "moved": "moved",
    "relabelled": "relabelled",
    "lost": "lost",
    "gained": "gained",
}
#: Limits of what a model says about images, and limits of how it runs.
_IMAGE_LIMITS = {
    "max_accuracy_drop": "Accuracy drop",
    "max_error_increase": "Error increase",
    "max_class_drop": "Worst class drop",
    "min_agreement": "Agreement",
    "min_match_rate": "Match rate",
    "min_class_precision": "Worst class precision",
    "max_tensor_distance": "Tensor distance",
    "min_sqnr_db": "SQNR",
    "min_psnr_db": "PSNR",
}
_RUN_LIMITS = {
    "min_speedup": "Speedup (parent in f32)",
    "min_native_speedup": "Speedup (parent as deployed)",
    "max_latency_ratio": "Latency ratio",
    "max_size_ratio": "Size ratio",
    "max_memory_ratio": "Memory ratio",
    "min_int8_share": "Work in INT8",
    "max_reorder_share": "Reorders and conversions",
}
LIMIT_TITLES = _IMAGE_LIMITS | _RUN_LIMITS
OF_IMAGES = frozenset(_IMAGE_LIMITS)
QUANTITIES = {
    "min_agreement": "agreement",
    "min_sqnr_db": "signal to quantization noise",
    "min_psnr_db": "peak signal to noise",
    "min_speedup": "speedup",
    "min_native_speedup": "native speedup",
    "max_class_drop": "accuracy drop of the worst class",
    "min_class_precision": "precision of the worst class",
    "min_int8_share": "work executed in INT8",
    "max_reorder_share": "time in reorders and conversions",
}
ARM_TITLES = {
    "optimized": "Optimized",
    "parent_f32": "Parent in f32",
    "parent_default": "Parent as the device runs it",
}


def limit_title(key: str) -> str:
    """Name what a limit judges: ``min_match_rate`` → ``Match rate``."""
    return LIMIT_TITLES.get(key, key.removeprefix("min_").removeprefix("max_").replace("_", " "))


def task_title(task: str) -> str:
    """Name a task: ``instance_segmentation`` → ``instance segmentation``."""
    return task.replace("_", " ")


def quantity_name(key: str) -> str:
    """Name what a limit judges inside a sentence: ``min_match_rate`` → ``match rate``."""
    return QUANTITIES.get(key, key.removeprefix("min_").removeprefix("max_").replace("_", " "))
