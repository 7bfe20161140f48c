"""Who does what next: work for nodes, again where it failed, and never twice in what is reported.

Ray places, runs and watches processes; which model is next, and that nothing disturbs a timing, is decided here.
All of it is plain data, so that a simulated cluster is served by the same code as a real one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from quantgate.fleet.work import Attempt, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from quantgate.fleet.work import Node, Work

#: How often work is tried before it is given up.
ATTEMPTS = 3
#: Work that takes this many times what it was to take is begun on another node as well, …
STRAGGLES = 2.0
#: … but not before this time, s.
STRAGGLES_S = 60.0


class Cluster(Protocol):
    """Machines that work: Ray's, or simulated ones."""

    def nodes(self) -> tuple[Node, ...]:
        """The nodes that live now, in a stable order."""
        ...

    def now_s(self) -> float:
        """The cluster's clock, s."""
        ...

    def start(self, attempt: Attempt) -> None:
        """Begin an attempt without waiting for it."""
        ...

    def wait(self) -> Iterable[Ended]:
        """Wait for attempts to end, a bounded time: there may be none."""
        ...

    def cancel(self, attempt: Attempt) -> None:
        """End an attempt whose answer nobody wants any more."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """Work that is over.

    Parameters
    ----------
    answer
        What it brought; None where every attempt failed.
    history
        A sentence for each attempt that brought nothing, or an answer that another one was to better.
    settled
        Whether nothing speaks against the answer; else it is the last of those in ``history``.
    """

    work: Work
    node: Node | None
    answer: bytes | None
    history: tuple[str, ...] = ()
    settled: bool = True


@dataclass(slots=True)
class Queue:
    """What is still to be done, what runs, and what was tried."""

    pending: dict[str, Work]
    running: list[Attempt] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    tried: Counter[str] = field(default_factory=Counter)
    avoided: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    history: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    second_best: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, works: Iterable[Work]) -> Queue:
        """Line up work, the longest first."""
        ordered = sorted(works, key=lambda work: -work.seconds)
        return cls({work.name: work for work in ordered})

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return not self.pending and not self.running

    def next_for(self, nodes: Sequence[Node], now_s: float) -> Iterator[Attempt]:
        """Book work for nodes as far as they have room; the caller begins what is given."""
        while (found := self._next(nodes)) is not None:
            work, node = found
            self.pending.pop(work.name, None)
            yield self._book(work, node, now_s)
        yield from self._twins(nodes, now_s)

    def end(self, ended: Ended, nodes: Sequence[Node]) -> Done | None:
        """Take how an attempt ended; what was the last word on its work is given back."""
        attempt = ended.attempt
        if attempt not in self.running:  # its twin was faster
            return None
        self.running.remove(attempt)
        work, answer = attempt.work, ended.answer
        if ended.reason:
            self.avoided[work.name].add(attempt.node.host)
            self.history[work.name].append(f"{attempt.node.text}: {ended.reason}")
            if answer is not None:
                self.second_best[work.name] = answer
            if any(other.work.name == work.name for other in self.running):
                return None
            if self.tried[work.name] < ATTEMPTS and (
                answer is None or ended.anywhere or self._elsewhere(work, nodes)
            ):
                self.pending = {work.name: work, **self.pending}  # it has waited long enough
                return None
            answer = self.second_best.get(work.name)
        self.done.add(work.name)
        history = tuple(self.history[work.name])
        return Done(work, attempt.node, answer, history, settled=not ended.reason)

    def twins_of(self, work: Work) -> list[Attempt]:
        """Take out the attempts that still run for work that is over."""
        twins = [attempt for attempt in self.running if attempt.work.name == work.name]
        self.running = [attempt for attempt in self.running if attempt not in twins]
        return twins

    def unplaceable(self, nodes: Sequence[Node]) -> list[Done]:
        """Give up the work that no living node can do, once nothing runs that could change it."""
        if self.running:
            return []
        left = [
            work
            for work in self.pending.values()
            if self._ready(work) and not any(work.fits(node) for node in nodes)
        ]
        for work in left:
            del self.pending[work.name]
            self.done.add(work.name)
        why = "no node that is left can judge it"
        return [Done(work, None, None, (*self.history[work.name], why)) for work in left]

    def _book(self, work: Work, node: Node, now_s: float) -> Attempt:
        self.tried[work.name] += 1
        attempt = Attempt(work, node, self.tried[work.name], now_s)
        self.running.append(attempt)
        return attempt

    def _ready(self, work: Work) -> bool:
        return work.after <= self.done

    def _next(self, nodes: Sequence[Node]) -> tuple[Work, Node] | None:
        taken = Counter(one.node.id for one in self.running)
        hosts = Counter(one.node.host for one in self.running)
        quiet = {one.node.host for one in self.running if one.work.kind == "speed"}
        free = [n for n in nodes if n.host not in quiet and taken[n.id] < n.seats]
        if not free:
            return None
        ready = [work for work in self.pending.values() if self._ready(work)]
        saved = self._saved(nodes)
        waiting = {n.host for n in free for w in ready if w.kind == "speed" and w.fits(n)} & saved
        # Where speed has to begin and none is ready yet, short answers are what bring it soonest.
        for works, barred in ((ready, saved), (ready[::-1], waiting)):
            room = {
                "answers": [n for n in free if n.host not in barred],
                "speed": [n for n in free if not hosts[n.host]],
            }
            for work in works:
                fit = [node for node in room[work.kind] if work.fits(node)]
                if fit:
                    return work, min(fit, key=lambda node: self._rank(work, node, taken))
        return None

    def _rank(self, work: Work, node: Node, taken: Counter[str]) -> tuple[bool, bool, float]:
        """Prefer a host on which this has not failed, for answers one without speed, and an idle one."""
        failed_here = node.host in self.avoided[work.name]
        return failed_here, node.speed and work.kind == "answers", taken[node.id] / node.seats

    def _saved(self, nodes: Sequence[Node]) -> set[str]:
        """Name hosts that take no more answers, so that speed can begin on them.

        Answers come first, because speed needs what they make, and they fill machines better. Once the speed
        that is left would take as long as everything that is left on all machines, it has to begin.
        """
        speed = [work for work in self.pending.values() if work.kind == "speed"]
        hosts = {node.host for node in nodes if any(work.fits(node) for work in speed)}
        answers = sum(work.seconds for work in self.pending.values() if work.kind == "answers")
        if not hosts or not answers:
            return hosts
        seats: Counter[str] = Counter()
        for node in nodes:
            seats[node.host] += node.seats
        owed = sum(work.seconds for work in speed)
        taken = owed * sum(seats[host] for host in hosts) / len(hosts)
        left_s = (answers + taken) / seats.total()
        return hosts if owed / len(hosts) >= left_s else set()

    def _elsewhere(self, work: Work, nodes: Sequence[Node]) -> bool:
        """Whether a host is left on which this has not been tried."""
        return any(work.fits(n) and n.host not in self.avoided[work.name] for n in nodes)

    def _twins(self, nodes: Sequence[Node], now_s: float) -> Iterator[Attempt]:
        """Begin again, on idle hosts, what takes far longer than it was to take."""
        if self.pending:
            return
        counted = Counter(attempt.work.name for attempt in self.running)
        busy = {attempt.node.host for attempt in self.running}
        for attempt in list(self.running):
            work, took_s = attempt.work, now_s - attempt.began_s
            if counted[work.name] > 1 or took_s < max(STRAGGLES_S, STRAGGLES * work.seconds):
                continue
            idle = [n for n in nodes if n.host not in busy and work.fits(n)]
            if idle and self.tried[work.name] < ATTEMPTS:
                busy.add(idle[0].host)
                yield self._book(work, idle[0], now_s)


def done_by(
    cluster: Cluster, works: Sequence[Work], told: Callable[[Attempt], None] = lambda _: None
) -> Generator[Done]:
    """Have all work done, and give each piece as it is over.

    Parameters
    ----------
    told
        Told of each attempt as it begins.
    """
    queue = Queue.of(works)
    while not queue.over:
        nodes = cluster.nodes()
        for attempt in queue.next_for(nodes, cluster.now_s()):
            told(attempt)
            cluster.start(attempt)
        yield from queue.unplaceable(nodes)
        for ended in cluster.wait() if queue.running else ():
            done = queue.end(ended, nodes)
            if done is None:
                continue
            for twin in queue.twins_of(done.work):
                cluster.cancel(twin)
            yield done
