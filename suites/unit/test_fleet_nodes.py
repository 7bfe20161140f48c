from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import FleetError
from quantgate.fleet import ray_nodes
from quantgate.fleet.ray_nodes import CORES, SPEED, Roll

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = {"quantgate": "1", "openvino": "2", "nncf": "3"}


def facts(host: str, **versions: str) -> dict[str, Any]:
    """What a machine says of itself."""
    return {
        "host": host,
        "isa": "vnni",
        "cores": 8,
        "free_bytes": 2**40,
        "devices": ["CPU"],
        "machine": {"cpu": host},
        "versions": HERE | versions,
    }


class Told(Roll):
    """Nodes that say what a test has them say; how Ray carries it is the end-to-end tests' matter."""

    said: Mapping[str, Any]

    def _asked(self, fresh: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        return ((name, self.said[name]) for name in fresh)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    """Resources of the nodes that live, by name: a test adds and removes them."""
    found: dict[str, dict[str, float]] = {}
    monkeypatch.setattr(
        ray_nodes,
        "_all_nodes",
        lambda: [{"NodeID": n, "Alive": True, "Resources": r} for n, r in found.items()],
    )
    return found


def roll(**said: Any) -> Told:
    """A roll whose nodes say this."""
    made = Told(("CPU",), HERE)
    made.said = said
    return made


def test_a_node_has_a_seat_for_every_two_cores(cluster: dict[str, dict[str, float]]) -> None:
    """Cores that Ray was given count, one seat at least; a head without cores is given nothing."""
    cluster |= {"big": {"CPU": 8.0, SPEED: 1.0}, "small": {"CPU": 1.0}, "head": {}}
    nodes = {node.id: node for node in roll(big=facts("b"), small=facts("s")).living()}
    assert {name: (node.seats, node.speed) for name, node in nodes.items()} == {
        "big": (8 // CORES, True),
        "small": (1, False),
    }


def test_where_nobody_declares_speed_everybody_may(cluster: dict[str, dict[str, float]]) -> None:
    """A cluster that says nothing of speed judges it anywhere."""
    cluster["a"] = {"CPU": 2.0}
    assert [node.speed for node in roll(a=facts("a")).living()] == [True]


def test_other_versions_are_refused_at_first_and_left_out_later(
    cluster: dict[str, dict[str, float]],
) -> None:
    """A run does not begin with two stacks; a node that joins later with another one does not end it."""
    cluster["a"] = {"CPU": 2.0}
    with pytest.raises(FleetError, match="b1 has openvino 9, and this machine 2"):
        roll(a=facts("b1", openvino="9")).living()
    found = roll(a=facts("a"), late=facts("late", nncf="8"), broken="node broken cannot judge")
    assert [node.id for node in found.living()] == ["a"]
    cluster |= {"late": {"CPU": 2.0}, "broken": {"CPU": 2.0}}
    assert [node.id for node in found.living()] == ["a"]
    del cluster["a"]
    assert found.living() == ()
