"""Darknet's two files as a source: found without OpenVINO, read with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typing_extensions import Doc

from quantgate.errors import SourceUnavailableError
from quantgate.sources.files import SourceFile
from quantgate.store import digest_of_file

if TYPE_CHECKING:
    import openvino as ov


FORM = "Darknet"


@dataclass(frozen=True, slots=True)
class DarknetSource:
    """A Darknet network: its configuration and its weights.

    With an address and a checksum of both files, `quantgate fetch` puts them where they are missing.
    """

    cfg: Annotated[Path, Doc("the .cfg file, relative to models.toml")]
    weights: Annotated[Path, Doc("the .weights file, relative to models.toml")]
    cfg_url: Annotated[str | None, Doc("where `quantgate fetch` gets the .cfg file")] = None
    cfg_sha256: Annotated[str | None, Doc("its SHA-256, 64 hexadecimal digits")] = None
    weights_url: Annotated[str | None, Doc("where `quantgate fetch` gets the .weights file")] = None
    weights_sha256: Annotated[str | None, Doc("its SHA-256, 64 hexadecimal digits")] = None

    @property
    def fetchable(self) -> bool:
        """Whether both files have an address and a checksum."""
        return None not in {self.cfg_url, self.cfg_sha256, self.weights_url, self.weights_sha256}


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
        As :func:`quantgate.sources.darknet.importer.import_darknet`.
    """
    from quantgate.sources.darknet.importer import import_darknet

    cfg, weights = source.paths
    return import_darknet(cfg, weights).model
