"""Refuse an installation in which two stacks are mixed, before anything heavy is imported.

Two stacks are supported: OpenVINO 2026 with NNCF 3, and openvino-dev 2024.6 with NNCF 2.14. pip
accepts mixtures of them that fail later with an import error nobody understands.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from quantgate.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NNCF_3 = 3
#: Lowest major version of OpenVINO that NNCF 3 imports with.
NNCF_3_OPENVINO = 2026


@cache
def version(distribution: str) -> str:
    """Look up an installed version, once a process: that opens files.

    Raises
    ------
    PackageNotFoundError
        Where it is not installed.
    """
    return metadata.version(distribution)


def installed(distribution: str) -> str | None:
    """Look up an installed version, None where there is none."""
    try:
        return version(distribution)
    except metadata.PackageNotFoundError:
        return None


def stack_of(versions: Mapping[str, str]) -> str:
    """Name the stack by its NNCF: ``omz`` for 2.14, which pairs with openvino-dev, else ``default``."""
    return "omz" if 0 < _major(versions.get("nncf", "")) < NNCF_3 else "default"


def check_stack(version: Callable[[str], str | None] = installed) -> None:
    """Check that the installed OpenVINO and NNCF fit together.

    Raises
    ------
    StackError
        With one sentence: what is mixed and what to install instead.
    """
    openvino, nncf, dev = version("openvino"), version("nncf"), version("openvino-dev")
    if openvino is None:
        raise StackError(
            "OpenVINO is not installed in this environment; install quantgate with "
            "`python -m pip install quantgate`, which brings it"
        )
    if nncf is None:
        raise StackError("NNCF is not installed in this environment; `python -m pip install nncf`")
    if _major(nncf) >= NNCF_3 and dev is not None:
        raise StackError(
            f"openvino-dev {dev} and NNCF {nncf} are installed together, and NNCF 3 does not import "
            'beside it; use a fresh environment with `pip install "quantgate[omz]"`, or uninstall '
            "openvino-dev"
        )
    if _major(nncf) >= NNCF_3 and _major(openvino) < NNCF_3_OPENVINO:
        raise StackError(
            f"NNCF {nncf} needs OpenVINO {NNCF_3_OPENVINO}.0 or newer and {openvino} is installed; "
            f'`python -m pip install "openvino>={NNCF_3_OPENVINO}"`, or nncf==2.14.1 for this one'
        )


def _major(version: str) -> int:
    head = version.split(".", 1)[0]
    return int(head) if head.isdigit() else 0
