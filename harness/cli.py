"""The command line: ``quantgate VERB``. Each verb is a short function; exit status 4 is bad usage."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import __version__
from harness.errors import HarnessError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 passed, 1 failed, 2 interrupted, 4 bad usage."""
    arguments, rest = _split(list(sys.argv[1:] if argv is None else argv))
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options, rest))
    except ManifestError as error:
        _say_error(error)
        return USAGE
    except HarnessError as error:
        _say_error(error)
        return 1


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part ``gate``'s own arguments (the manifest) from those that go to pytest as they are."""
    if arguments[:1] != ["gate"] or {"-h", "--help"} & set(arguments):
        return arguments, []
    own = 2 if len(arguments) > 1 and not arguments[1].startswith("-") else 1
    return arguments[:own], arguments[own:]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quantgate", description="Judge quantized vision models against declared limits."
    )
    parser.add_argument("--version", action="version", version=f"quantgate {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    gate = verbs.add_parser(
        "gate", help="quantize and judge every model of a manifest; further options go to pytest"
    )
    gate.add_argument("manifest", nargs="?", default="models.toml", type=Path)
    gate.set_defaults(run=_gate)

    check = verbs.add_parser("check", help="validate a manifest without running anything")
    check.add_argument("manifest", nargs="?", default="models.toml", type=Path)
    check.set_defaults(run=_check)

    report = verbs.add_parser("report", help="build the Allure report of a run")
    report.add_argument("directory", nargs="?", default=Path("reports/latest"), type=Path)
    report.add_argument("--single-file", action="store_true", help="one HTML file to send around")
    report.set_defaults(run=_report)
    return parser


def _gate(options: argparse.Namespace, rest: Sequence[str]) -> int:
    import pytest

    from harness.collecting import gates_directory

    manifest = Path(options.manifest).absolute()
    gates = gates_directory()
    return int(
        pytest.main([
            str(gates),
            "--manifest", str(manifest),
            "--rootdir", str(manifest.parent),
            "-c", str(gates / "gate.ini"),
            "-p", "harness.plugin",
            *rest,
        ])
    )  # fmt: skip


def _check(options: argparse.Namespace, _: Sequence[str]) -> int:
    from harness.limits import declared_limits
    from harness.manifest import load_manifest

    manifest = load_manifest(options.manifest)
    for model, entry in manifest.models.items():
        limits = ", ".join(declared_limits(entry)) or "no limit declared"
        _say(f"{model}: {entry.task}, {entry.decoder.kind}: {limits}")
    _say(
        f"{options.manifest}: {len(manifest.models)} models, {len(manifest.datasets)} datasets, no problem"
    )
    return 0


def _report(options: argparse.Namespace, _: Sequence[str]) -> int:
    from harness.report.allure_report import build_report

    directory = Path(options.directory)
    _say(
        f"report: {build_report(directory / 'allure-results', directory / 'allure-report', single_file=options.single_file)}"
    )
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say_error(error: HarnessError) -> None:
    sys.stderr.write(f"quantgate: {error}\n")
