"""Names that people read: of tasks, timed models, changes and outcomes; limits name themselves."""

from __future__ import annotations

ROLE_TITLES = {"parent": "Parent", "optimized": "Optimized"}
#: The words of a gate's end, the worst first.
OUTCOME_WORDS = ("failed", "broken", "unjudged", "undecided", "known", "passed", "skipped")
CHANGE_TITLES = {
    "kept": "kept",
    "moved": "moved",
    "relabelled": "relabelled",
    "lost": "lost",
    "gained": "gained",
}
ARM_TITLES = {
    "optimized": "Optimized",
    "parent_f32": "Parent in f32",
    "parent_default": "Parent as the device runs it",
    "baseline": "Baseline",
}


def task_title(task: str) -> str:
    """Name a task: ``instance_segmentation`` → ``instance segmentation``."""
    return task.replace("_", " ")
