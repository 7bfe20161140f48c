from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quantgate import machine
from quantgate.errors import StackError
from quantgate.machine import cpu_quota, fingerprint, has_int8, isa_class, parse_cpuinfo
from quantgate.stack import check_stack

if TYPE_CHECKING:
    from pathlib import Path

X86 = "processor : 0\nmodel name : Some(R) CPU  @ 2.00GHz\nflags : fpu sse2 {flags}\n\nprocessor : 1\nflags : x\n"
ARM = "processor : 0\nBogoMIPS : 243.75\nFeatures : fp asimd {flags}\nCPU implementer : 0x41\nCPU part : 0xd40\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format(flags="avx2 avx512_vnni amx_int8"), "amx"),
        (X86.format(flags="avx2 avx512_vnni"), "vnni"),
        (X86.format(flags="avx2 avx_vnni"), "vnni"),
        (X86.format(flags="avx avx2"), "avx2"),
        (X86.format(flags="sse4_2"), "other"),
        (ARM.format(flags="sve"), "sve"),
        (ARM.format(flags=""), "neon"),
        ("", "other"),
    ],
)
def test_isa_class_is_the_best_that_int8_code_can_use(text: str, expected: str) -> None:
    """Flags of x86 and ARM processors name their class, nothing known is "other"."""
    assert parse_cpuinfo(text).isa == expected


def test_processor_name_has_single_spaces() -> None:
    """The model name is the same however the firmware pads it."""
    assert parse_cpuinfo(X86.format(flags="")).model == "Some(R) CPU @ 2.00GHz"


def test_arm_processor_is_named_by_its_part() -> None:
    """ARM kernels give no model name, so the implementer and part numbers stand for it."""
    assert parse_cpuinfo(ARM.format(flags="")).model == "ARM 0x41/0xd40"


@pytest.mark.parametrize(
    ("system", "arch"), [("darwin", "arm64"), ("darwin", "x86_64"), ("win32", "amd64")]
)
def test_machines_without_cpuinfo_do_not_crash(system: str, arch: str) -> None:
    """Where the kernel tells nothing, the class is still one of the known ones."""
    assert machine._without_cpuinfo(system, arch).isa in {"amx", "vnni", "avx2", "neon", "other"}


def test_fingerprint_is_stable() -> None:
    """Two looks at one machine give the same digest, and no measured number is in it."""
    first = fingerprint()

    assert first.digest == fingerprint().digest
    assert set(first.machine) == {"cpu", "isa", "cores", "quota", "os"}
    assert first.machine["isa"] == isa_class()
    assert has_int8() == (isa_class() in {"amx", "vnni"})


@pytest.mark.parametrize(
    ("text", "expected"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None)]
)
def test_quota_of_a_container(tmp_path: Path, text: str, expected: float | None) -> None:
    """A container's share of cores is read, "max" means no limit."""
    file = tmp_path / "cpu.max"
    file.write_text(text, encoding="ascii")

    assert cpu_quota(file, tmp_path / "absent") == expected


def test_quota_of_an_old_container(tmp_path: Path) -> None:
    """The older control groups give quota and period in two files."""
    (tmp_path / "cpu.cfs_quota_us").write_text("200000\n", encoding="ascii")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n", encoding="ascii")

    assert cpu_quota(tmp_path / "absent", tmp_path / "cpu.cfs_quota_us") == 2.0


@pytest.mark.parametrize(
    "versions",
    [
        {"openvino": "2026.4.1", "nncf": "3.4.0"},
        {"openvino": "2024.6.0", "nncf": "2.14.1", "openvino-dev": "2024.6.0"},
    ],
)
def test_supported_stacks_pass(versions: dict[str, str]) -> None:
    """Both supported stacks are accepted."""
    check_stack(versions.get)


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        (
            {"openvino": "2024.6.0", "nncf": "3.4.0", "openvino-dev": "2024.6.0"},
            "openvino-dev 2024.6.0",
        ),
        ({"openvino": "2025.4.1", "nncf": "3.4.0"}, "needs OpenVINO 2026"),
        ({"nncf": "3.4.0"}, "OpenVINO is not installed"),
        ({"openvino": "2026.4.1"}, "NNCF is not installed"),
    ],
)
def test_mixed_stacks_get_one_sentence(versions: dict[str, str], said: str) -> None:
    """Every mixture that fails later is refused now, in one line that says what to install."""
    with pytest.raises(StackError, match=said) as caught:
        check_stack(versions.get)

    assert "\n" not in str(caught.value)
    assert "install" in str(caught.value) or "nncf==" in str(caught.value)
