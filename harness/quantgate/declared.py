"""The limits that an entry declares: which its task can judge, and the threshold on a machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS, PLUGGED, threshold_on
from quantgate.core.verdict import Limit
from quantgate.entries.lane import cap_of
from quantgate.machine import isa_class

if TYPE_CHECKING:
    from quantgate.entries import ModelEntry


@cache
def task_limits(task: str) -> tuple[str, ...]:
    """Name the limits that a task can judge, in the order of the manifest."""
    from quantgate.tasks.catalog import TASKS

    return tuple(
        key
        for key, kind in LIMITS.items()
        if not kind.of_images or kind.asks in TASKS[task].LIMITS or key in PLUGGED
    )


def declared_limits(entry: ModelEntry) -> tuple[str, ...]:
    """Name the limits that an entry declares, in a stable order; a table by ISA class is one.

    Those between devices are judged by its lanes.
    """
    return tuple(
        key
        for key, kind in LIMITS.items()
        if getattr(entry.limits, key) is not None or output_limits(entry, key)
        if entry.lane or not kind.between_devices
    )


def isa_of(entry: ModelEntry) -> str:
    """Name the class of instructions by which tables of an entry's limits are read: of a lane, its own."""
    return (cap_of(entry.lane.name) if entry.lane else "") or isa_class()


def output_limits(entry: ModelEntry, key: str) -> dict[str, Limit]:
    """Map raw outputs that have a limit of their own to it."""
    path = f"models.{entry.id}.limits.outputs"
    found = {name: getattr(own, key, None) for name, own in entry.limits.outputs.items()}
    return {
        name: Limit(key, float(value), f"{path}.{json.dumps(name)}.{key}")
        for name, value in found.items()
        if value is not None
    }


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
    threshold = None if declared is None else threshold_on(declared, isa)
    if threshold is None:
        return None
    return Limit(key, threshold, f"{path}.{isa}" if isinstance(declared, Mapping) else path)
