"""What ``source = { … }`` may say beyond a local file and the built-in zoo, as frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the manifest reads these types when it runs
from typing import Annotated

from typing_extensions import Doc

#: A checksum as the manifest gives it.
SHA256 = re.compile(r"[0-9a-fA-F]{64}")


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


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file behind an address, known by its checksum; an archive where ``member`` is given."""

    url: Annotated[str, Doc("http, https or file address")]
    sha256: Annotated[str, Doc("SHA-256 of what is downloaded, 64 hexadecimal digits")]
    member: Annotated[
        str | None, Doc("path of the model inside a .zip or .tar(.gz, .bz2, .xz) archive")
    ] = None


@dataclass(frozen=True, slots=True)
class OmzSource:
    """A model of Open Model Zoo, downloaded and converted by openvino-dev's own tools."""

    omz: Annotated[str, Doc("name of the model; `quantgate fetch --list` lists them")]


@dataclass(frozen=True, slots=True)
class HfSource:
    """A file of a Hugging Face repository, pinned to a revision."""

    hf: Annotated[str, Doc("organisation/repository")]
    file: Annotated[str, Doc("path of the model inside the repository")]
    revision: Annotated[str, Doc("commit hash or tag")]
