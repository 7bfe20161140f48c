"""A run over a fleet: this session collects, selects and reports; nodes judge."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import FleetError, HarnessError
from quantgate.fleet.dispatch import done_by
from quantgate.fleet.luggage import Order, packed_files
from quantgate.fleet.rays import RayCluster
from quantgate.fleet.seat import ALLURE, REPORTS, unpacked
from quantgate.report.model import Problem
from quantgate.report.words.numbers import counted
from quantgate.report.words.verdicts import duration_text
from quantgate.session.collection import gate_of
from quantgate.session.machines import note_machine
from quantgate.session.spread_work import devices_of, in_parts, refuse_nowhere, works_of
from quantgate.session.stash import RUN
from quantgate.session.states import note_end
from quantgate.session.terminal import LINE
from quantgate.shard import DURATIONS, read_durations
from quantgate.store import digest_of_file
from quantgate.telemetry import silence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quantgate.fleet.dispatch import Done
    from quantgate.fleet.work import Attempt, Node, Work
    from quantgate.run import Run

#: Options of the run that change what a gate does, and so go to every seat.
_CARRIED = ("--limit", "--limits-from")
#: The run records, nodes do not: the password of the database stays here.
_HISTORY = "QUANTGATE_HISTORY"


@dataclass(slots=True, eq=False)  # pytest keeps plugins in sets
class Spread:
    """Gives gates to the nodes of a cluster instead of running them here.

    Parameters
    ----------
    address
        Of the cluster; empty for one of this machine alone.
    """

    run: Run
    address: str
    taken: int = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run tests that are no gates here, then have the gates judged."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None
        gates = {item.nodeid: item for item in session.items if gate_of(item) is not None}
        own = [item for item in session.items if item.nodeid not in gates]
        for item, following in zip_longest(own, own[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            _stop_where_asked(session)
        if gates:
            try:
                self._judge(session, gates)
            except FleetError as error:
                raise pytest.UsageError(str(error)) from None
        return True

    def _judge(self, session: pytest.Session, gates: Mapping[str, pytest.Item]) -> None:
        config = session.config
        silence()
        order = _order(config, self.run)
        with RayCluster(self.address, order, _luggage(self.run), _versions()) as cluster:
            nodes = cluster.nodes()
            works = works_of(self.run, list(gates.values()), nodes, _durations(config, self.run))
            refuse_nowhere(works, nodes)
            if sum(node.seats for node in nodes) > 1 and self._shared(config, nodes):
                works = in_parts(self.run, works)
            _tell(config, _fleet_line(nodes, works))
            begun_s, busy_s, begin_s = cluster.now_s(), 0.0, dict[str, float]()

            def told(attempt: Attempt) -> None:
                begin_s.setdefault(attempt.work.name, cluster.now_s())

            with closing(done_by(cluster, works, told)) as done:
                for one in done:
                    took_s = cluster.now_s() - begin_s.get(one.work.name, cluster.now_s())
                    busy_s += took_s * _seats_of(one, nodes)
                    self._take(config, gates, one)
                    _stop_where_asked(session)
            _tell(config, _busy_line(nodes, busy_s, cluster.now_s() - begun_s))

    @staticmethod
    def _shared(config: pytest.Config, nodes: Iterable[Node]) -> bool:
        """Whether what one node puts into the store can be taken from it by another."""
        return bool(_store_of(config)) or len({node.host for node in nodes}) == 1

    def _take(self, config: pytest.Config, gates: Mapping[str, pytest.Item], done: Done) -> None:
        """Make what a node answered part of this run, or say that none did."""
        if done.history:
            self._note(done)
        if done.answer is None:
            self._give_up(config, gates, done)
            return
        with tempfile.TemporaryDirectory(dir=self.run.directory, prefix=".answer-") as folder:
            target = Path(folder)
            unpacked(done.answer, target)
            reports = json.loads((target / REPORTS).read_bytes())
            self._lay(config, target, done)
        for data in map(_with_tuples, reports):
            report = config.hook.pytest_report_from_serializable(config=config, data=data)
            config.hook.pytest_runtest_logreport(report=report)

    def _lay(self, config: pytest.Config, answer: Path, done: Done) -> None:
        (answer / REPORTS).unlink()
        self.taken += 1
        for path in (answer / "parts").glob("*.jsonl"):
            path.rename(path.with_stem(f"{path.stem}-{self.taken}"))
        results = answer / ALLURE
        if results.is_dir():
            shutil.copytree(results, config.option.allure_report_dir, dirs_exist_ok=True)
            shutil.rmtree(results)
        shutil.copytree(answer, self.run.directory, dirs_exist_ok=True)
        if done.node is not None:
            note_machine(self.run, done.work.tests, done.node.facts)

    def _note(self, done: Done) -> None:
        """Tell of every attempt that brought nothing."""
        what = f"part {done.work.part} of the answers" if done.work.part else done.work.kind
        judged = done.node is not None and done.answer is not None and done.settled
        end = f"; judged on {done.node.text}" if judged and done.node else ""
        count = counted(len(done.history) + judged, "attempts")
        note = f"{what} took {count}: {'; '.join(done.history)}{end}"
        self.run.keep(
            done.work.model, f"attempts-{done.work.name.replace('/', '-of-')}", {"notes": [note]}
        )

    def _give_up(self, config: pytest.Config, gates: Mapping[str, pytest.Item], done: Done) -> None:
        """Let gates be broken that no node could judge."""
        sentence = f"no node judged this: {'; '.join(done.history)}; run it alone on one machine to see more"
        for test in done.work.tests:
            item, gate = gates[test], gate_of(gates[test])
            assert gate is not None
            note_end(self.run, test, Problem(*gate, "broken", sentence))
            line = f"BROKEN  {gate[0]}: {gate[1]}: {sentence}"
            report = pytest.TestReport(
                test,
                item.location,
                dict.fromkeys(item.keywords, 1),
                "failed",
                sentence,
                "call",
                user_properties=[(LINE, line)],
            )
            config.hook.pytest_runtest_logreport(report=report)


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    """Give a serialized report the tuples that JSON made lists of: why a test was skipped, and where it stands."""
    reason = data["longrepr"]
    pairs = {name: [tuple(pair) for pair in data[name]] for name in ("user_properties", "sections")}
    told = tuple(reason) if isinstance(reason, list) else reason
    return data | pairs | {"longrepr": told, "location": tuple(data["location"])}


def _order(config: pytest.Config, run: Run) -> Order:
    """Say what every seat has to know."""
    here = config.invocation_params.dir
    options = ["-p", "no:xdist", "-p", "no:cacheprovider"]
    for option in _CARRIED:
        for value in config.getoption(option):
            given = str(Path(here, value)) if option == "--limits-from" else str(value)
            options += [option, given]
    store = _store_of(config)
    if store:
        options += ["--store", store if "://" in store else str(Path(here, store))]
    predictions = config.getoption("--predictions-from")
    if predictions:
        options += ["--predictions-from", str(Path(here, predictions))]
    if run.strict_sources:
        options.append("--strict-sources")
    minutes = config.getoption("--remedy")
    if minutes:
        options.append(f"--remedy={minutes / 60:g}")
    for name in ("timeout", "reruns"):
        value = getattr(config.option, name, None)
        if value:
            options.append(f"--{name}={value}")
    environ = tuple(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith(("QUANTGATE_", "NNCF_")) and name != _HISTORY
    )
    path = run.manifest.path
    devices = tuple(
        sorted({name for model in run.manifest.models for name in devices_of(run, model)})
    )
    place = (str(here), str(path), digest_of_file(path))
    return Order("", tuple(options), *place, run.started, environ, devices)


def _store_of(config: pytest.Config) -> str:
    """Give the store that was asked for; empty where each machine uses its own."""
    return str(config.getoption("--store") or os.environ.get("QUANTGATE_STORE", ""))


def _luggage(run: Run) -> bytes:
    from quantgate.session.changed import paths_of

    named = [p for entry in run.manifest.models.values() for p in paths_of(run.manifest, entry)]
    return packed_files(run.manifest.root.absolute(), [run.manifest.path, *named])


def _versions() -> Mapping[str, str]:
    from quantgate.machine import fingerprint

    return fingerprint().versions


def _durations(config: pytest.Config, run: Run) -> Mapping[str, float]:
    """Read what models took before: as given, or in the latest run beside this one."""
    given = config.getoption("--shard-durations")
    if given:
        path = Path(config.invocation_params.dir, given)
        return read_durations(path) if path.exists() else {}
    latest = run.directory.parent / "latest" / DURATIONS
    try:
        return read_durations(latest) if latest.exists() else {}
    except HarnessError:  # only an order is made of it
        return {}


def _seats_of(done: Done, nodes: Iterable[Node]) -> int:
    """Count the seats that a piece of work took: speed keeps its whole host."""
    if done.node is None or done.work.kind != "speed":
        return 1
    return sum(node.seats for node in nodes if node.host == done.node.host)


def _busy_line(nodes: Sequence[Node], busy_s: float, took_s: float) -> str:
    share = busy_s / max(1e-9, took_s * sum(node.seats for node in nodes))
    return (
        f"Ray: judged in {duration_text(took_s)}, the nodes were busy {min(1.0, share):.0%} of it"
    )


def _fleet_line(nodes: Sequence[Node], works: Sequence[Work]) -> str:
    hosts = len({node.host for node in nodes})
    speed = [node for node in nodes if node.speed]
    models = len({work.model for work in works})
    classes = ", ".join(sorted({node.isa for node in speed})) or "none"
    where = f"{counted(len(nodes), 'nodes')} on {counted(hosts, 'machines')}"
    fit = f"speed on {counted(len(speed), 'nodes')} ({classes})"
    return f"Ray: {where}, {counted(models, 'models')}; {fit}"


def _tell(config: pytest.Config, line: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def _stop_where_asked(session: pytest.Session) -> None:
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


def spread_of(config: pytest.Config) -> Spread | None:
    """Make the plugin where `--ray` asks for it.

    Raises
    ------
    UsageError
        Beside options that divide the run in another way.
    """
    address = config.getoption("--ray")
    if address is None:
        return None
    if getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--ray spreads the run over its nodes: leave -n out")
    return Spread(config.stash[RUN], address)
