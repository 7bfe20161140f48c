"""The limits that an entry declares: which there are, which task can judge them, their thresholds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from quantgate.core.verdict import Limit
from quantgate.entries import Limits

if TYPE_CHECKING:
    from quantgate.entries import ModelEntry

#: Every limit, in the order in which gates run and reports list them.
LIMIT_KEYS: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Limits))

#: Limits that compare with the truth: a dataset without annotations cannot judge them.
NEEDS_TRUTH = frozenset({"max_accuracy_drop", "max_error_increase", "max_class_drop"})

#: Limits that are judged outside the tasks: what a machine runs is timed and weighed alike.
ANY_TASK = (
    "min_speedup",
    "min_native_speedup",
    "max_latency_ratio",
    "max_size_ratio",
    "max_memory_ratio",
    "min_int8_share",
    "max_reorder_share",
)

#: From here on nothing could breach the limit: the quantity cannot get there.
VACUOUS: Mapping[str, float] = {
    "max_accuracy_drop": 1.0,
    "max_class_drop": 1.0,
    "max_reorder_share": 1.0,
    "min_agreement": 0.0,
    "min_match_rate": 0.0,
    "min_class_precision": 0.0,
    "min_int8_share": 0.0,
    "min_psnr_db": 0.0,
}


#: Metrics in dB: they have no end, so a drop of 1 is no limit that nothing could breach.
METRICS_IN_DB = frozenset({"psnr"})
#: Metrics of which the worst is 0: a parent can lose no more than it has.
METRICS_FROM_ZERO = frozenset({"top1", "top5", "ap", "ap50", "ap75", "voc", "voc11", "miou"})


@cache
def task_limits(task: str) -> tuple[str, ...]:
    """Name the limits that a task can judge, in the order of the manifest."""
    from quantgate.tasks.catalog import TASKS

    return tuple(key for key in LIMIT_KEYS if key in {*ANY_TASK, *TASKS[task].LIMITS})


def declared_limits(entry: ModelEntry) -> tuple[str, ...]:
    """Name the limits that an entry declares, in a stable order; a table by ISA class is one."""
    return tuple(key for key in LIMIT_KEYS if getattr(entry.limits, key) is not None)


def limit_place(entry: ModelEntry, key: str) -> str:
    """Dotted path of the table that set a limit: the model's own, or the defaults'."""
    return entry.limit_places.get(key, f"models.{entry.id}.limits.{key}")


def limit_for(entry: ModelEntry, key: str, isa: str | None) -> Limit | None:
    """Look up the limit that holds on a machine.

    Parameters
    ----------
    key
        A key of ``limits``, e.g. ``min_speedup``.
    isa
        ISA class of the machine (``amx``, ``vnni``, ``avx2``, ``sve``, ``neon``, ``other``), or
        None where it is not known; only tables by class need it.

    Returns
    -------
    Limit or None
        None where the entry does not declare the limit, or its table does not list the class.
    """
    declared = getattr(entry.limits, key)
    path = limit_place(entry, key)
    if isinstance(declared, Mapping):
        threshold = declared.get(isa)
        path = f"{path}.{isa}"
    else:
        threshold = declared
    return None if threshold is None else Limit(key, float(threshold), path)


def limits_of(entry: ModelEntry, isa: str | None) -> dict[str, Limit]:
    """Map every declared limit that holds on a machine of this ISA class to its threshold."""
    found = {key: limit_for(entry, key, isa) for key in declared_limits(entry)}
    return {key: limit for key, limit in found.items() if limit is not None}
