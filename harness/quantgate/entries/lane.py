"""A lane: one more device on which a model's answers are judged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from quantgate.entries.kinds import IsaClass

#: Classes of x86 instructions that can be left unused, best first, and oneDNN's name of the most to use.
CAPS = {"vnni": "AVX512_CORE_VNNI", "avx2": "AVX2"}
#: The variable of the environment that oneDNN reads it from, once a process.
CAP_VARIABLE = "ONEDNN_MAX_CPU_ISA"
_NAME = re.compile(r"[A-Z][A-Z0-9_]*([.:,][A-Z0-9_.]+)*")


@dataclass(frozen=True, slots=True)
class Lane:
    """Where the answers, or the speed, of an entry come from.

    Parameters
    ----------
    model
        Id of the entry of models.toml; the lane's own is ``MODEL:NAME``.
    name
        As models.toml names it: ``AUTO``, ``CPU@avx2``.
    others
        Names of the lanes before this one whose answers are judged; the device of ``benchmark`` is the first.
    given
        Folder of the answers that another machine gave; None where they are given here.
    answers, timed
        Whether ``evaluate.device`` names it, and ``benchmark.device``.
    """

    model: str
    name: str
    others: tuple[str, ...]
    given: Path | None = None
    answers: bool = True
    timed: bool = False

    @property
    def first(self) -> str:
        """Name of the device that it is beside: that of ``benchmark``."""
        return self.others[0]

    @property
    def id(self) -> str:
        """Name of the lane among models: in verdicts, on the page, in the history."""
        return f"{self.model}:{self.name}"


def device_of(name: str) -> str:
    """OpenVINO's name of a lane's device.

    Examples
    --------
    >>> device_of("CPU@avx2"), device_of("AUTO:GPU,CPU")
    ('CPU', 'AUTO:GPU,CPU')
    """
    return name.partition("@")[0]


def cap_of(name: str) -> str:
    """Class of instructions that a lane uses at most; empty where all of the machine's are used."""
    return name.partition("@")[2]


def misnamed(name: str) -> str:
    """Say what is wrong with the name of a device; empty where nothing is."""
    device, at, isa = name.partition("@")
    if not _NAME.fullmatch(device):
        return f'expected OpenVINO\'s name of a device, such as "GPU", found {name!r}'
    if at and (device != "CPU" or isa not in get_args(IsaClass)):
        known = ", ".join(f'"CPU@{one}"' for one in CAPS)
        return f"expected a class of instructions behind @ ({known}), found {name!r}"
    return ""
