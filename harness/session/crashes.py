"""Gates whose worker died: they are reported as broken, because nobody else would speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from harness.session.collecting import gate_of

if TYPE_CHECKING:
    from harness.run import Run

_SENTENCE = (
    "the process of this gate died (killed for memory, or a crash in native code); run it alone to "
    "see more, or with fewer workers"
)


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets, and a run has no hash
class CrashedGates:
    """Notes in every process which gate begins, so that the controller knows which one died."""

    run: Run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leave a note before anything can break; only workers are outlived by somebody."""
        gate = gate_of(item)
        if gate is not None and hasattr(item.config, "workerinput"):
            self.run.append("begun", {"nodeid": item.nodeid, "model": gate[0], "gate": gate[1]})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep each model with one worker, unless the user chose another distribution."""
        from harness.session.spreading import scheduler

        return scheduler(config, log) if config.option.dist == "loadgroup" else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """Keep the gate that died as broken, for the page and for Allure."""
        del report, sched
        from harness.report.allure import report_crash

        begun = {record["nodeid"]: record for record in self.run.records("begun")}
        found = begun.get(crashitem)
        if found is None:
            return
        model, key = found["model"], found["gate"]
        problem = {"model": model, "gate": key, "status": "broken", "sentence": _SENTENCE}
        self.run.append("problems", problem)
        report_crash(model, key, self.run.entry(model).task, f"{model}: {key}: {_SENTENCE}")
