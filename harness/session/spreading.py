"""Gates over xdist workers: a model stays with one worker, and a dead worker takes one gate only.

xdist's own scheduler by groups gives the whole group out again when a worker dies: the gate that
killed it kills the next worker too, and a new worker that is given a single test waits for ever
(xdist 3.8).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


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

        def _assign_work_unit(self, node: Any) -> None:
            """Keep the work booked for a worker that died this moment: its end gives it out again."""
            with suppress(OSError):
                super()._assign_work_unit(node)

        def remove_node(self, node: Any) -> str | None:
            """Give out again what a dead worker had not begun, and name the test that it ran."""
            workload = self.assigned_work.pop(node)
            running, left = _not_begun(workload)
            self.workqueue.update(left)
            for other in self.assigned_work if running else ():
                self._reschedule(other)
            return running

    return GateScheduling(config, log)


def _not_begun(
    workload: Mapping[str, Mapping[str, bool]],
) -> tuple[str | None, dict[str, dict[str, bool]]]:
    """Name the test that a worker was running, and what it had not begun, by unit of work."""
    undone = [
        (scope, i) for scope, unit in workload.items() for i, done in unit.items() if not done
    ]
    left: dict[str, dict[str, bool]] = {}
    for scope, i in undone[1:]:
        left.setdefault(scope, {})[i] = False
    return (undone[0][1] if undone else None), left


def model_part(nodeid: str) -> str:
    """Cut a test's parameter out of its id; an id without one is returned whole.

    A scheduler is told nothing but ids; xdist's own ones cut them too.
    """
    plain = nodeid.rsplit("@", 1)[0]
    return plain.rsplit("[", 1)[1].removesuffix("]") if plain.endswith("]") else plain
