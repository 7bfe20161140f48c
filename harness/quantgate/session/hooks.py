"""The hooks of a session that runs gates: one test per declared limit, outcomes in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import HarnessError
from quantgate.session import closing, collection, finish, history, sharding, terminal
from quantgate.session.dry_run import asks_about_pytest, leave_nothing, runs_nothing
from quantgate.session.interrupts import ALL, Interrupts
from quantgate.session.log import GateLog
from quantgate.session.recover import alive, unfinished
from quantgate.session.run_report import begin_report
from quantgate.session.stash import (
    ALIVE,
    INTERRUPTS,
    LOSSES,
    RUN,
    SELECTED,
    STOPWATCH,
    UNCHANGED,
)
from quantgate.session.steps import WorkerKeeper
from quantgate.session.timeouts import Timeouts
from quantgate.session.xdist import Workers
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from quantgate.run import Run

#: Runs without a report that are named at a start.
_MOST_NAMED = 3


def activate(config: pytest.Config) -> None:
    """Read the manifest before anything runs, and register what gates need."""
    config.addinivalue_line(
        "markers", "limit(key): one test for each model that declares the limit"
    )
    config.addinivalue_line(
        "markers", "speed: measured by time, which parallel tests would disturb"
    )
    config.addinivalue_line(
        "markers",
        "models(*names, task=None, tag=None): the models that a test of your own runs for",
    )
    manifest = None if asks_about_pytest(config) else collection.requested_manifest(config)
    if manifest is None:
        return
    from quantgate.report.allure.session import watch_losses
    from quantgate.session.fixtures import ROOMS

    _refuse_splits(config)
    _refuse_idle(config)
    try:
        run = collection.prepare(config, manifest)
        if not runs_nothing(config):
            _open(config, run)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[RUN] = run
    config.pluginmanager.register(sys.modules[__name__], "quantgate-hooks")
    for name, room in ROOMS.items():
        config.pluginmanager.register(room, name)
    collection.declare_tags(config, run)
    if runs_nothing(config):
        return
    collection.route_output(config, run)
    config.pluginmanager.register(terminal.VerdictLines(config), "quantgate-lines")
    parallel = hasattr(config, "workerinput")
    config.stash[INTERRUPTS] = Interrupts(ALL[:1]) if parallel else Interrupts()
    config.pluginmanager.register(GateLog(run), "quantgate-log")
    config.pluginmanager.register(Workers(run, config.stash[INTERRUPTS]), "quantgate-workers")
    config.pluginmanager.register(config.stash[INTERRUPTS], "quantgate-interrupts")
    config.pluginmanager.register(Timeouts(), "quantgate-timeouts")
    spread = None if parallel else _spread(config)
    config.pluginmanager.register(WorkerKeeper(config, gates=spread is None), "quantgate-worker")
    if spread is not None:
        config.pluginmanager.register(spread, "quantgate-spread")
    if config.pluginmanager.hasplugin("allure_pytest"):
        config.stash[LOSSES] = watch_losses()
    config.stash[STOPWATCH] = sharding.Stopwatch()
    config.pluginmanager.register(config.stash[STOPWATCH], "quantgate-stopwatch")


def _spread(config: pytest.Config) -> object | None:
    """Make what gives the gates to a fleet; None where they are judged here, which costs nothing of it."""
    if config.getoption("--ray") is None:
        return None
    from quantgate.session.spread import spread_of

    return spread_of(config)


def _open(config: pytest.Config, run: Run) -> None:
    """Begin the run's folder, and hold the lock by which it is known that this process lives."""
    parallel = hasattr(config, "workerinput")
    if not parallel:
        history.check(config, run)
        collection.check_outputs(config)
        run.open()
    config.stash[ALIVE] = alive(run)
    config.stash[ALIVE].acquire()
    if not parallel:
        begin_report(config, run)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give every xdist worker the run's directory and start."""
    run = node.config.stash.get(RUN, None)
    if run is not None:
        node.workerinput["quantgate"] = {"directory": str(run.directory), "started": run.started}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each model that declares the limit of a gate, or that a test asks for."""
    run = metafunc.config.stash.get(RUN, None)
    limit = metafunc.definition.get_closest_marker("limit")
    if run is None or (limit is None and "model_id" not in metafunc.fixturenames):
        return
    if limit is not None:
        cases = collection.cases(metafunc.config, run, limit.args[0])
    else:
        cases = collection.chosen(run, metafunc.definition.get_closest_marker("models"))
    metafunc.parametrize("model_id", cases, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Drop the placeholders of undeclared limits before they are counted."""
    report = yield
    if RUN in collector.config.stash and report.passed and report.result:
        report.result = [node for node in report.result if not collection.is_placeholder(node)]
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the gates by model, and keep what changed and a shard."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    items[:] = collection.ordered(run, items)
    try:
        _leave_unchanged(config, run, items)
        if not runs_nothing(config):
            sharding.plan(run, items, selected=config.stash.get(SELECTED, False))
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None
    if run.part is None:
        return
    mine = set(sharding.part_items(run.part, items))
    left = [item for item in items if item not in mine]
    items[:] = [item for item in items if item in mine]
    config.hook.pytest_deselected(items=left)


