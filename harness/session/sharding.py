"""One manifest over several machines: which models this one judges, and what all of them owe together.

pytest-split deals out single tests, and a model's gates share one quantization: split over jobs they
would do it once a job. So its algorithm is given models here, each as heavy as all of its gates were.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.errors import ShardError
from harness.session.collecting import declared, gate_of
from harness.session.spreading import model_part
from harness.session.terminal import is_gate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from harness.report.model import Shard
    from harness.run import Run

#: Written into every run and read with ``--shard-durations``: model to seconds.
DURATIONS = "durations.json"
_PLANNED = "planned"
_PART = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Part:
    """Part ``index`` of ``count``, from 1; ``seconds`` are what models took before."""

    index: int
    count: int
    seconds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets
class Stopwatch:
    """Adds up what each model takes, fixtures included, whichever process runs it."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of one gate to its model."""
        if is_gate(report):
            self.seconds[model_part(report.nodeid)] += report.duration


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


def read_durations(path: Path) -> dict[str, float]:
    """Read what each model took, s: ``durations.json`` of a run, or pytest-split's own file.

    pytest-split's holds one entry a test, whose paths differ between machines: all entries of a model
    are added up.

    Raises
    ------
    ShardError
        Where it is no such file.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        seconds: defaultdict[str, float] = defaultdict(float)
        for name, value in dict(found).items():
            seconds[model_part(name)] += float(value)
    except (OSError, ValueError, TypeError) as error:
        raise ShardError(
            f"--shard-durations {path} cannot be read: {error}; give {DURATIONS} of an earlier run, "
            "or leave it out: then every model counts the same"
        ) from error
    return dict(seconds)


def deal(models: Sequence[str], part: Part) -> list[str]:
    """List the models of one part: the longest first, each to the part that has least to do."""
    from pytest_split.algorithms import Algorithms

    items: Any = [_Weighed(model) for model in models]
    groups = Algorithms.least_duration.value(part.count, items, dict(part.seconds))
    return [item.nodeid for item in groups[part.index - 1].selected]


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What pytest-split asks of an item."""

    nodeid: str


def plan(run: Run, items: Sequence[pytest.Item], *, selected: bool) -> None:
    """Note what the whole run has to judge, all machines together; every worker notes the same."""
    gates = filter(None, map(gate_of, items)) if selected else declared(run)
    run.append(_PLANNED, {"selected": selected, "gates": list(gates)})


def part_items(part: Part, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Keep the gates of this part's models; tests that are no gates run in the first part."""
    gates = [gate_of(item) for item in items]
    models = dict.fromkeys(gate[0] for gate in gates if gate)
    mine = set(deal(list(models), part))
    return [
        item
        for item, gate in zip(items, gates, strict=True)
        if (gate[0] in mine if gate else part.index == 1)
    ]


def was_selected(run: Run) -> bool:
    """Whether ``-k``, ``-m`` or another plugin left gates out, in whichever process collected."""
    return any(record["selected"] for record in run.records(_PLANNED))


def shard_of(run: Run, status: int) -> Shard | None:
    """Say which part of which whole this run was; None where it was no shard."""
    from harness.report.model import Shard

    if run.part is None:
        return None
    planned = next(run.records(_PLANNED), None)
    gates = planned["gates"] if planned else declared(run)
    expected = tuple((model, key) for model, key in gates)
    models = tuple(deal([m for m in run.manifest.models if m in dict(expected)], run.part))
    return Shard(run.part.index, run.part.count, models, expected, status)
