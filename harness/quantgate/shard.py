"""A part of the models, as ``--shard I/N`` names it, and the durations that make parts equally long."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from quantgate.borders import border
from quantgate.errors import ShardError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Written into every run and read with ``--shard-durations``: model to seconds.
DURATIONS = "durations.json"
_PART = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Part:
    """Part ``index`` of ``count``, from 1; ``seconds`` are what models took before."""

    index: int
    count: int
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def part_of(text: str, durations: Path | None) -> Part:
    """Read ``--shard I/N`` and the durations recorded before, if there is such a file yet.

    Raises
    ------
    ShardError
        Where either is wrong, or pytest-split is not installed.
    """
    matched = _PART.fullmatch(text)
    if not matched or int(matched[1]) > int(matched[2]):
        raise ShardError(
            f"--shard {text}: expected I/N with I from 1 to N, such as 2/4 for the second of four "
            "machines"
        )
    if find_spec("pytest_split") is None:
        raise ShardError('--shard needs pytest-split: pip install "quantgate[shards]" brings it')
    recorded = durations is not None and durations.exists()
    seconds = read_durations(durations) if durations and recorded else {}
    return Part(int(matched[1]), int(matched[2]), seconds)


@dataclass(frozen=True, slots=True)
class Dealt:
    """Models of one part, in their order, and what they took before: s, or as many where nothing was recorded."""

    models: tuple[str, ...]
    seconds: float


def deal_all(models: Sequence[str], count: int, seconds: Mapping[str, float]) -> tuple[Dealt, ...]:
    """Deal models out to parts: the longest first, each to the part that has least to do.

    pytest-split deals out single tests, and a model's gates share one quantization: split over jobs they
    would do it once a job. So its algorithm is given models here, each as heavy as all of its gates were.
    """
    from pytest_split.algorithms import Algorithms

    items: Any = [_Weighed(model) for model in models]
    groups = Algorithms.least_duration.value(count, items, dict(seconds))
    return tuple(
        Dealt(tuple(item.nodeid for item in group.selected), group.duration) for group in groups
    )


def deal(models: Sequence[str], part: Part) -> list[str]:
    """List the models of one part."""
    return list(deal_all(models, part.count, part.seconds)[part.index - 1].models)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What pytest-split asks of an item."""

    nodeid: str


def read_durations(path: Path) -> dict[str, float]:
    """Read what each model took, s: ``durations.json`` of a run, or pytest-split's own file.

    pytest-split's holds one entry a test, whose paths differ between machines: all entries of a model
    are added up.

    Raises
    ------
    ShardError
        Where it is no such file.
    """
    advice = (
        f"give {DURATIONS} of an earlier run, or leave it out: then every model counts the same"
    )
    with border(ShardError, f"--shard-durations {path} cannot be read", advice):
        found = json.loads(path.read_text(encoding="utf-8"))
        seconds: defaultdict[str, float] = defaultdict(float)
        for name, value in dict(found).items():
            seconds[model_part(name)] += float(value)
    return dict(seconds)


def model_part(nodeid: str) -> str:
    """Cut the model out of a test's id, a lane's included; an id without one is returned whole.

    A scheduler is told nothing but ids; xdist's own ones cut them too.
    """
    plain = nodeid[: nodeid.rfind("]") + 1] or nodeid.rsplit("@", 1)[0]
    return owner_of(plain.rsplit("[", 1)[1].removesuffix("]")) if plain.endswith("]") else plain


def owner_of(model: str) -> str:
    """Name the entry of models.toml that a model of a run belongs to: a lane's is ``MODEL:DEVICE``."""
    return model.partition(":")[0]
