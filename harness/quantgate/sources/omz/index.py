"""The models of Open Model Zoo, as openvino-dev's own files describe them.

The ``index-*.jsonl`` beside this module are what ``extract.py`` prints in an environment with
openvino-dev: names, inputs and evaluation settings are known without it, and without a network. The
older one is cut to the models that openvino-dev dropped afterwards, all of Caffe's among them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from quantgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The last release of openvino-dev, whose models count as Open Model Zoo's.
CURRENT = "2024.6.0"
#: The last release with the models that were dropped.
OLDER = "2023.3.0"


@dataclass(frozen=True, slots=True)
class OmzInput:
    """One input as model.yml says; shape and layout are those of the converted model."""

    name: str
    shape: tuple[int, ...]
    layout: str | None


@dataclass(frozen=True, slots=True)
class OmzModel:
    """One model.

    Parameters
    ----------
    release
        Of openvino-dev: the last that has it.
    framework
        Of the original: ``dldt`` (published as IR), ``caffe``, ``onnx``, ``pytorch``, ``tf`` …
    stages
        Names of its parts where it is made of several networks.
    part_of
        Name of the whole that it is a part of.
    accuracy
        Adapter, dataset, processing and metrics of its accuracy-check.yml; empty where it has
        none for OpenVINO.
    """

    name: str
    release: str
    framework: str
    task: str
    licence: str
    precisions: tuple[str, ...]
    stages: tuple[str, ...]
    part_of: str | None
    inputs: tuple[OmzInput, ...]
    accuracy: Mapping[str, Any] = field(hash=False)


@lru_cache(maxsize=1)
def load_index() -> Mapping[str, OmzModel]:
    """Return every model by name, sorted; parts of models included."""
    texts = (index_file(release).read_text(encoding="utf-8") for release in (OLDER, CURRENT))
    rows = (json.loads(line) for text in texts for line in text.splitlines())
    models = sorted(map(_model, rows), key=lambda model: model.name)
    return MappingProxyType({model.name: model for model in models})


def index_file(release: str) -> Path:
    """Return the file that lists a release's models."""
    return Path(__file__).with_name(f"index-{release}.jsonl")


def find_model(name: str) -> OmzModel:
    """Return a model by name.

    Raises
    ------
    SourceError
        For an unknown name, with the nearest ones.
    """
    index = load_index()
    if name not in index:
        near = get_close_matches(name, index, n=3)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else "see `quantgate fetch --list`"
        )
        raise SourceError(f"there is no Open Model Zoo model {name!r}; {hint}")
    return index[name]


def _model(row: dict[str, Any]) -> OmzModel:
    inputs = tuple(
        OmzInput(entry["name"], tuple(entry["shape"] or ()), entry["layout"])
        for entry in row["inputs"]
    )
    return OmzModel(
        name=row["name"],
        release=row["release"],
        framework=row["framework"] or "composite",
        task=row["task"],
        licence=row["licence"] or "unknown",
        precisions=tuple(row["precisions"]),
        stages=tuple(row["stages"]),
        part_of=row["part_of"],
        inputs=inputs,
        accuracy=row["accuracy"],
    )