def _leave_unchanged(config: pytest.Config, run: Run, items: list[pytest.Item]) -> None:
    """Deselect the gates of models that did not change since ``--changed-since``."""
    since = config.getoption("--changed-since")
    if not since:
        return
    from quantgate.session.changed import changed_models

    changed = changed_models(run.manifest, since)
    gates = {item: gate for item in items if (gate := collection.gate_of(item)) is not None}
    left = [item for item, gate in gates.items() if owner_of(gate[0]) not in changed]
    config.stash[UNCHANGED] = tuple(dict.fromkeys(owner_of(gates[item][0]) for item in left))
    items[:] = [item for item in items if item not in set(left)]
    config.hook.pytest_deselected(items=left)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the runs that ended without a report: what they judged can still be had."""
    run = config.stash.get(RUN, None)
    if run is None or hasattr(config, "workerinput") or runs_nothing(config):
        return []
    left = [folder for folder in unfinished(run.directory.parent) if folder != run.directory]
    said = [f"ended without a report: `quantgate recover {folder}` makes it" for folder in left]
    more = len(left) - _MOST_NAMED
    return said if more <= 0 else [*said[-_MOST_NAMED:], f"… and {more} more beside it"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the run."""
    if ALIVE in config.stash:
        config.stash[ALIVE].release()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Leave file names out of the progress, since each verdict has its own line, and head the run."""
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    run = config.stash.get(RUN, None)
    if reporter is None or run is None:
        return
    reporter.showfspath = False
    if config.option.no_header and reporter.showheader:
        for line in (*terminal.head_lines(run), *pytest_report_header(config)):
            terminal.write_folded(reporter, line)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that a selection was made: then undecided limits are not missing ones."""
    for item in items:
        item.config.stash[SELECTED] = True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Label a gate for Allure before a fixture can break, and behind Allure's own beginning."""
    run, gate = item.config.stash.get(RUN, None), collection.gate_of(item)
    if run is not None and gate is not None:
        from quantgate.report.publish import begin_gate

        entry = run.entry(gate[0])
        begin_gate(*gate, entry.task, entry.tags)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_terminal_summary(
    terminalreporter: Any, exitstatus: int, config: pytest.Config
) -> Generator[None]:
    """Close with the table of all verdicts and the paths of the evidence."""
    run = config.stash.get(RUN, None)
    if run is None or hasattr(config, "workerinput"):
        yield
        return
    with terminal.titles_on_one_line(terminalreporter):
        yield
    if exitstatus != pytest.ExitCode.USAGE_ERROR:
        closing.write_summary(terminalreporter, run)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None]:
    """Write the report before pytest's own files; a full disk takes neither summary nor status."""
    run = session.config.stash.get(RUN, None)
    if run is None or hasattr(session.config, "workerinput"):
        yield
        return
    _conclude(session, run, exitstatus)
    try:
        yield
    except OSError as error:
        finish.tell(session.config, f"not everything was written: {error}")
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
    if finish.settle(session.config, run):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
    losses = session.config.stash.get(LOSSES, None)
    if losses is not None and losses.reasons:
        finish.tell(session.config, losses.sentence())
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _conclude(session: pytest.Session, run: Run, exitstatus: int) -> None:
    """Report and record, and fail a full run in which a declared limit was judged nowhere."""
    config = session.config
    if runs_nothing(config):
        return
    if exitstatus == pytest.ExitCode.USAGE_ERROR:  # said before anything ran
        leave_nothing(config, run)
        return
    config.stash[INTERRUPTS].begin_report()
    if run.part is not None and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = exitstatus = pytest.ExitCode.OK  # more machines than models
    unchanged = config.stash.get(UNCHANGED, ())
    if unchanged and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = exitstatus = pytest.ExitCode.OK  # nothing changed is no mistake
    failed = finish.finish(session, run, exitstatus)
    if unchanged:
        since = config.getoption("--changed-since")
        finish.tell(config, f"unchanged since {since}, not judged: {', '.join(unchanged)}")
    if exitstatus != pytest.ExitCode.INTERRUPTED:
        failed |= finish.record(config, run)
    if failed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if exitstatus in {0, 5} else exitstatus


#: Options of pytest-benchmark that judge or show what its own fixture measured, which gates do not use.
_IDLE = {
    "benchmark_compare": "--benchmark-compare",
    "benchmark_compare_fail": "--benchmark-compare-fail",
    "benchmark_histogram": "--benchmark-histogram",
    "benchmark_only": "--benchmark-only",
    "benchmark_skip": "--benchmark-skip",
    "benchmark_cprofile": "--benchmark-cprofile",
}


def _refuse_idle(config: pytest.Config) -> None:
    """Refuse options that would be accepted and judge nothing."""
    for name, option in _IDLE.items():
        if getattr(config.option, name, None):
            raise pytest.UsageError(
                f"{option} says nothing of gates, whose rounds pytest-benchmark does not measure: judge with "
                "limits.min_speedup, or save with --benchmark-save and compare with `pytest-benchmark compare`"
            )


def _refuse_splits(config: pytest.Config) -> None:
    splits, group = (getattr(config.option, name, None) for name in ("splits", "group"))
    if splits:
        raise pytest.UsageError(
            f"--splits {splits} --group {group} deals out single tests, and a model would be quantized "
            f"once in each group that has one of its gates: use --shard {group}/{splits}"
        )
