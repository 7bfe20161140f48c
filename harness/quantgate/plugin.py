"""The pytest plugin's door: its options, and the decision whether a session runs gates at all.

Every installation of quantgate is loaded into every pytest session of its environment, so this module
imports nothing heavy and changes nothing until gates are asked for: by ``--manifest``, by the ini
option ``quantgate_manifest``, or by ``quantgate gate``. A models.toml alone activates nothing.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the gates."""
    group = parser.getgroup("quantgate", "gates of quantized models")
    group.addoption("--manifest", metavar="FILE", help="judge the models of this models.toml")
    group.addoption("--store", metavar="DIR", help="keep built models and results in this store")
    group.addoption("--reports", metavar="DIR", help="write each run's report below this folder")
    group.addoption(
        "--strict-sources",
        action="store_true",
        help="fail models that are not on this machine instead of skipping them",
    )
    group.addoption(
        "--shard",
        metavar="I/N",
        help="judge part I of N of the models; quantgate merge joins the parts",
    )
    group.addoption(
        "--shard-durations",
        metavar="FILE",
        help="balance the parts by durations.json of an earlier run",
    )
    group.addoption(
        "--ray",
        metavar="ADDRESS",
        nargs="?",
        const="",
        help="judge on the nodes of this Ray cluster; without a value, on one that is started here",
    )
    group.addoption(
        "--changed-since",
        metavar="REV",
        help="judge only models whose entry, files or data changed since a revision of git",
    )
    group.addoption(
        "--limit",
        metavar="MODEL.KEY=VALUE",
        action="append",
        default=[],
        help="judge by this limit instead of the manifest's; may be repeated",
    )
    group.addoption(
        "--limits-from",
        metavar="FILE",
        action="append",
        default=[],
        help="judge by the [models.NAME.limits] of a TOML file, as quantgate suggest prints them",
    )
    group.addoption(
        "--predictions-from",
        metavar="RUN",
        help="also judge what another machine answered, from the folder of its run",
    )
    group.addoption(
        "--remedy",
        metavar="MINUTES",
        nargs="?",
        const=600.0,
        type=_minutes,
        help="search a recipe for every model that misses a limit, so many minutes each (default: 10)",
    )
    group.addoption(
        "--record",
        metavar="URL",
        nargs="?",
        const="",
        help="record the judged numbers in a history: a file, or postgresql://…; without a value, "
        "the history of QUANTGATE_HISTORY, of models.toml, or reports/history.sqlite",
    )
    group.addoption(
        "--no-record",
        action="store_true",
        help="record nothing, even if models.toml names a history",
    )
    parser.addini(
        "quantgate_manifest", "models.toml whose gates run with this repository's tests", default=""
    )


def _minutes(text: str) -> float:
    from quantgate.commands.arguments import minutes

    return minutes(text)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Activate the gates' hooks if gates are requested."""
    if not (config.getoption("--manifest") or config.getini("quantgate_manifest")):
        return
    from quantgate.errors import PluginError

    try:
        from quantgate.session import hooks

        hooks.activate(config)
    except PluginError as error:
        raise pytest.UsageError(str(error)) from None
