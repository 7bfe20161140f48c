"""``quantgate check``: all that can be told of a manifest without quantizing, or of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say
from quantgate.escaping import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.engine.fitness import Fitness
    from quantgate.entries import Manifest

#: A machine on which a whole minute does not show a slowdown of this size is said to be noisy.
WORTH_SEEING = 0.05


def add(verbs: Any) -> None:
    """Declare the verb."""
    check = verbs.add_parser(
        "check", help="validate a manifest and try its models on a few images, without quantizing"
    )
    check.add_argument(
        "manifest",
        nargs="?",
        default=Path("models.toml"),
        type=Path,
        help="manifest to validate (default: models.toml)",
    )
    check.add_argument(
        "--manifest-only", action="store_true", help="check the file alone: no images, no models"
    )
    check.add_argument("--deep", action="store_true", help="read every image whole")
    check.add_argument(
        "--reports", type=Path, help="folder for pictures (default: reports beside the manifest)"
    )
    check.add_argument(
        "--store",
        metavar="DIR",
        help="folder of built models, or a shared one's address (also QUANTGATE_STORE)",
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
        return _check_machine()
    if options.zoo:
        return _list_zoo()
    if options.omz:
        return _list_omz()
    return _check_manifest(options)


def _check_manifest(options: argparse.Namespace) -> int:
    from quantgate.declared import declared_limits
    from quantgate.manifest import load_manifest

    path = options.manifest
    manifest = load_manifest(path)
    for model, entry in manifest.models.items():
        limits = ", ".join(declared_limits(entry)) or "no limit declared"
        say(f"{model}: {entry.task}, {entry.decoder.kind}: {limits}")
    counts = ", ".join(
        f"{len(part)} {name}{'' if len(part) == 1 else 's'}"
        for name, part in (("model", manifest.models), ("dataset", manifest.datasets))
    )
    broken = 0 if options.manifest_only else _try(manifest, options)
    say(
        f"{one_line(str(path))}: {counts}, {f'{broken} cannot be judged' if broken else 'no problem'}"
    )
    return int(broken > 0)


def _try(manifest: Manifest, options: argparse.Namespace) -> int:
    from quantgate.commands.checking import check_models
    from quantgate.stack import check_stack
    from quantgate.store import store_root

    check_stack()
    reports = options.reports or manifest.root / "reports"
    return check_models(manifest, reports, store_root(options.store), deep=options.deep)


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


def _check_machine() -> int:
    """Measure a model against itself, say what the machine can see; 1 where it is unfit."""
    from quantgate.engine.fitness import machine_fitness

    found = machine_fitness()
    for name, value in found.facts.items():
        say(f"{name}: {value}")
    ratio, control = found.control.ratio, found.control
    say(
        f"a model against itself: {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], the truth is 1"
    )
    say(
        f"noise of a round: {control.noise:.1%}; autocorrelation of rounds: "
        f"{control.autocorrelation:.2f}; between compiled copies: {control.instance_spread:.1%}"
    )
    for seconds, slowdown in found.visible.items():
        seen = f"{slowdown:.1%}" if slowdown < 1 else "none, the rounds are too few or too noisy"
        say(f"smallest slowdown seen in {seconds} s: {seen}")
    for warning in found.warnings:
        say(f"warning: {warning}")
    say(_conclusion(found))
    return 0 if found.fit else 1


def _conclusion(found: Fitness) -> str:
    if not found.fit:
        return "unfit for speed gates now"
    longest, least = max(found.visible.items())
    if least > WORTH_SEEING:
        return (
            f"fit: equal models measure equal; but in {longest} s noise hides all below {least:.0%}, so "
            "limits close to the truth stay undecided: measure when less else is running"
        )
    return "fit for speed gates"
