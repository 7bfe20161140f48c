"""A cluster of Ray as the fleet: an actor a seat, placed on the node that was chosen for it.

Ray starts and watches the processes, says which nodes live, and carries answers back. The library is optional.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from quantgate.errors import FleetError
from quantgate.fleet.seat import Seat, facts_here
from quantgate.fleet.work import Attempt, Ended, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.fleet.luggage import Order

#: What a node declares that may judge speed (`ray start --resources='{"quantgate_speed": 1}'`).
SPEED = "quantgate_speed"
#: What one model's work takes of a node.
CORES, BYTES = 2, 3 * 2**30
#: How long it is waited for answers before nodes are counted again, s.
LOOK_S = 1.0
#: How long a node may take to say what it is, s.
HELLO_S = 60.0
#: How long idle seats may take to remove what they hold, s.
CLOSE_S = 5.0
#: How long an address may take to answer, s.
_ANSWER_S = 10.0
#: What a client of gRPC says first, and the kind of frame by which a server answers.
_PREFACE, _SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), 4
_VERSIONS = ("quantgate", "openvino", "nncf")


@dataclass(slots=True)
class _Taken:
    """A seat, and whether it works."""

    handle: Any
    busy: bool = False


class RayCluster:
    """Nodes of a Ray cluster; a context that ends all that it started.

    Parameters
    ----------
    address
        Of the cluster; empty to start one on this machine.
    order
        What seats have to know of the run; each is given a name of its own.
    luggage
        Archive for machines that do not have the run's files.
    versions
        Of the libraries here: those of every node have to be the same.

    Raises
    ------
    FleetError
        Where Ray is not installed, no cluster answers, or a node has other versions.
    """

    def __init__(
        self, address: str, order: Order, luggage: bytes, versions: Mapping[str, str]
    ) -> None:
        if find_spec("ray") is None:
            raise FleetError('--ray needs Ray: pip install "quantgate[ray]" brings it')
        self._address = address
        self._order = order
        self._luggage = luggage
        self._versions = versions
        self._known: dict[str, Node] = {}
        self._cores: dict[str, float] = {}
        self._dead: set[str] = set()
        self._seats: dict[tuple[str, str], list[_Taken]] = {}
        self._running: dict[Any, tuple[Attempt, _Taken]] = {}
        self._count = 0
        self._seat_class: Any = None
        self._parcel: Any = None

    def __enter__(self) -> Self:
        import ray

        address = self._address or "local"
        more: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        ended = False
        try:
            _knock(address)
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                namespace="quantgate",
                **more,
            )
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise FleetError(
                f"--ray {self._address}: no Ray cluster answers ({error}); give the address that "
                "`ray start --head` printed, and its token in RAY_AUTH_TOKEN where it asks for one, or leave the address out to start a cluster here"
            ) from error
        except SystemExit:  # by Ray's own handler
            ended = True
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)  # Ray's own would end the run without a report
        if ended:
            signal.raise_signal(signal.SIGTERM)
        self._seat_class = ray.remote(Seat)
        self._parcel = ray.put(self._luggage)
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        seats = [seat for taken in self._seats.values() for seat in taken]
        with suppress(Exception):  # nodes may be gone, in whatever way
            idle = [seat.handle.close.remote() for seat in seats if not seat.busy]
            if idle:
                ray.wait(idle, num_returns=len(idle), timeout=CLOSE_S)
        for seat in seats:
            with suppress(Exception):
                ray.kill(seat.handle)
        ray.shutdown()

    def nodes(self) -> tuple[Node, ...]:
        """The nodes that live; a new one is asked what it is."""
        alive = {str(one["NodeID"]): one for one in _all_nodes() if _works(one)}
        self._dead |= self._known.keys() - alive.keys()
        fresh = {
            name: one for name, one in alive.items() if name not in {*self._known, *self._dead}
        }
        for name, facts in self._asked(fresh).items():
            self._known[name] = self._node(name, facts, fresh[name]["Resources"])
        living = [self._known[name] for name in alive if name in self._known]
        if not any(node.speed for node in self._known.values()):
            # Nobody said where speed may be judged: anywhere, and the control says whether it could be.
            living = [replace(node, speed=True) for node in living]
        return tuple(sorted(living, key=lambda node: (node.host, node.id)))

    def now_s(self) -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()

    def start(self, attempt: Attempt) -> None:
        """Give a seat of the node its work; one is made where all are taken."""
        key = (attempt.node.id, attempt.work.kind)
        free = [seat for seat in self._seats.setdefault(key, []) if not seat.busy]
        seat = free[0] if free else self._new_seat(attempt)
        seat.busy = True
        ref = seat.handle.judge.remote(attempt.work)
        self._running[ref] = (attempt, seat)

    def wait(self) -> Iterator[Ended]:
        """Give what ended within a moment."""
        import ray

        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=LOOK_S)
        for ref in ready:
            attempt, seat = self._running.pop(ref)
            yield self._ended(ref, attempt, seat)

    def cancel(self, attempt: Attempt) -> None:
        """End the seat that works on this: pytest has no way to be told to stop in a gate."""
        import ray

        for ref, (other, seat) in list(self._running.items()):
            if other == attempt:
                del self._running[ref]
                self._leave(attempt, seat)
                ray.kill(seat.handle)

    def _ended(self, ref: Any, attempt: Attempt, seat: _Taken) -> Ended:
        import ray

        try:
            answer, unfit, lost = ray.get(ref)
        except ray.exceptions.RayTaskError as error:  # the seat lives, what it held does not
            seat.busy = False
            return Ended(attempt, reason=str(error.cause))
        except ray.exceptions.RayError as error:
            self._leave(attempt, seat)
            return Ended(attempt, reason=_lost(error))
        seat.busy = False
        return Ended(attempt, answer, lost or unfit, anywhere=bool(lost))

    def _leave(self, attempt: Attempt, seat: _Taken) -> None:
        self._seats[attempt.node.id, attempt.work.kind].remove(seat)

    def _new_seat(self, attempt: Attempt) -> _Taken:
        self._count += 1
        order = replace(self._order, name=f"seat{self._count}")
        node = self._known[attempt.node.id]
        # Whoever else uses the cluster sees what is taken; within the run the host is kept quiet anyway.
        speed = attempt.work.kind == "speed"
        cores = 0.0 if speed else self._cores[node.id] / node.seats
        handle = self._seat_class.options(
            num_cpus=cores,
            resources={SPEED: 1.0} if speed and node.speed else {},
            scheduling_strategy=_on(node.id),
        ).remote(order, self._parcel)
        seat = _Taken(handle)
        self._seats[attempt.node.id, attempt.work.kind].append(seat)
        return seat

    def _asked(self, fresh: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Ask new nodes what they are, all at once; one that does not answer is left out for good."""
        import ray

        if not fresh:
            return {}
        ask = ray.remote(facts_here)
        refs = {
            name: ask.options(num_cpus=0, scheduling_strategy=_on(name), max_retries=0).remote(
                self._order.devices
            )
            for name in fresh
        }
        ray.wait(list(refs.values()), num_returns=len(refs), timeout=HELLO_S)
        found = {}
        for name, ref in refs.items():
            try:
                found[name] = ray.get(ref, timeout=0)
            except ray.exceptions.RayTaskError as error:
                raise FleetError(
                    f"--ray: node {name[:8]} cannot judge ({error.cause}): install quantgate "
                    f"{self._versions['quantgate']}, and the same libraries as here, on every node"
                ) from error
            except ray.exceptions.RayError:
                self._dead.add(name)
        return found

    def _node(self, name: str, facts: Mapping[str, Any], resources: Mapping[str, float]) -> Node:
        self._refuse_other(facts)
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

    def _refuse_other(self, facts: Mapping[str, Any]) -> None:
        """Refuse a node on which other versions would judge.

        Raises
        ------
        FleetError
            Names the first that differs.
        """
        for name in _VERSIONS:
            here, there = self._versions.get(name, ""), facts["versions"].get(name, "")
            if here != there:
                raise FleetError(
                    f"--ray: {facts['host']} has {name} {there}, and this machine {here}: verdicts of one "
                    "run come from one stack; install the same versions on every node"
                )


def _knock(address: str) -> None:
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


def _all_nodes() -> list[dict[str, Any]]:
    import ray

    nodes: Any = ray.nodes
    found: list[dict[str, Any]] = nodes()
    return found


def _works(node: Mapping[str, Any]) -> bool:
    """Whether a node lives and is there to work: one that has no core only leads the cluster."""
    return bool(node["Alive"]) and node["Resources"].get("CPU", 0.0) > 0


def _on(node: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _lost(error: Exception) -> str:
    """Say in one sentence what Ray says in paragraphs."""
    kind = type(error).__name__
    known = {
        "OutOfMemoryError": "killed by Ray, because the node was short of memory",
        "NodeDiedError": "the node was lost",
        "ActorUnschedulableError": "the node was lost",
        "ActorUnavailableError": "the node did not answer any more",
        "ActorDiedError": "its process or its node was lost",
        "ObjectLostError": "its answer was lost with its node",
    }
    return known.get(kind, f"lost ({kind})")
