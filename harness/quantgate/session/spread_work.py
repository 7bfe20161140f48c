"""The gates of a run as work for a fleet: a model's answers, parts of them, and what has a machine for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.errors import FleetError, HarnessError
from quantgate.fleet.work import Work, classes_for_speed
from quantgate.session.collection import INTEGRITY, gate_of
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

    from quantgate.entries import ModelEntry
    from quantgate.fleet.work import Kind, Node
    from quantgate.run import Run
    from quantgate.shard import Part

#: Scopes of limits that have the machine for themselves.
_ALONE = frozenset({"speed", "execution"})
#: What of a model's time its speed takes, where only the sum is known, s; never more than half.
_SPEED_S = 12.0


def works_of(
    run: Run, items: Sequence[pytest.Item], nodes: Sequence[Node], seconds: Mapping[str, float]
) -> list[Work]:
    """Divide gates into work: a model's answers, and what has a machine for itself.

    Parameters
    ----------
    seconds
        What models took before.
    """
    found: dict[tuple[str, Kind], list[pytest.Item]] = {}
    for item in items:
        gate = gate_of(item)
        assert gate is not None
        found.setdefault((owner_of(gate[0]), _kind(gate[1])), []).append(item)
    mean = sum(seconds.values()) / len(seconds) if seconds else 1.0
    works = []
    for (model, kind), tests in found.items():
        both = (model, "answers") in found and (model, "speed") in found
        took = seconds.get(model, mean)
        speed = min(_SPEED_S, took / 2) if both else took
        names, devices = tuple(item.nodeid for item in tests), devices_of(run, model)
        if kind == "answers":
            first = Work(model, model, kind, names, took - speed if both else took, devices=devices)
            works.append(first)
            continue
        classes = classes_for_speed(_named_classes(run.entry(model), tests), tuple(nodes))
        after = frozenset({model} if both else ())
        fast = (f"{model} (speed)", model, kind, names, speed, after, classes, devices)
        works.append(Work(*fast))
    return works


def devices_of(run: Run, model: str) -> frozenset[str]:
    """Name the devices on which a model is judged, its lanes' included; answers from elsewhere need none."""
    return frozenset(
        entry.device_name
        for entry in run.manifest.models.values()
        if owner_of(entry.id) == model and not (entry.lane and entry.lane.given)
    )


def in_parts(run: Run, works: Sequence[Work]) -> list[Work]:
    """Put before each model's answers the parts of them that the store lacks, where it has many images.

    The first part makes the models, the others wait for it; gates wait for all.
    """
    found: list[Work] = []
    for work in works:
        parts = _missing(run, work.model) if work.kind == "answers" else ()
        if len(parts) < 2:  # noqa: PLR2004 - one part is the whole
            found.append(work)
            continue
        share = work.seconds / len(parts)
        first = f"{work.model} (part {parts[0]})"
        made = [
            Work(
                f"{work.model} (part {part})",
                work.model,
                "answers",
                (),
                share,
                frozenset() if place == 0 else frozenset({first}),
                devices=work.devices,
                part=part,
            )
            for place, part in enumerate(parts)
        ]
        after = work.after | {one.name for one in made}
        found += [*made, replace(work, seconds=share, after=after)]
    return found


def refuse_nowhere(works: Iterable[Work], nodes: Sequence[Node]) -> None:
    """Refuse work that no node can do, before anything runs.

    Raises
    ------
    FleetError
        Names the model, what it needs and what there is.
    """
    for work in works:
        if any(work.fits(node) for node in nodes):
            continue
        there = ", ".join(f"{n.text}: {n.isa}{'' if n.speed else ', not for speed'}" for n in nodes)
        if not any(work.devices <= node.devices for node in nodes):
            needed = f"a node with {' and '.join(sorted(work.devices))}"
            todo = "add one, or leave this model out with -k"
        else:
            needed = f"a node for speed of class {' or '.join(sorted(work.classes)) or 'any'}"
            todo = (
                "add one (`ray start --address=… --resources='{\"quantgate_speed\": 1}'`), or leave these "
                'gates out with -m "not speed"'
            )
        raise FleetError(
            f"--ray: {work.name} needs {needed}, and the nodes are {there or 'none'}: {todo}"
        )


def _missing(run: Run, model: str) -> tuple[Part, ...]:
    from quantgate.engine.parts import parts_worth
    from quantgate.pipeline.parts import missing_parts

    entry = run.entry(model)
    said = (entry.evaluate.subset, run.manifest.datasets[entry.evaluate.dataset].count)
    most = min((count for count in said if count is not None), default=None)
    if most is not None and parts_worth(most) == 1:  # known without a look at any image
        return ()
    try:
        return missing_parts(entry, run)
    except HarnessError:  # its gates say what is wrong
        return ()


def _kind(key: str) -> Kind:
    return "speed" if key != INTEGRITY and LIMITS[key].scope in _ALONE else "answers"


def _named_classes(entry: ModelEntry, items: Iterable[pytest.Item]) -> frozenset[str] | None:
    """Give the classes that all tables of these limits name; None where none is a table."""
    keys = {gate[1] for item in items if (gate := gate_of(item)) is not None}
    tables = [
        frozenset(map(str, limit))
        for key in sorted(keys)
        if isinstance(limit := getattr(entry.limits, key, None), Mapping)
    ]
    return frozenset.intersection(*tables) if tables else None
