"""``quantgate ci``: plan the shards of a pipeline, and name those that another machine has to judge again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.arguments import count, minutes
from quantgate.commands.console import complain, say
from quantgate.shard import DURATIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.fleet.matrix import Job

_FORMATS = ("json", "github", "plain")
_FORMAT_HELP = (
    "json: one line for fromJSON of a GitHub workflow (default); github: the same as lines for "
    "$GITHUB_OUTPUT, matrix=… and count=…; plain: one line a shard"
)


def add(verbs: Any) -> None:
    """Declare the verb and its own verbs."""
    ci = verbs.add_parser(
        "ci", help="plan the shards of a pipeline, and list those that are to be judged again"
    )
    own = ci.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_matrix(own)
    rerun = own.add_parser(
        "rerun",
        help="list the shards whose machine was unfit for speed, for a job that repeats them",
    )
    rerun.add_argument("shards", nargs="+", type=Path, metavar="RUN", help="folder of a shard")
    rerun.add_argument("--format", choices=_FORMATS, default="json", help=_FORMAT_HELP)
    rerun.set_defaults(run=_rerun)


def _add_matrix(own: Any) -> None:
    matrix = own.add_parser("matrix", help="print which shard judges which models, for how long")
    matrix.add_argument(
        "manifest",
        nargs="?",
        default=Path("models.toml"),
        type=Path,
        help="manifest to judge (default: models.toml)",
    )
    many = matrix.add_mutually_exclusive_group(required=True)
    many.add_argument("--shards", type=count, metavar="N", help="split into N shards")
    many.add_argument(
        "--minutes",
        type=minutes,
        metavar="M",
        help="split into as few shards as take at most M minutes each, by the durations",
    )
    matrix.add_argument(
        "--shard-durations",
        type=Path,
        default=Path(DURATIONS),
        metavar="FILE",
        help="how long models took, the same file as for gate (default: durations.json)",
    )
    for option, metavar in (("-k", "EXPRESSION"), ("-m", "MARKS"), ("--changed-since", "REV")):
        matrix.add_argument(
            option,
            metavar=metavar,
            dest=option.strip("-").replace("-", "_"),
            help="select models as gate does; give it to the shards, too",
        )
    matrix.add_argument("--format", choices=_FORMATS, default="json", help=_FORMAT_HELP)
    matrix.set_defaults(run=_matrix)


def _matrix(options: argparse.Namespace, _: Sequence[str]) -> int:
    from quantgate.fleet.matrix import fewest_jobs, jobs_of, matrix_json, matrix_lines
    from quantgate.session.selection import selected_models
    from quantgate.shard import read_durations

    models = selected_models(options.manifest, _selection(options))
    path = options.shard_durations
    seconds = read_durations(path) if path.exists() else {}
    if not models:
        complain("no model is selected: there is nothing to judge, and the matrix is empty")
        jobs: tuple[Job, ...] = ()
    elif options.shards:
        jobs = jobs_of(models, options.shards, seconds)
    else:
        jobs = fewest_jobs(models, options.minutes, seconds, str(path))
    _tell_unknown(models, seconds)
    _write(options.format, matrix_json(jobs), matrix_lines(jobs))
    return 0


def _selection(options: argparse.Namespace) -> list[str]:
    chosen = {"-k": options.k, "-m": options.m, "--changed-since": options.changed_since}
    return [part for option, value in chosen.items() if value for part in (option, value)]


def _tell_unknown(models: Sequence[str], seconds: dict[str, float]) -> None:
    unknown = [model for model in models if model not in seconds]
    if unknown and len(unknown) == len(models):
        complain("no durations are recorded: every model counts the same")
    elif unknown:
        complain(
            f"without a recorded duration, counted as the mean of the others: {', '.join(unknown)}"
        )


def _rerun(options: argparse.Namespace, _: Sequence[str]) -> int:
    from quantgate.fleet.matrix import rerun_json, rerun_lines
    from quantgate.report.publish import load_run
    from quantgate.report.shards.unfit import unfit_shards

    unfit = unfit_shards([load_run(folder) for folder in options.shards])
    for one in unfit:
        complain(one.sentence)
    _write(options.format, rerun_json(unfit), rerun_lines(unfit))
    return 0


def _write(form: str, matrix: str, lines: Sequence[str]) -> None:
    if form == "json":
        say(matrix)
    elif form == "github":
        say(f"matrix={matrix}")
        say(f"count={len(lines)}")
    else:
        for line in lines:
            say(line)
