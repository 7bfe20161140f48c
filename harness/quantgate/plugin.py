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
    group.addoption("--manifest", metavar="FILE", help="the models.toml to judge")
    group.addoption("--store", metavar="DIR", help="where built models and results are kept")
    group.addoption("--reports", metavar="DIR", help="where each run leaves its report")
    group.addoption(
        "--strict-sources",
        action="store_true",
        help="fail a model that is not on this machine instead of skipping it",
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
        help="record the judged numbers in a history: a file, or postgresql://…; without a value the "
        "one of QUANTGATE_HISTORY, of models.toml, or reports/history.sqlite",
    )
    group.addoption(
        "--no-record",
        action="store_true",
        help="record nothing, although models.toml names a history",
    )
    parser.addini(
        "quantgate_manifest", "the models.toml whose gates this repository runs", default=""
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Hand a session over to the gates' hooks where gates are asked for."""
    if not (config.getoption("--manifest") or config.getini("quantgate_manifest")):
        return
    from quantgate.session import hooks

    hooks.activate(config)
