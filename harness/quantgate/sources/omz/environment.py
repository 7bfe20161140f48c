"""An interpreter with openvino-dev: this one, a configured one, or a separate environment.

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

from quantgate.errors import SourceError, SourceUnavailableError, StackError, StoreError
from quantgate.sources.omz.index import CURRENT, OLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.sources.omz.index import OmzModel


@dataclass(frozen=True, slots=True)
class Release:
    """What an environment for a release holds beside openvino-dev's extras, and where its tools are.

    ``newest_python`` is the last that its requirements install on.
    """

    pins: tuple[str, ...]
    package: str
    newest_python: tuple[int, int]


RELEASES: Mapping[str, Release] = {
    CURRENT: Release(("openvino==2024.6.0",), "omz_tools", (3, 12)),
    # Its own requirements have no upper bounds; these versions work with it.
    OLDER: Release(
        ("openvino==2023.3.0", "numpy==1.24.4", "protobuf==3.20.3", "networkx==3.1"),
        "openvino.model_zoo",
        (3, 11),
    ),
}
#: By framework: name of the environment, openvino-dev's extras, and a module that tells whether
#: they are installed.
EXTRAS: Mapping[str, tuple[str, str, str]] = {
    "caffe": ("base", "caffe", "google.protobuf"),
    "dldt": ("base", "caffe", "google.protobuf"),
    "onnx": ("base", "caffe", "google.protobuf"),
    "paddle": ("base", "caffe", "google.protobuf"),
    "pytorch": ("pytorch", "caffe,onnx,pytorch", "torch"),
    "tf": ("tensorflow", "caffe,tensorflow2", "tensorflow"),
}
#: Names an interpreter that holds the current openvino-dev, to be used as it is.
OWN_PYTHON = "QUANTGATE_OMZ_PYTHON"
_READY = "ready"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OmzTools:
    """An interpreter whose environment holds openvino-dev, and the package of its tools."""

    python: Path
    package: str = RELEASES[CURRENT].package

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


def find_tools(model: OmzModel, root: Path) -> OmzTools | None:
    """Find an environment that can fetch and convert a model, or None.

    Parameters
    ----------
    root
        The store's root, below which environments made by :func:`create_tools` lie.

    Raises
    ------
    StackError
        Where QUANTGATE_OMZ_PYTHON names no interpreter.
    SourceError
        Where the model's framework no longer installs.
    """
    _extras(model)
    named = os.environ.get(OWN_PYTHON)
    if named and model.release == CURRENT:
        if not shutil.which(named):
            raise StackError(
                f"{OWN_PYTHON} must name an interpreter that holds openvino-dev, found {named!r}"
            )
        return OmzTools(Path(named))
    if _is_here(model):
        return OmzTools(Path(sys.executable))
    python = _python_of(_folder(model, root))
    return OmzTools(python, RELEASES[model.release].package) if _is_ready(python) else None


def create_tools(
    model: OmzModel, root: Path, command: str, tell: Callable[[str], None] = log.info
) -> OmzTools:
    """Create the environment for a model with uv: built aside, published in one step.

    Parameters
    ----------
    command
        What a person runs where there is a network; named where the packages cannot be fetched.
    tell
        Is told that an environment is made, which takes a while.

    Raises
    ------
    SourceUnavailableError
        Where the packages cannot be fetched.
    StackError
        Where uv is not installed.
    """
    uv = _find_uv()
    folder = _folder(model, root)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not _is_ready(_python_of(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            tell(
                f"{model.name}: making an environment with openvino-dev {model.release} once, which "
                "takes up to some minutes and 220 MB to 2 GB"
            )
            _build(uv, model, folder, command)
    return OmzTools(_python_of(folder), RELEASES[model.release].package)


def _build(uv: str, model: OmzModel, folder: Path, command: str) -> None:
    wanted = f"openvino-dev[{_extras(model)[1]}]=={model.release}"
    pins = RELEASES[model.release].pins
    aside = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    steps = (
        # Relocatable: the scripts are made aside and run from their final place.
        (
            "venv",
            "--no-project",
            "--relocatable",
            "--allow-existing",
            "--python",
            _base(model),
            str(aside),
        ),
        ("pip", "install", "--python", str(_python_of(aside)), wanted, *pins),
    )
    try:
        for step in steps:
            reason = _run_uv(uv, *step)
            if reason is not None and "No space left on device" in reason:
                raise StoreError(f"the disk is full: free space in {folder.parent}")
            if reason is not None:
                raise SourceUnavailableError(
                    f"an environment with openvino-dev {model.release} cannot be made (uv: {reason}); "
                    f"where there is a network, run `{command}`"
                )
        (aside / _READY).touch()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _base(model: OmzModel) -> str:
    """Return the interpreter to build on: ours, or a version that uv finds or fetches."""
    newest = RELEASES[model.release].newest_python
    return sys.executable if sys.version_info[:2] <= newest else ".".join(map(str, newest))


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


def _extras(model: OmzModel) -> tuple[str, str, str]:
    if model.framework not in EXTRAS:
        raise SourceError(
            f"omz model {model.name!r} has to be converted from {model.framework}, which no "
            "longer installs: convert it elsewhere and name the IR as a local source"
        )
    return EXTRAS[model.framework]


def _is_here(model: OmzModel) -> bool:
    probe = _extras(model)[2]
    try:
        found = importlib.metadata.version("openvino-dev")
        module = importlib.util.find_spec(probe)
    except (importlib.metadata.PackageNotFoundError, ModuleNotFoundError):
        return False
    return found == model.release == CURRENT and module is not None


def _folder(model: OmzModel, root: Path) -> Path:
    version = "".join(map(str, min(sys.version_info[:2], RELEASES[model.release].newest_python)))
    return root / "environments" / f"openvino-dev-{model.release}-{_extras(model)[0]}-py{version}"


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _is_ready(python: Path) -> bool:
    # exists() follows the link: an environment whose base interpreter is gone is made again.
    return (python.parent.parent / _READY).is_file() and python.exists()
