"""Stable facts about this machine: results of different ones are never compared silently.

Nothing measured belongs here (no clock, no load): the same machine must give the same fingerprint
tomorrow.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate import __version__
from quantgate.stack import installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.entries import IsaClass

CPUINFO = Path("/proc/cpuinfo")
CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
CGROUP_MEMORY = Path("/sys/fs/cgroup")
CGROUP_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")

#: First match wins: what INT8 code OpenVINO can use, best first.
ISA_FLAGS: tuple[tuple[IsaClass, frozenset[str]], ...] = (
    ("amx", frozenset({"amx_int8"})),
    ("vnni", frozenset({"avx512_vnni", "avx_vnni", "avxvnni"})),
    ("avx2", frozenset({"avx2"})),
    ("sve", frozenset({"sve"})),
    ("neon", frozenset({"asimd", "neon"})),
)
#: Classes whose INT8 instructions make a quantized model faster as a rule.
FAST_INT8: frozenset[IsaClass] = frozenset({"amx", "vnni"})
LIBRARIES = ("openvino", "nncf", "numpy", "opencv-python-headless")


#: Variables by which somebody has oneDNN leave instructions out that the processor has.
_RESTRICTING = (
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_CPU_ISA_HINTS",
    "DNNL_CPU_ISA_HINTS",
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a result depends on besides the model and the data.

    Parameters
    ----------
    machine
        Processor, ISA class, logical cores, CPU quota and operating system, in display order.
    versions
        Distribution names to versions; "not installed" where one is missing.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 (first 16 hex digits) over all facts."""
        text = json.dumps([dict(self.machine), dict(self.versions)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def machine_class(facts: Mapping[str, str]) -> str:
    """SHA-256 (first 16 hex digits) over a machine's facts, libraries apart.

    Numbers of one class are compared night after night: a new version of a library is what may have
    moved them, so it does not make another machine.
    """
    text = json.dumps(dict(facts), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fingerprint() -> Fingerprint:
    """Collect the stable facts of this machine and of the installed libraries."""
    facts = cpu_facts()
    return Fingerprint(
        {
            "cpu": facts.model,
            "isa": facts.isa,
            "cores": str(logical_cores()),
            "quota": quota_text(cpu_quota()),
            "os": f"{platform.system()} {platform.machine()}",
        },
        {
            "quantgate": __version__,
            "python": platform.python_version(),
            **{name: version_of(name) for name in LIBRARIES},
        },
    )


def restrictions() -> Mapping[str, str]:
    """Read which instructions this process was told not to use: what is executed changes with them."""
    return {name: os.environ[name] for name in _RESTRICTING if os.environ.get(name)}


@dataclass(frozen=True, slots=True)
class CpuFacts:
    """The processor: its model name, its instruction flags (lower case) and the class they make."""

    model: str
    flags: frozenset[str]

    @property
    def isa(self) -> IsaClass:
        """The best class of instructions that OpenVINO's INT8 kernels can use."""
        return next((name for name, wanted in ISA_FLAGS if wanted & self.flags), "other")


@lru_cache(maxsize=1)
def cpu_facts() -> CpuFacts:
    """Read the processor's facts: /proc/cpuinfo where there is one, else what Python knows."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _without_cpuinfo(sys.platform, platform.machine().lower())
    return parse_cpuinfo(text)


def parse_cpuinfo(text: str) -> CpuFacts:
    """Parse the first processor of a Linux cpuinfo text (x86: flags; ARM: Features)."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    arm = f"ARM {fields['cpu implementer']}/{fields['cpu part']}" if "cpu part" in fields else ""
    name = fields.get("model name") or arm or platform.processor() or platform.machine()
    flags = fields.get("flags") or fields.get("features") or ""
    return CpuFacts(" ".join(name.split()), frozenset(flags.lower().split()))


def _without_cpuinfo(system: str, machine: str) -> CpuFacts:
    """Fall back where there is no cpuinfo (macOS, Windows); py-cpuinfo knows x86 flags."""
    if machine in {"arm64", "aarch64"}:
        return CpuFacts(f"{platform.processor() or machine} ({system})", frozenset({"asimd"}))
    try:
        import cpuinfo  # type: ignore[import-untyped]
    except ImportError:
        return CpuFacts(platform.processor() or machine, frozenset())
    info = cpuinfo.get_cpu_info()
    flags = frozenset(str(flag).lower() for flag in info.get("flags", ()))
    return CpuFacts(str(info.get("brand_raw") or machine), flags)


def isa_class() -> IsaClass:
    """Name the class that tables of speed limits are keyed by."""
    return cpu_facts().isa


def has_int8() -> bool:
    """Whether this processor has dot-product instructions for INT8 (VNNI or AMX).

    Without them a quantized model is rarely faster, and speed is not judged.
    """
    return isa_class() in FAST_INT8


def logical_cores() -> int:
    """Count the logical cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(v2: Path = CGROUP_V2, v1: Path = CGROUP_V1) -> float | None:
    """Read how many cores the container may use, None where there is no limit."""
    try:
        quota, period = v2.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        try:
            quota = v1.read_text(encoding="ascii").strip()
            period = v1.with_name("cpu.cfs_period_us").read_text(encoding="ascii").strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def available_bytes(cgroup: Path = CGROUP_MEMORY) -> int:
    """Count the memory that programs can still have here, the container's limit included."""
    import psutil  # type: ignore[import-untyped]

    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (
            int((cgroup / name).read_text(encoding="ascii"))
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return free
    return min(free, max(0, limit - used))


def quota_text(quota: float | None) -> str:
    """Name a quota for the table of facts."""
    return "none" if quota is None else f"{quota:g} cores"


def version_of(distribution: str) -> str:
    """Look up an installed version without importing the library."""
    return installed(distribution) or "not installed"
