from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from quantgate.fleet.dispatch import ATTEMPTS
from quantgate.fleet.work import Node, Work, classes_for_speed
from suites.simulated_fleet import SimulatedCluster, ideal_s, judged, losing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quantgate.fleet.dispatch import Done
    from quantgate.fleet.work import Ended


#: What the twelve built-in models took on two busy cores, s.
TOOK_S = (47.7, 85.2, 71.3, 84.1, 80.1, 15.4, 23.1, 8.6, 26.2, 21.9, 13.1, 38.8)


def works(count: int, seed: int = 0) -> tuple[list[Work], dict[str, float]]:
    """Give models that take what real ones took, give or take a quarter, known to a tenth."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    found: list[Work] = []
    seconds: dict[str, float] = {}
    for place in range(count):
        took = chance.choice(TOOK_S) * chance.uniform(0.8, 1.25)
        speed, name = min(12.0, took / 2), f"m{place}"
        known = chance.uniform(0.9, 1.1) * (took - speed)
        found.append(Work(name, name, "answers", (f"t::{name}",), known))
        fast = f"{name} (speed)"
        found.append(Work(fast, name, "speed", (f"s::{name}",), speed, frozenset({name})))
        seconds |= {name: took - speed, fast: speed * chance.uniform(0.7, 1.3)}
    return found, seconds


def machines(count: int, seats: int = 2, speed: int | None = None) -> list[Node]:
    """Hosts of one node each; of which the first ``speed`` may judge speed."""
    fit = count if speed is None else speed
    return [
        Node(f"n{place}", f"host{place}", seats, "vnni", speed=place < fit)
        for place in range(count)
    ]


def names(done: Iterable[Done]) -> list[str]:
    """Name the work that was answered."""
    return sorted(one.work.name for one in done if one.answer is not None)


@pytest.mark.parametrize("hosts", [1, 2, 3, 8])
@pytest.mark.parametrize("fit", [1, None])
def test_forty_models_take_little_more_than_the_bound(hosts: int, fit: int | None) -> None:
    """40 models are judged once each, within 1.15 of what any order could do, speed never beside anything."""
    todo, seconds = works(40, seed=hosts)
    nodes = machines(hosts, speed=fit)
    took_s, done = judged(SimulatedCluster(nodes, seconds), todo)
    assert names(done) == sorted(seconds)
    assert took_s <= 1.15 * ideal_s(todo, seconds, nodes)


@pytest.mark.parametrize(("fit", "seed"), [(50, 0), (50, 1), (10, 0)])
def test_lost_nodes_and_stragglers_cost_little(fit: int, seed: int) -> None:
    """500 models on 50 nodes, five of which are lost and two take three times as long: within 1.2 of what is left."""
    todo, seconds = works(500, seed)
    nodes = machines(50, speed=fit)
    bound = ideal_s(todo, seconds, nodes)
    slow = {nodes[30].id: 3.0, nodes[40].id: 3.0}
    lost = losing(nodes[1:], 0.1, bound, seed)
    left = sum(min(1.0, lost.get(n.id, bound) / bound) / slow.get(n.id, 1.0) for n in nodes) / 50
    took_s, done = judged(SimulatedCluster(nodes, seconds, slow, lost), todo)
    assert names(done) == sorted(seconds)
    assert took_s <= 1.2 * bound / left


def test_lost_work_is_done_again_and_told() -> None:
    """What was on a lost node is judged elsewhere, and its history names the node."""
    todo, seconds = works(6)
    nodes = machines(2)
    cluster = SimulatedCluster(nodes, seconds, losses={"n1": 5.0})
    _, done = judged(cluster, todo)
    again = [one for one in done if one.history]
    assert names(done) == sorted(seconds)
    assert again
    assert all("host1" in sentence for one in again for sentence in one.history)


def test_work_that_always_fails_is_given_up() -> None:
    """A model that ends every process is tried a bounded number of times, and the others are judged."""
    todo, seconds = works(4)
    nodes = machines(3)

    class Deadly(SimulatedCluster):
        """Loses whatever judges m2."""

        def wait(self) -> Iterator[Ended]:
            """Let it fail."""
            for ended in SimulatedCluster.wait(self):
                deadly = ended.attempt.work.name == "m2"
                yield replace(ended, answer=None, reason="killed") if deadly else ended

    cluster = Deadly(nodes, seconds)
    _, done = judged(cluster, todo)
    (lost,) = [one for one in done if one.answer is None]
    assert (lost.work.name, len(lost.history)) == ("m2", ATTEMPTS)
    assert len(done) == len(todo)


def test_an_unfit_machine_is_retried_elsewhere_and_else_kept() -> None:
    """Speed that is undecided for the machine's sake is had from another host; with none left it stays undecided."""
    todo, seconds = works(1)
    both = machines(2)
    _, done = judged(SimulatedCluster(both, seconds, unfit=frozenset({"host0"})), todo)
    assert {one.answer for one in done} == {b"answered"}
    _, done = judged(SimulatedCluster(both[:1], seconds, unfit=frozenset({"host0"})), todo)
    assert {one.answer for one in done} == {b"answered", b"undecided"}
    assert sum(len(one.history) for one in done) == 1


def test_no_node_left_is_an_answer_for_each() -> None:
    """When every node is lost, each piece of work ends unjudged, and nothing waits for ever."""
    todo, seconds = works(3)
    cluster = SimulatedCluster(machines(1), seconds, losses={"n0": 1.0})
    _, done = judged(cluster, todo)
    assert len(done) == len(todo)
    assert all(one.answer is None for one in done)
    assert any("no node that is left" in one.history[-1] for one in done)


def test_speed_goes_to_the_class_that_limits_name() -> None:
    """A table's classes choose the machines; a single number wants machines with fast INT8 where there are any."""
    amx = Node("a", "a", isa="amx")
    old = Node("b", "b", isa="avx2")
    assert classes_for_speed(frozenset({"avx2"}), (amx, old)) == {"avx2"}
    assert classes_for_speed(None, (amx, old)) == {"amx"}
    assert classes_for_speed(None, (old,)) == frozenset()
    work = Work("m (speed)", "m", "speed", ("t",), classes=frozenset({"amx"}))
    assert (work.fits(amx), work.fits(old)) == (True, False)
    assert not work.fits(replace(amx, speed=False))


def test_a_straggler_is_begun_elsewhere_and_counts_once() -> None:
    """Work that takes far longer than it should is begun on an idle host, too; the first answer is the only one."""
    work = Work("m", "m", "answers", ("t",), 60.0)
    nodes = machines(2)
    cluster = SimulatedCluster(nodes, {"m": 60.0}, pace={"n0": 100.0, "n1": 1.0})
    took_s, done = judged(cluster, [work])
    assert [one.work.name for one in done] == ["m"]
    assert len(cluster.started) == 2
    assert took_s < 300
