"""A fleet in simulated time: nodes that judge at their own pace, get lost and straggle, served by the real queue."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantgate.fleet.dispatch import done_by
from quantgate.fleet.work import Ended, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quantgate.fleet.dispatch import Done
    from quantgate.fleet.work import Attempt, Work


@dataclass(slots=True)
class SimulatedCluster:
    """Nodes whose attempts take what ``seconds`` says, times the node's pace.

    Parameters
    ----------
    all_nodes
        Those that there are at first.
    seconds
        What work really takes, by its name; what it was to take is the work's own.
    pace
        By node: 1 unless it is named; 3 is a straggler.
    losses
        When nodes are lost, by their id.
    unfit
        Hosts on which speed comes out undecided.
    """

    all_nodes: Sequence[Node]
    seconds: Mapping[str, float]
    pace: Mapping[str, float] = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)
    unfit: frozenset[str] = frozenset()
    clock_s: float = 0.0
    ends: list[tuple[float, int, Attempt]] = field(default_factory=list)
    cancelled: list[Attempt] = field(default_factory=list)
    started: list[Attempt] = field(default_factory=list)

    def nodes(self) -> tuple[Node, ...]:
        """Those that are not lost."""
        return tuple(n for n in self.all_nodes if self.losses.get(n.id, 1e18) > self.clock_s)

    def now_s(self) -> float:
        """Simulated seconds."""
        return self.clock_s

    def start(self, attempt: Attempt) -> None:
        """Plan its end: of its work, or of its node."""
        self._refuse_noise(attempt)
        self.started.append(attempt)
        takes = self.seconds[attempt.work.name] * self.pace.get(attempt.node.id, 1.0)
        lost = self.losses.get(attempt.node.id, 1e18)
        heapq.heappush(self.ends, (min(self.clock_s + takes, lost), len(self.started), attempt))

    def wait(self) -> Iterator[Ended]:
        """Go on to the next end, or to the next second in which a straggler may be seen."""
        if self.ends and self.ends[0][0] > self.clock_s + 10.0:
            self.clock_s += 10.0
            return
        while self.ends:
            self.clock_s, _, attempt = heapq.heappop(self.ends)
            if attempt in self.cancelled:
                continue
            if self.losses.get(attempt.node.id, 1e18) <= self.clock_s:
                yield Ended(attempt, reason="the node was lost")
            elif attempt.work.kind == "speed" and attempt.node.host in self.unfit:
                yield Ended(attempt, b"undecided", "unfit")
            else:
                yield Ended(attempt, b"answered")
            return

    def cancel(self, attempt: Attempt) -> None:
        """Forget its end."""
        self.cancelled.append(attempt)

    def _refuse_noise(self, attempt: Attempt) -> None:
        """Nothing of a run may work beside a timing on the same host."""
        beside = [
            other
            for _, _, other in self.ends
            if other.node.host == attempt.node.host and other not in self.cancelled
        ]
        kinds = {attempt.work.kind, *(other.work.kind for other in beside)}
        assert not beside or "speed" not in kinds, f"{attempt.work.name} beside {beside}"
        assert sum(other.node.id == attempt.node.id for other in beside) < attempt.node.seats


def judged(cluster: SimulatedCluster, works: Sequence[Work]) -> tuple[float, list[Done]]:
    """Have all work done; give the makespan, s, and what came of each piece."""
    found = list(done_by(cluster, works))
    return cluster.clock_s, found


def ideal_s(works: Sequence[Work], seconds: Mapping[str, float], nodes: Sequence[Node]) -> float:
    """Lower bound of the makespan: all seats always busy, speed on its hosts alone, and no model cut up, s."""
    speed_hosts = {node.host for node in nodes if node.speed}
    of_host = {
        host: sum(n.seats for n in nodes if n.host == host) for host in {n.host for n in nodes}
    }
    answers = sum(seconds[work.name] for work in works if work.kind == "answers")
    speed = sum(seconds[work.name] for work in works if work.kind == "speed")
    # A second of speed costs a host all of its seats.
    cheapest = min((of_host[host] for host in speed_hosts), default=1)
    packed = (answers + speed * cheapest) / sum(of_host.values())
    chains = [seconds[work.name] + sum(seconds[name] for name in work.after) for work in works]
    return max(packed, speed / max(1, len(speed_hosts)), *chains)


def losing(nodes: Sequence[Node], share: float, until_s: float, seed: int) -> dict[str, float]:
    """Choose nodes that are lost, each at some moment."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    lost = chance.sample(list(nodes), int(share * len(nodes)))
    return {node.id: chance.uniform(0, until_s) for node in lost}
