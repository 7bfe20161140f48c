"""What a fleet is given to do, and the machines that do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from quantgate.machine import FAST_INT8

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.shard import Part

#: "answers" share a machine with other work; "speed" has the host for itself.
Kind = Literal["answers", "speed"]


@dataclass(frozen=True, slots=True)
class Node:
    """A machine, or a part of one, that can judge.

    Parameters
    ----------
    id
        Its name in the cluster.
    host
        The machine that it is on: several nodes may share one, and its noise.
    seats
        How many models it judges at the same time.
    isa
        Class of its processor's instructions, as the machine itself says.
    speed
        Whether speed may be judged on it.
    devices
        Those of the devices that models ask for which it has.
    facts
        The stable facts of the machine, as reports show them.
    """

    id: str
    host: str
    seats: int = 1
    isa: str = "other"
    speed: bool = True
    devices: frozenset[str] = frozenset({"CPU"})
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def text(self) -> str:
        """Name it for people: the host, and which of its nodes."""
        return f"{self.host} ({self.id[:8]})"


@dataclass(frozen=True, slots=True)
class Work:
    """Gates of one model that are judged together on one node.

    Parameters
    ----------
    name
        Unique in a run: the model, ``MODEL (speed)``, or a part of its images.
    tests
        Ids of the tests, in their order; empty where something is only made for the store.
    seconds
        How long it takes, as far as that is known.
    after
        Names of the work that has to be done before: it makes what this takes from the store.
    classes
        Classes of instructions that its limits name; empty: all.
    devices
        Devices that it needs.
    part
        The part of the model's images that is answered for the store, where it is that.
    """

    name: str
    model: str
    kind: Kind
    tests: tuple[str, ...]
    seconds: float = 1.0
    after: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset({"CPU"})
    part: Part | None = None

    def fits(self, node: Node) -> bool:
        """Whether a node can do this at all."""
        if not self.devices <= node.devices:
            return False
        if self.kind == "answers":
            return True
        return node.speed and (not self.classes or node.isa in self.classes)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Work on a node, from when to when: s on the cluster's clock."""

    work: Work
    node: Node
    number: int
    began_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended.

    Parameters
    ----------
    answer
        What it brought; None where it failed.
    reason
        Why it failed, or why its answer should be had from another machine.
    anywhere
        Whether the same machine may do better next time: a process of it was lost, not its quiet.
    """

    attempt: Attempt
    answer: bytes | None = None
    reason: str = ""
    anywhere: bool = False


def classes_for_speed(named: frozenset[str] | None, nodes: tuple[Node, ...]) -> frozenset[str]:
    """Choose the classes of machines on which speed is judged.

    Parameters
    ----------
    named
        Classes that the limits' tables name; None where a limit is one number for all machines. Then
        machines whose INT8 instructions make models faster are wanted, where there are any.
    """
    if named is not None:
        return named
    fast = frozenset(node.isa for node in nodes if node.speed) & FAST_INT8
    return frozenset(map(str, fast))
