"""Darknet's two files as a source: found without OpenVINO, read with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from harness.errors import SourceUnavailableError
from harness.sources.darknet.importer import import_darknet
from harness.sources.files import SourceFile
from harness.store import digest_of_file

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov

    from harness.sources.specs import DarknetSource

FORM = "Darknet"


def locate(source: DarknetSource, root: Path, command: str) -> SourceFile:
    """Find cfg and weights.

    Parameters
    ----------
    command
        What a person types to fetch the source, where its files have addresses.

    Raises
    ------
    SourceUnavailableError
        Where one of them is missing.
    """
    paths = (root / source.cfg, root / source.weights)
    digest = hashlib.sha256(FORM.encode())
    for path in paths:
        if not path.is_file():
            todo = (
                f"; where there is a network, run `{command}`"
                if source.fetchable
                else ": put the network's .cfg and .weights where models.toml names them"
            )
            raise SourceUnavailableError(f"{path}: this Darknet file is not on this machine{todo}")
        digest.update(f"\0{path.suffix}\0{digest_of_file(path)}".encode())
    return SourceFile(paths[0], paths, digest.hexdigest(), FORM)


def read(source: SourceFile) -> ov.Model:
    """Import the network.

    Raises
    ------
    SourceError
        As :func:`harness.sources.darknet.import_darknet`.
    """
    cfg, weights = source.paths
    return import_darknet(cfg, weights).model
