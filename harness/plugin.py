"""The pytest plugin: options, one test per declared limit, outcomes in words. No arithmetic here.

A repository uses it by naming it in its conftest: ``pytest_plugins = ["harness.plugin"]``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError, UndecidedError
from harness.session import collecting, ending, recording, sharding, terminal
from harness.session.crashes import CrashedGates
from harness.session.idle import asks_about_pytest, runs_nothing
from harness.session.interrupts import Interrupts

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.run import Run

RUN: pytest.StashKey[Run] = pytest.StashKey()
#: Outcomes of a judged gate: the verdict is kept already, with more than their message says.
_JUDGED = (AssertionError, UndecidedError, pytest.fail.Exception, pytest.xfail.Exception)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the gates."""
    group = parser.getgroup("quantgate", "gates of quantized models")
    group.addoption("--manifest", metavar="FILE", help="the models.toml to judge")
    group.addoption("--store", metavar="DIR", help="where built models and results are kept")
    group.addoption("--reports", metavar="DIR", help="where each run leaves its report")
    group.addoption(
        "--strict-sources",
        action="store_true",
        help="a model that is not on this machine fails instead of being skipped",
    )
    group.addoption(
        "--shard", metavar="I/N", help="judge part I of N of the models; quantgate merge joins them"
    )
    group.addoption(
        "--shard-durations",
        metavar="FILE",
        help="durations.json of an earlier run: parts that take equally long",
    )
    group.addoption(
        "--record",
        metavar="URL",
        nargs="?",
        const="",
        help="keep the judged numbers in a history: a file, or postgresql://…; without a value the one "
        "of QUANTGATE_HISTORY, of models.toml, or reports/history.sqlite",
    )
    group.addoption(
        "--no-record",
        action="store_true",
        help="keep nothing, although models.toml names a history",
    )
    parser.addini("quantgate_manifest", "the models.toml to judge", default="models.toml")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the manifest before anything runs, where gates are asked for."""
    config.addinivalue_line(
        "markers", "limit(key): one test for each model that declares the limit"
    )
    config.addinivalue_line(
        "markers", "speed: measured by time, which parallel tests would disturb"
    )
    manifest = None if asks_about_pytest(config) else collecting.requested_manifest(config)
    if manifest is None:
        return
    from harness.report.allure_losses import watch_losses

    try:
        run = collecting.prepare(config, manifest)
        if not (hasattr(config, "workerinput") or runs_nothing(config)):
            recording.check(config, run)
            collecting.check_outputs(config)
            run.open()
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[RUN] = run
    _refuse_splits(config)
    collecting.declare_tags(config, run)
    if runs_nothing(config):
        return
    collecting.route_output(config, run)
    config.pluginmanager.register(terminal.VerdictLines(config), "quantgate-lines")
    config.pluginmanager.register(CrashedGates(run), "quantgate-crashes")
    config.pluginmanager.register(Interrupts(), "quantgate-interrupts")
    if config.pluginmanager.hasplugin("allure_pytest"):
        config.stash[ending.LOSSES] = watch_losses()
    config.stash[ending.STOPWATCH] = sharding.Stopwatch()
    config.pluginmanager.register(config.stash[ending.STOPWATCH], "quantgate-stopwatch")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give every xdist worker the run's directory and start."""
    run = node.config.stash.get(RUN, None)
    if run is not None:
        node.workerinput["quantgate"] = {"directory": str(run.directory), "started": run.started}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each model that declares the limit of the marker."""
    marker = metafunc.definition.get_closest_marker("limit")
    if marker is not None:
        run = metafunc.config.stash.get(RUN, None)
        cases = [] if run is None else collecting.cases(metafunc.config, run, marker.args[0])
        metafunc.parametrize("model_id", cases, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Drop the placeholders of limits that nobody declares, before they are counted."""
    report = yield
    if RUN in collector.config.stash and report.passed and report.result:
        report.result = [node for node in report.result if not collecting.is_placeholder(node)]
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the gates by model, and keep a shard."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    items[:] = collecting.ordered(run, items)
    try:
        if not runs_nothing(config):
            sharding.plan(run, items, selected=config.stash.get(ending.SELECTED, False))
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None
    if run.part is None:
        return
    mine = set(sharding.part_items(run.part, items))
    left = [item for item in items if item not in mine]
    items[:] = [item for item in items if item in mine]
    config.hook.pytest_deselected(items=left)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Leave the file names out of the progress: each verdict has a line of its own."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and session.config.stash.get(RUN, None) is not None:
        reporter.showfspath = False


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that a selection was made: then undecided limits are not missing ones."""
    for item in items:
        item.config.stash[ending.SELECTED] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say harness errors as one sentence, and keep what gave no verdict."""
    report = yield
    run = item.config.stash.get(RUN, None)
    gate = collecting.gate_of(item)
    if run is None or gate is None or call.excinfo is None:
        return report
    error = call.excinfo.value
    if isinstance(error, HarnessError):
        report.longrepr = str(error)
    if not isinstance(error, _JUDGED) and not terminal.line_of(report):
        line = ending.note_problem(run, gate, error)
        report.user_properties.append((terminal.LINE, line))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Close with the table of all verdicts and the places where the evidence lies."""
    run = config.stash.get(RUN, None)
    if run is not None and not hasattr(config, "workerinput"):
        ending.write_summary(terminalreporter, run)


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
        ending.tell(session.config, f"not everything was written: {error}")
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
    losses = session.config.stash.get(ending.LOSSES, None)
    if losses is not None and losses.reasons:
        ending.tell(session.config, losses.sentence())
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _conclude(session: pytest.Session, run: Run, exitstatus: int) -> None:
    """Report and record, and fail a full run in which a declared limit was judged nowhere."""
    config = session.config
    if runs_nothing(config):
        return
    if run.part is not None and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = exitstatus = pytest.ExitCode.OK  # more machines than models
    failed = ending.finish(config, run, exitstatus)
    if exitstatus != pytest.ExitCode.INTERRUPTED:
        failed |= ending.record(config, run)
    if failed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if exitstatus in {0, 5} else exitstatus


def _refuse_splits(config: pytest.Config) -> None:
    splits, group = (getattr(config.option, name, None) for name in ("splits", "group"))
    if splits:
        raise pytest.UsageError(
            f"--splits {splits} --group {group} deals out single tests, and a model would be quantized "
            f"once in each group that has one of its gates: use --shard {group}/{splits}"
        )


def default_store() -> Path:
    """Root of the store: QUANTGATE_STORE, or the user's cache folder."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("QUANTGATE_STORE")
    return Path(chosen) if chosen else user_cache_path("quantgate")
