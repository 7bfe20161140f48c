"""Which devices this machine has, for lanes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quantgate.engine.runtime import check_device
from quantgate.entries.lane import CAPS, cap_of, device_of
from quantgate.errors import MeasurementError
from quantgate.machine import ISA_FLAGS, isa_class

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_absent(lanes: Iterable[tuple[str, str]]) -> None:
    """Refuse lanes whose device, or class of instructions, is not on this machine.

    Parameters
    ----------
    lanes
        The dotted path that asks for each, and its name.

    Raises
    ------
    MeasurementError
        Names the path, and what is there.
    """
    import openvino as ov

    core = ov.Core()
    for path, name in lanes:
        try:
            check_device(core, device_of(name))
        except MeasurementError as error:
            told = str(error).partition(": set ")[0]
            raise MeasurementError(f"{path}: {told}: {_AWAY}") from error
        cap = cap_of(name)
        if cap and not _capable(cap):
            raise MeasurementError(
                f"{path}: {name} is not on this machine, whose instructions are of class {isa_class()}: {_AWAY}"
            )


_AWAY = (
    "judge it on a machine that has it, and give that run with --predictions-from, or leave it out"
)


def _capable(cap: str) -> bool:
    """Whether this machine can do without its better instructions and has those of the class."""
    order: list[str] = [name for name, _ in ISA_FLAGS]
    return (
        os.name == "posix"
        and cap in CAPS
        and isa_class() in order
        and order.index(isa_class()) <= order.index(cap)
    )
