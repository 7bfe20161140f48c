"""A session of a seat: pytest as a worker of a run that another machine leads, given tests until nobody asks any more."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from quantgate.engine.worker.client import Step
from quantgate.engine.worker.process import die_with
from quantgate.errors import HarnessError, ReportError, StoreError, WorkerError
from quantgate.fleet.luggage import Order
from quantgate.fleet.seat import ALLURE, REPORTS
from quantgate.pipeline.parts import evaluate_parts
from quantgate.run import RunFolder
from quantgate.session.collection import gate_arguments
from quantgate.session.run_report import unfit_of
from quantgate.session.stash import RUN, WORKER
from quantgate.session.states import final_states
from quantgate.shard import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What the run itself has chosen, written or counted: a seat judges what it is asked for.
_OF_THE_RUN: dict[str, object] = {
    "maxfail": 0,
    "keyword": "",
    "markexpr": "",
    "lf": False,
    "failedfirst": False,
    "stepwise": False,
    "xmlpath": None,
}


#: What breaks a gate for its machine and not for its model: no memory, a full disk, a process that was killed.
_OF_THE_MACHINE = (WorkerError, StoreError, ReportError)


class Asked:
    """A plugin that runs the tests which it is asked for, a line a piece of work.

    Parameters
    ----------
    order
        What is known of the run.
    run
        Folder in which it leaves what belongs to a run.
    questions, answers
        Where they come from, and where it says that a piece is done.
    """

    def __init__(self, order: Order, run: Path, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._order = order
        self._run = run
        self._questions = questions
        self._answers = answers
        self._config: pytest.Config | None = None
        self._reports: list[dict[str, Any]] = []
        self._lost = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Become a worker before anything is configured: no report, summary or selection of its own."""
        for name, value in _OF_THE_RUN.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        given = {"directory": str(self._run), "started": self._order.started}
        config.workerinput = {"quantgate": given | {"worker": self._order.name}}  # type: ignore[attr-defined]
        config.option.allure_report_dir = str(self._run / ALLURE)
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what is asked for until the other end is closed."""
        known = {_tail(item.nodeid): item for item in session.items}
        for line in self._questions:
            asked = json.loads(line)
            if asked["part"]:
                self._make(asked["model"], Part(*asked["part"]))
            (self._run / ALLURE).mkdir(parents=True, exist_ok=True)  # the last answer took it along
            self._run_all(_named(known, asked["tests"]))
            self._leave()
        return True

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report for the run."""
        assert self._config is not None
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._reports.append(data)

    def pytest_exception_interact(self, call: pytest.CallInfo[None]) -> None:
        """Remember what another machine, or another time, may do better."""
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, _OF_THE_MACHINE):
            self._lost = self._lost or str(error)

    def _make(self, model: str, part: Part) -> None:
        """Put a part of a model's answers into the store; what fails here fails at its gates, which say it."""
        assert self._config is not None
        run = self._config.stash[RUN]
        entry = run.entry(model)
        step = Step(f"making part {part} of its answers", entry.time_limit_s)
        with suppress(HarnessError):
            self._config.stash[WORKER].call(step, evaluate_parts, entry, run, (part,))

    @staticmethod
    def _run_all(items: Sequence[pytest.Item]) -> None:
        for item, following in zip_longest(items, items[1:]):
            # Behind the last one only the session is left: its control and its datasets serve the next piece.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following or item.session)

    def _leave(self) -> None:
        reports, self._reports = self._reports, []
        self._run.mkdir(parents=True, exist_ok=True)
        (self._run / REPORTS).write_text(json.dumps(reports), encoding="utf-8")
        judged, _ = final_states(run := RunFolder(self._run), "")
        unfit = "; ".join(dict.fromkeys(unfit_of(run, judged).values()))
        told = {"folder": str(self._run), "unfit": unfit, "lost": self._lost}
        self._lost = ""
        self._answers.write(json.dumps(told).encode() + b"\n")
        self._answers.flush()


def _named(known: dict[str, pytest.Item], tests: Iterable[str]) -> list[pytest.Item]:
    """Find tests, and call them as the run does: the gates lie elsewhere on each machine."""
    found = []
    for test in tests:
        item = known[_tail(test)]
        item._nodeid = test  # type: ignore[attr-defined]  # noqa: SLF001 - pytest has no public way
        found.append(item)
    return found


def _tail(test: str) -> str:
    """Cut the folders off a test's id."""
    file, separator, name = test.partition("::")
    return f"{file.rpartition('/')[2]}{separator}{name}"


def main(run: str) -> int:
    """Judge what is asked for, in a process of its own that ends with the one that asks."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries write there is no answer
    given = json.loads(questions.readline())
    order = Order(
        **given | {name: tuple(given[name]) for name in ("options", "environ", "devices")}
    )
    arguments = [*gate_arguments(Path(order.manifest)), *order.options]
    return int(pytest.main(arguments, plugins=[Asked(order, Path(run), questions, answers)]))


if __name__ == "__main__":
    die_with(os.getppid())
    sys.exit(main(*sys.argv[1:]))
