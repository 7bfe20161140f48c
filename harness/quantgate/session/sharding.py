"""One manifest over several machines: which models this one judges, and what all of them owe together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from quantgate.session.collection import declared, gate_of
from quantgate.session.terminal import is_gate
from quantgate.shard import deal, model_part, owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from quantgate.report.model import Shard
    from quantgate.run import Run, RunFolder
    from quantgate.shard import Part

_PLANNED = "planned"


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets
class Stopwatch:
    """Adds up what each model takes, fixtures included, whichever process runs it."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of one gate to its model."""
        if is_gate(report):
            self.seconds[model_part(report.nodeid)] += report.duration


def plan(run: Run, items: Sequence[pytest.Item], *, selected: bool) -> None:
    """Note what the whole run has to judge, all machines together; every worker notes the same."""
    gates = list(filter(None, map(gate_of, items)) if selected else declared(run))
    models = dict.fromkeys(owner_of(model) for model, _ in gates)
    dealt = [] if run.part is None else deal(list(models), run.part)
    run.append(_PLANNED, {"selected": selected, "gates": gates, "models": dealt})


def part_items(part: Part, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Keep the gates of this part's models; tests that are no gates run in the first part."""
    gates = [gate_of(item) for item in items]
    models = dict.fromkeys(owner_of(gate[0]) for gate in gates if gate)
    mine = set(deal(list(models), part))
    return [
        item
        for item, gate in zip(items, gates, strict=True)
        if (owner_of(gate[0]) in mine if gate else part.index == 1)
    ]


def was_selected(run: RunFolder) -> bool:
    """Whether ``-k``, ``-m`` or another plugin left gates out, in whichever process collected."""
    return any(record["selected"] for record in run.records(_PLANNED))


def begun_shard(run: Run) -> Shard | None:
    """Say which part of a whole a run is to be, before anything is dealt out; None for a whole."""
    from quantgate.report.model import Shard

    if run.part is None:
        return None
    return Shard(run.part.index, run.part.count, (), tuple(declared(run)), 0)


def shard_of(run: RunFolder, begun: Shard | None, status: int) -> Shard | None:
    """Say which part of which whole a run was, and how it ended; None where it was no shard."""
    planned = next(run.records(_PLANNED), None)
    if begun is None or planned is None:
        return begun and replace(begun, status=status)
    expected = tuple((model, key) for model, key in planned["gates"])
    return replace(begun, models=tuple(planned["models"]), expected=expected, status=status)
