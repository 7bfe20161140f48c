"""``quantgate gate``: quantize and judge, through pytest."""

from __future__ import annotations

import gc
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_OPTIONS = """\
options of the gates:
  --store DIR         keep built models and results in this store: a folder, or an address that machines share, such as
                      s3://bucket/folder (default: QUANTGATE_STORE, or your cache folder)
  --reports DIR       write each run's report below this folder (default: reports beside the manifest)
  --strict-sources    fail models that are not on this machine instead of skipping them
  --shard I/N         judge part I of N of the models; quantgate merge joins the parts
  --shard-durations FILE    balance the parts by durations.json of an earlier run
  --ray[=ADDRESS]     judge on the nodes of a Ray cluster; without a value, on one that is started here
  --changed-since REV    judge only models whose entry, files or data changed since a revision of git
  --limit MODEL.KEY=VALUE    judge by this limit instead of the manifest's; may be repeated
  --limits-from FILE  judge by the [models.NAME.limits] of a TOML file, as quantgate suggest prints them
  --predictions-from RUN    also judge what another machine answered, from the folder of its run
  --remedy[=MINUTES]  search a recipe for every model that misses a limit, so many minutes each
                      (default: 10)
  --record[=URL]      record the judged numbers in a history: a file, or postgresql://…; without a value,
                      the history of QUANTGATE_HISTORY, of models.toml, or reports/history.sqlite
  --no-record         record nothing, even if models.toml names a history

any option of pytest, for example:
  -k ssd              run only tests with "ssd" in their name: a model or a gate
  -m nightly          run only models with this tag
  -n 4                use four processes (needs pytest-xdist; speed is not judged then)
  -m "not speed"      leave out the speed limits
  -x                  stop at the first gate that does not pass
  --alluredir DIR, --junit-xml FILE    write these results here (default: with the report)
  --collect-only -q   list the gates without running them
"""

#: Frozen values have no cycles: garbage is looked for less often than Python does by itself.
_LAZY = (20_000, 20, 50)


def add(verbs: Any) -> None:
    """Declare the verb."""
    gate = verbs.add_parser(
        "gate",
        usage="quantgate gate [manifest] [OPTION ...]",
        help="quantize and judge every model of a manifest; other options go to pytest",
        epilog=_OPTIONS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    gate.add_argument(
        "manifest",
        nargs="?",
        default="models.toml",
        type=Path,
        help="manifest to judge (default: models.toml)",
    )
    gate.set_defaults(run=run)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part ``gate``'s own arguments (the manifest) from those that go to pytest as they are."""
    if arguments[:1] != ["gate"] or {"-h", "--help"} & set(arguments):
        return arguments, []
    own = 2 if len(arguments) > 1 and not arguments[1].startswith("-") else 1
    return arguments[:own], arguments[own:]


def run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run pytest on the gates; its exit status is the gate."""
    import pytest

    from quantgate.session.collection import gate_arguments

    gc.set_threshold(*_LAZY)
    arguments = [*gate_arguments(options.manifest), *rest]
    return int(pytest.main(arguments, plugins=[_NoGarbage()]))


class _NoGarbage:
    """Takes what is alive when a session ends out of pytest's five searches for garbage, a quarter of a short run."""

    def pytest_sessionfinish(self) -> None:
        """Let it end with the process."""
        gc.freeze()
