"""The nodes of a Ray cluster: which live, what each is, and whether it may judge for a run."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quantgate.errors import FleetError
from quantgate.fleet.seat import facts_here
from quantgate.fleet.work import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: What a node declares that may judge speed (`ray start --resources='{"quantgate_speed": 1}'`).
SPEED = "quantgate_speed"
#: What one model's work takes of a node.
CORES, BYTES = 2, 3 * 2**30
#: How long a node may take to say what it is, s.
HELLO_S = 60.0
#: How long an address may take to answer, s.
_ANSWER_S = 10.0
#: What a client of gRPC says first, and the kind of frame by which a server answers.
_PREFACE, _SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), 4
_VERSIONS = ("quantgate", "openvino", "nncf")


class Roll:
    """The nodes that may judge, asked once each.

    Parameters
    ----------
    devices
        Those of which a node says whether it has them.
    versions
        Of the libraries here: those of every node have to be the same.
    """

    def __init__(self, devices: Sequence[str], versions: Mapping[str, str]) -> None:
        self._devices = devices
        self._versions = versions
        self._known: dict[str, Node] = {}
        self._cores: dict[str, float] = {}
        self._out: set[str] = set()

    def living(self) -> tuple[Node, ...]:
        """The nodes that live now; new ones are asked what they are.

        Raises
        ------
        FleetError
            Where one that is there at first cannot judge; one that comes later is left out.
        """
        alive = {str(one["NodeID"]): one for one in _all_nodes() if _works(one)}
        fresh = {name: one for name, one in alive.items() if not self._seen(name)}
        first = not self._known
        for name, facts in self._asked(fresh):
            problem = facts if isinstance(facts, str) else self._differs(facts)
            if problem and first:
                raise FleetError(f"--ray: {problem}")
            if problem or isinstance(facts, str):
                self._out.add(name)
            else:
                self._known[name] = self._node(name, facts, fresh[name]["Resources"])
        nodes = [self._known[name] for name in alive if name in self._known]
        if not any(node.speed for node in self._known.values()):
            # Nobody said where speed may be judged: anywhere, and the control says whether it could be.
            nodes = [replace(node, speed=True) for node in nodes]
        return tuple(sorted(nodes, key=lambda node: (node.host, node.id)))

    def cores(self, node: Node) -> float:
        """Count the cores that one model's work takes of a node."""
        return self._cores[node.id] / node.seats

    def declares_speed(self, node: Node) -> bool:
        """Whether a node itself says that speed may be judged on it."""
        return self._known[node.id].speed

    def _seen(self, name: str) -> bool:
        return name in self._known or name in self._out

    def _asked(self, fresh: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
        """Ask new nodes what they are, all at once; give what each said, or why it said nothing of use."""
        import ray

        if not fresh:
            return
        ask = ray.remote(facts_here)
        refs = {
            name: ask.options(num_cpus=0, scheduling_strategy=on(name), max_retries=0).remote(
                self._devices
            )
            for name in fresh
        }
        ray.wait(list(refs.values()), num_returns=len(refs), timeout=HELLO_S)
        for name, ref in refs.items():
            try:
                yield name, ray.get(ref, timeout=0)
            except ray.exceptions.RayTaskError as error:
                yield name, self._unable(name, error.cause)
            except ray.exceptions.RayError:  # lost meanwhile, or too slow to be of use
                self._out.add(name)

    def _unable(self, name: str, cause: object) -> str:
        return (
            f"node {name[:8]} cannot judge ({cause}): install quantgate {self._versions['quantgate']}, and the "
            "same libraries as here, on every node"
        )

    def _node(self, name: str, facts: Mapping[str, Any], resources: Mapping[str, float]) -> Node:
        cores = self._cores[name] = resources.get("CPU", 0.0)
        room = int(min(resources.get("memory", facts["free_bytes"]), facts["free_bytes"]) // BYTES)
        return Node(
            name,
            str(facts["host"]),
            max(1, min(int(cores // CORES), room)),
            str(facts["isa"]),
            speed=SPEED in resources,
            devices=frozenset(facts["devices"]),
            facts=facts["machine"],
        )

    def _differs(self, facts: Mapping[str, Any]) -> str:
        """Say which version a node has that would judge in another way; empty where none."""
        for name in _VERSIONS:
            here, there = self._versions.get(name, ""), facts["versions"].get(name, "")
            if here != there:
                return (
                    f"{facts['host']} has {name} {there}, and this machine {here}: verdicts of one run come "
                    "from one stack; install the same versions on every node"
                )
        return ""


def knock(address: str) -> None:
    """Look whether anybody answers as Ray would: it asks an address for ever by itself.

    Raises
    ------
    OSError
        Where nobody does.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host or os.environ.get("RAY_USE_TLS") == "1":
        return
    with socket.create_connection((host, int(port)), _ANSWER_S) as connection:
        connection.sendall(_PREFACE)
        frame = connection.recv(4)
    if frame[3:] != bytes((_SETTINGS,)):
        raise ConnectionError("who answers there is not Ray")


def on(node: str) -> Any:
    """Ask Ray for one node and no other."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _all_nodes() -> list[dict[str, Any]]:
    import ray

    nodes: Any = ray.nodes
    found: list[dict[str, Any]] = nodes()
    return found


def _works(node: Mapping[str, Any]) -> bool:
    """Whether a node lives and is there to work: one that has no core only leads the cluster."""
    return bool(node["Alive"]) and node["Resources"].get("CPU", 0.0) > 0
