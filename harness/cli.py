"""The command line: ``quantgate VERB``; exit status 4 is bad usage."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from harness import __version__
from harness.commands import (
    accept,
    check,
    compare,
    explore,
    fetch,
    gate,
    history,
    merge,
    report,
    suggest,
    trend,
)
from harness.commands.speaking import complain
from harness.errors import HarnessError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 4
INTERRUPTED = 130
VERBS = (gate, check, fetch, report, merge, compare, explore, suggest, history, trend, accept)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 passed, 1 failed, 4 bad usage."""
    arguments, rest = gate.split(list(sys.argv[1:] if argv is None else argv))
    options = _parser().parse_args(arguments)
    try:
        status = int(options.run(options, rest))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has enough, as `head` has: what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ManifestError as error:
        complain(f"quantgate: {error}")
        return USAGE
    except HarnessError as error:
        complain(f"quantgate: {error}")
        return 1
    except KeyboardInterrupt:
        complain("quantgate: interrupted")
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quantgate", description="Judge quantized vision models against declared limits."
    )
    parser.add_argument("--version", action="version", version=f"quantgate {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(verbs)
    return parser
