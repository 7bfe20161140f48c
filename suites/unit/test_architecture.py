"""Rooms import downwards only, and no modules import each other in a ring; lazy and typed imports count."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import chain
from pathlib import Path

import quantgate
from quantgate.tasks.catalog import TASKS

PACKAGE = Path(str(quantgate.__file__)).parent
#: Rooms and top-level modules, from the top floor to the ground; whoever shares a floor shares no import.
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "__main__",
        "cli plugin",
        "commands",
        "session onboarding",
        "fleet",
        "pipeline",
        "remedy",
        "history package attribution",
        "report manifest testing",
        "engine worker",
        "declared",
        "tasks datasets run machine housekeeping",
        "entries",
        "sources",
        "decoders",
        "core zoo",
        "store progress shard stack pair sourcecode",
        "plugins borders damage",
        "errors",
        "escaping redaction telemetry",
        "quantgate",
    )
)


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(["quantgate", *(part for part in parts if part != "__init__")])
        if not name.startswith("quantgate.gates"):  # collected by pytest, imported by nobody
            found[name] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Modules of the package that a module imports anywhere: at its top, lazily, by name, or for types."""
    found = set()
    for node in ast.walk(ast.parse(modules()[name].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "quantgate":
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                found.add(inside if inside in modules() else str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in modules()}
        elif isinstance(node, ast.Constant) and name.endswith(".catalog"):
            place = f"{name.removesuffix('.catalog')}.{str(node.value).partition(':')[0]}"
            found |= {place} & modules().keys()
    return frozenset(found - {name})


def room_of(name: str) -> str:
    """First part below the package: the room, or the module itself at the top level."""
    return name.split(".")[1] if "." in name else "quantgate"


def floor_of(name: str) -> int:
    """Number of the floor, 0 at the top."""
    (floor,) = (number for number, rooms in enumerate(FLOORS) if room_of(name) in rooms)
    return floor


def test_every_room_has_a_floor() -> None:
    """A new room is put on a floor before anything imports it."""
    assert {room_of(name) for name in modules()} <= set(chain.from_iterable(FLOORS))


def test_rooms_import_downwards_only() -> None:
    """What a room needs lies on a floor below it."""
    upwards = [
        f"{name} imports {other}"
        for name in modules()
        for other in imports(name)
        if room_of(name) != room_of(other) and floor_of(other) <= floor_of(name)
    ]
    assert upwards == []


def test_the_document_lists_the_floors() -> None:
    """docs/architecture.md has a row for each floor, with its rooms, from top to bottom."""
    text = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text("utf-8")
    rows = [line.split(" | ")[1] for line in text.splitlines() if line[:3].strip("| ").isdigit()]
    listed = [frozenset(re.findall(r"`(\w+)`", row)) for row in rows]
    assert listed == [floor for floor in FLOORS if floor != {"quantgate"}]


#: Modules in which a new task is a line: catalogs, and what others call it. A decoder says which tasks it serves, a
#: source what it knows of a model.
LISTS_OF_TASKS = {"quantgate.tasks.catalog", "quantgate.zoo.catalog", "quantgate.onboarding.hints"}
SAY_THEIR_OWN = {"decoders", "sources"}


def tasks_named(source: str) -> frozenset[str]:
    """Names of tasks among the strings of a module."""
    strings = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return frozenset(value for value in strings if isinstance(value, str) and value in TASKS)


def test_tasks_are_listed_in_catalogs_alone() -> None:
    """A new task is a folder and a line a catalog: no other module names two tasks."""
    assert len(tasks_named('FITNESS = {"detection": 1, "keypoints": 2}')) == 2
    listing = {
        name
        for name, path in modules().items()
        if room_of(name) not in SAY_THEIR_OWN and len(tasks_named(path.read_text("utf-8"))) > 1
    }
    assert listing == LISTS_OF_TASKS


def test_no_modules_import_each_other_in_a_ring() -> None:
    """From no module a chain of imports leads back to it."""
    rings = [name for name in modules() if name in reachable(name)]
    assert rings == []


def test_a_ring_and_an_arrow_up_are_found() -> None:
    """The checks see what they are for: `core` would be below `cli`, and a module reaches its imports."""
    assert floor_of("quantgate.core.limits") > floor_of("quantgate.cli")
    assert "quantgate.errors" in reachable("quantgate.cli")


@cache
def reachable(name: str) -> frozenset[str]:
    """Everything that a module imports, directly or through others."""
    seen: set[str] = set()
    waiting = list(imports(name))
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(imports(current))
    return frozenset(seen)
