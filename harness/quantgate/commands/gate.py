"""``quantgate gate``: quantize and judge, through pytest."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_OPTIONS = """\
options of the gates:
  --store DIR         where built models and results are kept (also QUANTGATE_STORE)
  --reports DIR       where each run leaves its report (default: reports beside the manifest)
  --strict-sources    a model that is not on this machine fails instead of being skipped
  --shard I/N         judge part I of N of the models; quantgate merge joins the parts
  --shard-durations FILE    durations.json of an earlier run: parts that take equally long
  --record[=URL]      keep the judged numbers in a history: a file, or postgresql://…; without a value the
                      one of QUANTGATE_HISTORY, of models.toml, or reports/history.sqlite
  --no-record         keep nothing, although models.toml names a history

any option of pytest, for example:
  -k ssd              only tests whose name holds "ssd": a model or a gate
  -m nightly          only models with this tag
  -n 4                on four processes (needs pytest-xdist; speed is then refused)
  -m "not speed"      leave the limits of speed out
  -x                  stop at the first gate that does not pass
  --alluredir DIR, --junit-xml FILE    where these results go (default: with the report)
  --collect-only -q   list the gates without running them
"""


def add(verbs: Any) -> None:
    """Declare the verb."""
    gate = verbs.add_parser(
        "gate",
        usage="quantgate gate [manifest] [OPTION ...]",
        help="quantize and judge every model of a manifest; further options go to pytest",
        epilog=_OPTIONS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    gate.add_argument(
        "manifest", nargs="?", default="models.toml", type=Path, help="default: models.toml"
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

    from quantgate.session.collection import gates_directory

    manifest = Path(options.manifest).absolute()
    gates = gates_directory()
    own = ["--manifest", str(manifest), "--rootdir", str(manifest.parent)]
    settings = ["-c", str(gates / "gate.ini")]
    return int(pytest.main([str(gates), *own, *settings, *rest]))
