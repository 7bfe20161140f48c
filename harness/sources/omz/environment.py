"""An interpreter that holds openvino-dev: this one, one that is named, or one of its own.

NNCF 3 cannot live beside openvino-dev, so on the default stack the tools run in an environment
that uv creates on demand; what crosses is an IR on disk.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.errors import SourceUnavailableError, StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The last release of openvino-dev, and the models it knows.
VERSION = "2024.6.0"
#: By framework: name of the environment, openvino-dev's extras, and a module that tells whether
#: they are installed.
EXTRAS: Mapping[str, tuple[str, str, str]] = {
    "dldt": ("base", "caffe", "google.protobuf"),
    "onnx": ("base", "caffe", "google.protobuf"),
    "pytorch": ("pytorch", "caffe,onnx,pytorch", "torch"),
    "tf": ("tensorflow", "caffe,tensorflow2", "tensorflow"),
}
#: Names an interpreter that holds openvino-dev, to be used as it is.
OWN_PYTHON = "QUANTGATE_OMZ_PYTHON"
#: openvino-dev supports no later Python.
_NEWEST_PYTHON = (3, 12)
_READY = "ready"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OmzTools:
    """An interpreter whose environment holds openvino-dev."""

    python: Path

    def environ(self) -> dict[str, str]:
        """Return the variables its tools run with: nothing of our environment leaks in."""
        dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
        kept = {key: value for key, value in os.environ.items() if key not in dropped}
        # The converter looks for `mo` on PATH; CI turns the tools' telemetry off.
        path = os.pathsep.join([str(self.python.parent), kept.get("PATH", os.defpath)])
        return {
            **kept,
            "PATH": path,
            "CI": "true",
            "PYTHONUNBUFFERED": "1",
            "PYTHONNOUSERSITE": "1",
        }


def find_tools(framework: str, root: Path) -> OmzTools | None:
    """Find an environment that can fetch and convert models of a framework, or None.

    Parameters
    ----------
    framework
        As model.yml says: ``dldt`` (an IR already), ``onnx``, ``pytorch`` or ``tf``.
    root
        The store's root, below which environments made by :func:`create_tools` lie.

    Raises
    ------
    StackError
        Where QUANTGATE_OMZ_PYTHON names no interpreter.
    """
    named = os.environ.get(OWN_PYTHON)
    if named:
        if not shutil.which(named):
            raise StackError(
                f"{OWN_PYTHON} must name an interpreter that holds openvino-dev, found {named!r}"
            )
        return OmzTools(Path(named))
    if _is_here(framework):
        return OmzTools(Path(sys.executable))
    python = _python_of(_folder(framework, root))
    return OmzTools(python) if _is_ready(python) else None


def create_tools(framework: str, root: Path, command: str) -> OmzTools:
    """Create the environment for a framework with uv: built aside, published in one step.

    Parameters
    ----------
    command
        What a person runs where there is a network; named where the packages cannot be fetched.

    Raises
    ------
    SourceUnavailableError
        Where the packages cannot be fetched.
    StackError
        Where uv is not installed.
    """
    uv = _find_uv()
    folder = _folder(framework, root)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not _is_ready(_python_of(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            _build(uv, framework, folder, command)
    return OmzTools(_python_of(folder))


def _build(uv: str, framework: str, folder: Path, command: str) -> None:
    wanted = f"openvino-dev[{EXTRAS[framework][1]}]=={VERSION}"
    log.info("creating an environment with %s", wanted)
    aside = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    steps = (
        # Relocatable: the scripts are made aside and run from their final place.
        (
            "venv",
            "--no-project",
            "--relocatable",
            "--allow-existing",
            "--python",
            _base(),
            str(aside),
        ),
        ("pip", "install", "--python", str(_python_of(aside)), wanted, f"openvino=={VERSION}"),
    )
    try:
        for step in steps:
            reason = _run_uv(uv, *step)
            if reason is not None:
                raise SourceUnavailableError(
                    f"an environment with openvino-dev {VERSION} cannot be made (uv: {reason}); "
                    f"where there is a network, run `{command}`"
                )
        (aside / _READY).touch()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _base() -> str:
    if sys.version_info[:2] > _NEWEST_PYTHON:
        return ".".join(map(str, _NEWEST_PYTHON))
    return sys.executable


def _run_uv(uv: str, *arguments: str) -> str | None:
    """Run uv; return what it said last where it failed."""
    environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    command = [uv, *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    said = " ".join(done.stderr.split())[-300:].strip()
    return None if done.returncode == 0 else said or f"status {done.returncode}"


def _find_uv() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise StackError(
            "Open Model Zoo's tools need an environment of their own, which uv makes: "
            "`pip install uv`, or install quantgate[omz] in an environment for them"
        )
    return found


def _is_here(framework: str) -> bool:
    try:
        found = importlib.metadata.version("openvino-dev")
        module = importlib.util.find_spec(EXTRAS[framework][2])
    except (importlib.metadata.PackageNotFoundError, ModuleNotFoundError):
        return False
    return found == VERSION and module is not None


def _folder(framework: str, root: Path) -> Path:
    version = "".join(map(str, min(sys.version_info[:2], _NEWEST_PYTHON)))
    return root / "environments" / f"openvino-dev-{VERSION}-{EXTRAS[framework][0]}-py{version}"


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _is_ready(python: Path) -> bool:
    # exists() follows the link: an environment whose base interpreter is gone is made again.
    return (python.parent.parent / _READY).is_file() and python.exists()
