"""Where a parent comes from: ``source`` of ``[models.NAME]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typing_extensions import Doc

from harness.sources.specs import DarknetSource, HfSource, OmzSource, UrlSource


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file that OpenVINO reads: IR .xml, .onnx, .pb, saved-model folder, .tflite, .pdmodel."""

    path: Annotated[Path, Doc("relative to models.toml")]


@dataclass(frozen=True, slots=True)
class ZooSource:
    """A model built into quantgate."""

    zoo: Annotated[str, Doc("name of a built-in model; `quantgate check --zoo` lists them")]


AnySource = LocalSource | ZooSource | OmzSource | DarknetSource | UrlSource | HfSource
