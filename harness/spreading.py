"""Gates over xdist workers: a model stays with one worker, and a dead worker takes one gate only.

xdist's own scheduler by groups gives the whole group out again when a worker dies: the gate that
killed it kills the next worker too, and a new worker that is given a single test waits for ever
(xdist 3.8).
"""

from __future__ import annotations

from typing import Any


def scheduler(config: Any, log: Any) -> Any:
    """Make the scheduler of a session in which gates run."""
    from xdist.scheduler import LoadScopeScheduling

    class GateScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist is optional
        """One unit of work a model."""

        def _split_scope(self, nodeid: str) -> str:
            """Group by the parameter, which of a gate is its model; others stand alone."""
            return model_part(nodeid)

        def schedule(self) -> None:
            """Give every worker two tests or the word to end: with one alone it waits for more."""
            super().schedule()
            for node in self.nodes:
                while not node.shutting_down and self._pending_of(self.assigned_work[node]) <= 1:
                    self._reschedule(node)

        def remove_node(self, node: Any) -> str | None:
            """Give out again what a dead worker had not begun, and name the test that it ran."""
            workload = self.assigned_work.pop(node)
            open_ids: list[str] = [
                i for unit in workload.values() for i, done in unit.items() if not done
            ]
            if not open_ids:
                return None
            for scope, unit in workload.items():
                left = {i: False for i, done in unit.items() if not done and i != open_ids[0]}
                if left:
                    self.workqueue[scope] = left
            for other in self.assigned_work:
                self._reschedule(other)
            return open_ids[0]

    return GateScheduling(config, log)


def model_part(nodeid: str) -> str:
    """Cut a test's parameter out of its id; an id without one is returned whole.

    A scheduler is told nothing but ids; xdist's own ones cut them too.
    """
    plain = nodeid.rsplit("@", 1)[0]
    return plain.rsplit("[", 1)[1].removesuffix("]") if plain.endswith("]") else plain
