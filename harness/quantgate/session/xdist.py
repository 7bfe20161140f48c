"""Gates over xdist workers: a model stays with one worker, and a dead worker takes one gate only.

xdist's own scheduler by groups gives the whole group out again when a worker dies: the gate that
killed it kills the next worker too, and a new worker that is given a single test waits for ever
(xdist 3.8).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.report.model import Problem
from quantgate.session.states import note_end, tests_of
from quantgate.shard import model_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.run import Run
    from quantgate.session.interrupts import Interrupts

#: How xdist starts a worker: it sends the program over the standard input.
_BOOTSTRAP = "exec(eval(sys.stdin.readline()))"
_PATIENCE_S = 5.0


def scheduler(config: Any, log: Any) -> Any:
    """Make the scheduler of a session in which gates run."""
    from xdist.scheduler import LoadScopeScheduling

    class GateScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist is optional
        """One unit of work a model."""

        def _split_scope(self, nodeid: str) -> str:
            """Group gates by their parameter, the model; other tests form their own group."""
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


_SENTENCE = (
    "the process of this gate died (killed for memory, or a crash in native code); run it alone to "
    "see more, or with fewer workers"
)


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets, and a run has no hash
class Workers:
    """What the controller and its parallel workers do for each other."""

    run: Run
    interrupts: Interrupts

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep each model with one worker, unless the user chose another distribution."""
        return scheduler(config, log) if config.option.dist == "loadgroup" else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """Keep the gate that died as broken: nobody else would speak of it."""
        del report, sched
        gate = tests_of(self.run).get(crashitem)
        if gate is not None and not self.interrupts.came:
            note_end(self.run, crashitem, Problem(*gate, "broken", _SENTENCE))


def end_workers() -> None:
    """End the parallel workers of an interrupted run: what they judged is written down already.

    xdist itself waits ten seconds for a worker that is in the middle of a gate.
    """
    import psutil  # type: ignore[import-untyped]

    workers = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any(_BOOTSTRAP in argument for argument in child.cmdline()):
                child.kill()
                workers.append(child)
    psutil.wait_procs(workers, timeout=_PATIENCE_S)
