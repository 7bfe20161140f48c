"""A machine without INT8 instructions: accuracy and agreement are judged, speed is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

#: What Linux says of a processor without dot products for INT8.
ARM = "processor : 0\nFeatures : fp asimd aes crc32\nCPU implementer : 0x41\nCPU part : 0xd08\n"
X86 = "processor : 0\nmodel name : Some Xeon v4\nflags : fpu sse4_2 avx avx2 fma\n"
PLUGIN = """
from pathlib import Path
from quantgate import machine

machine.CPUINFO = Path(__file__).with_name("cpuinfo")
"""
LIMITS = "limits = {{ max_accuracy_drop = 0.03, min_agreement = 0.93, min_speedup = {limit} }}\n"


def gated(world: World, folder: Path, cpuinfo: str, **environment: str) -> Ran:
    """Gate as if on another processor."""
    (folder / "cpuinfo").write_text(cpuinfo, encoding="utf-8")
    (folder / "planted.py").write_text(PLUGIN, encoding="utf-8")
    return world.gate(folder, "-p", "planted", PYTHONPATH=f"{ROOT}:{folder}", **environment)


@pytest.mark.parametrize(("cpuinfo", "isa"), [(ARM, "neon"), (X86, "avx2")], ids=["arm", "x86"])
def test_speed_is_skipped_with_the_reason(
    world: World, project: Callable[[str], Path], cpuinfo: str, isa: str
) -> None:
    """The run is green: accuracy and agreement passed, speed skipped with one sentence."""
    folder = project(tiny.MANIFEST + LIMITS.format(limit="{ vnni = 1.5 }"))
    # Without VNNI sums of INT8 products can saturate: the kernels are held to that as well.
    ran = gated(world, folder, cpuinfo, ONEDNN_MAX_CPU_ISA="AVX2")

    assert ran.status == 0, ran.said
    assert ran.outcomes["tiny", "max_accuracy_drop"] == "passed"
    assert ran.outcomes["tiny", "min_agreement"] == "passed"
    assert ("tiny", "min_speedup") not in ran.outcomes
    assert f"this machine ({isa}) has no INT8 instructions" in ran.said


def test_what_executes_is_skipped_where_the_device_decides(
    world: World, project: Callable[[str], Path]
) -> None:
    """ARM runs many quantized layers in floating point: a table that leaves it out is not missed."""
    share = "limits = { min_agreement = 0.93, min_int8_share = { vnni = 0.9, avx2 = 0.9 } }\n"
    ran = gated(world, project(tiny.MANIFEST + share), ARM)

    assert ran.status == 0, ran.said
    assert ran.outcomes["tiny", "min_agreement"] == "passed"
    assert ("tiny", "min_int8_share") not in ran.outcomes
    assert "the table of min_int8_share does not list this machine (neon)" in ran.said
    assert "every limit" not in ran.said


def test_what_executes_is_judged_by_class(world: World, project: Callable[[str], Path]) -> None:
    """The number of the machine's own class is the limit, and its key is named."""
    share = "limits = { min_int8_share = { vnni = 0.1, avx2 = 1.0 } }\n"
    ran = gated(world, project(tiny.MANIFEST + share), X86)

    assert ran.verdicts["tiny", "min_int8_share"]["limit"] == 1.0
    assert ran.outcomes["tiny", "min_int8_share"] in {"passed", "failed"}


def test_a_limit_for_the_class_is_judged(world: World, project: Callable[[str], Path]) -> None:
    """Who names the class in the table wants speed judged there, and it is."""
    ran = gated(world, project(tiny.MANIFEST + LIMITS.format(limit="{ avx2 = 1000 }")), X86)

    assert ran.status == 1, ran.said
    assert ran.outcomes["tiny", "min_speedup"] == "failed"
