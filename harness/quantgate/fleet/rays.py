"""A cluster of Ray as the fleet: an actor a seat, placed on the node that was chosen for it.

Ray starts and watches the processes, says which nodes live, and carries answers back. The library is optional.
"""

from __future__ import annotations

import logging
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from quantgate.errors import FleetError
from quantgate.fleet.ray_nodes import SPEED, Roll, knock, on
from quantgate.fleet.seat import Seat
from quantgate.fleet.work import Attempt, Ended, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.fleet.luggage import Order

#: How long it is waited for answers before nodes are counted again, s.
LOOK_S = 1.0
#: How long idle seats may take to remove what they hold, s.
CLOSE_S = 5.0


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
        self._roll = Roll(order.devices, versions)
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
            knock(address)
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
        return self._roll.living()

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
        node = attempt.node
        # Whoever else uses the cluster sees what is taken; within the run the host is kept quiet anyway.
        speed = attempt.work.kind == "speed"
        handle = self._seat_class.options(
            num_cpus=0.0 if speed else self._roll.cores(node),
            resources={SPEED: 1.0} if speed and self._roll.declares_speed(node) else {},
            scheduling_strategy=on(node.id),
        ).remote(order, self._parcel)
        seat = _Taken(handle)
        self._seats[attempt.node.id, attempt.work.kind].append(seat)
        return seat


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
