"""``quantgate check``: validate a manifest, or ask about the machine, without running a gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    check = verbs.add_parser("check", help="validate a manifest without running anything")
    check.add_argument(
        "manifest",
        nargs="?",
        default=Path("models.toml"),
        type=Path,
        help="manifest to validate (default: models.toml)",
    )
    check.add_argument(
        "--machine", action="store_true", help="check whether this machine is fit for speed gates"
    )
    check.add_argument("--zoo", action="store_true", help="list the built-in models")
    check.add_argument(
        "--omz", action="store_true", help="list the supported Open Model Zoo models"
    )
    check.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Run the checks that were requested."""
    if options.machine:
        from quantgate.commands.machine import check_machine

        return check_machine()
    if options.zoo:
        return _list_zoo()
    if options.omz:
        return _list_omz()
    return _check_manifest(options.manifest)


def _check_manifest(path: Path) -> int:
    from quantgate.declared import declared_limits
    from quantgate.manifest import load_manifest

    manifest = load_manifest(path)
    for model, entry in manifest.models.items():
        limits = ", ".join(declared_limits(entry)) or "no limit declared"
        say(f"{model}: {entry.task}, {entry.decoder.kind}: {limits}")
    counts = ", ".join(
        f"{len(part)} {name}{'' if len(part) == 1 else 's'}"
        for name, part in (("model", manifest.models), ("dataset", manifest.datasets))
    )
    say(f"{path}: {counts}, no problem")
    return 0


def _list_zoo() -> int:
    from quantgate.zoo.catalog import ZOO

    for model in ZOO.values():
        measured = model.measured
        say(
            f"{model.name}: {model.task}, {model.metric} {measured.parent:.3f} → "
            f"{measured.optimized:.3f} after quantization, {measured.images} images"
        )
    return 0


def _list_omz() -> int:
    from quantgate.decoders.catalog import DECODERS
    from quantgate.report.text_table import summary_lines
    from quantgate.sources.omz.knowledge import coverage
    from quantgate.sources.omz.table import coverage_sentence, coverage_table
    from quantgate.tasks.catalog import TASKS

    settings = coverage(frozenset(DECODERS), frozenset(TASKS))
    table = coverage_table(settings)
    rows = [tuple(column.title for column in table.columns)]
    rows += [tuple("" if cell is None else str(cell) for cell in row) for row in table.rows]
    for line in summary_lines(rows):
        say(line)
    say(coverage_sentence(settings))
    return 0
