"""The command line, ``quantgate VERB``; exit status 4 means wrong usage."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from quantgate import __version__
from quantgate.commands import (
    accept,
    check,
    ci,
    comment,
    compare,
    completion,
    explain,
    explore,
    fetch,
    gate,
    history,
    init,
    merge,
    package,
    recover,
    remedy,
    report,
    schema,
    show,
    store,
    suggest,
    trend,
    verify,
)
from quantgate.commands.console import complain
from quantgate.errors import HarnessError, ManifestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

USAGE = 4
#: What is said to whoever gives no verb.
_BEGIN = """no verb is given. Where to begin:
  quantgate init MODEL --images DIR    write models.toml for a model of your own
  quantgate check models.toml          look at data and models before anything is quantized
  quantgate gate models.toml           quantize, compare, judge: the page is in reports/latest
  quantgate check --zoo                models that are built in, to try all this without one"""
INTERRUPTED = 130
VERBS = (
    init,
    gate,
    check,
    show,
    fetch,
    report,
    merge,
    ci,
    recover,
    compare,
    comment,
    explain,
    remedy,
    explore,
    suggest,
    package,
    verify,
    history,
    trend,
    accept,
    store,
    schema,
    completion,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 passed, 1 failed, 4 bad usage."""
    arguments, rest = gate.split(list(sys.argv[1:] if argv is None else argv))
    parser = _parser()
    _refuse_unknown(parser, arguments)
    options = parser.parse_args(arguments)
    try:
        status = int(options.run(options, rest))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has enough, as `head` has: what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ManifestError, UsageError) as error:
        complain(f"quantgate: {error}")
        return USAGE
    except HarnessError as error:
        complain(f"quantgate: {error}")
        return 1
    except KeyboardInterrupt:
        complain("quantgate: interrupted")
        return INTERRUPTED
    return status


def _refuse_unknown(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Say where to begin where no verb is given, and what is meant by one that there is not."""
    if not arguments:
        parser.error(_BEGIN)
    verb = arguments[0]
    names = [module.__name__.rpartition(".")[2] for module in VERBS]
    if not verb.startswith("-") and verb not in names:
        near = get_close_matches(verb, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
        parser.error(f"there is no verb {verb!r}; {hint}")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and where help is; 2, argparse's own status, is an interrupted gate's."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"quantgate: {message}\nfor help: {self.prog} --help\n")


@dataclass(frozen=True, slots=True)
class _Verbs:
    """Adds verbs whose own help begins with what the list of verbs says of them."""

    action: Any

    def add_parser(self, name: str, **settings: Any) -> Any:
        said = str(settings["help"])
        return self.action.add_parser(name, description=f"{said[0].upper()}{said[1:]}.", **settings)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="quantgate",
        description="Judge quantized vision models against the limits that you declare.",
    )
    parser.add_argument("--version", action="version", version=f"quantgate {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(_Verbs(verbs))
    parser.set_defaults(parser=_parser)
    return parser
