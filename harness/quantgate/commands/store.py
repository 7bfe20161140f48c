"""``quantgate store``: list what the store and the runs take up, and prune it by age or size."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.arguments import age, size
from quantgate.commands.console import say
from quantgate.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.housekeeping import Item

_DAY_NS = 24 * 3600 * 10**9
_UNITS = ("B", "kB", "MB", "GB")


def add(verbs: Any) -> None:
    """Declare the verb."""
    store = verbs.add_parser(
        "store", help="list what the store holds, or prune it by age or size; runs too"
    )
    store.add_argument(
        "what",
        nargs="?",
        choices=("list", "prune"),
        default="list",
        help="list what is there, or prune it (default: list)",
    )
    store.add_argument(
        "--runs", action="store_true", help="list or prune the runs below --reports instead"
    )
    store.add_argument(
        "--older-than",
        type=age,
        metavar="AGE",
        help="prune what has not been used for this long: 12h, 30d, 8w",
    )
    store.add_argument(
        "--max-size",
        type=size,
        metavar="SIZE",
        help="prune the least recently used until the rest fits: 500MB, 20GB",
    )
    store.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, but remove nothing"
    )
    store.add_argument(
        "--store",
        metavar="DIR",
        help="use this store; of a shared one what lies on this machine (default: QUANTGATE_STORE, or your cache folder)",
    )
    store.add_argument(
        "--reports",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="look for runs in this folder (default: reports)",
    )
    store.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """List or prune."""
    from quantgate.housekeeping import entries_in, runs_in
    from quantgate.store import store_root

    place = options.reports if options.runs else store_root(options.store)
    items = runs_in(place) if options.runs else entries_in(place)
    if options.what == "prune":
        _prune(options, place, items)
    else:
        _list(place, items)
    return 0


def _list(place: Path, items: Sequence[Item]) -> None:
    from quantgate.report.text_table import summary_lines

    if items:
        now_ns = time.time_ns()
        rows = [("kind", "model", "size", "last used", "path")]
        rows += [
            (
                item.kind,
                item.model,
                shown_size(item.bytes),
                _shown_age(now_ns - item.used_ns),
                str(item.path.relative_to(place)),
            )
            for item in items
        ]
        for line in summary_lines(rows):
            say(line)
    say(f"{place}: {_summed(items)}")


def _prune(options: argparse.Namespace, place: Path, items: Sequence[Item]) -> None:
    from quantgate.housekeeping import remove_run, to_remove
    from quantgate.store import Store

    if options.older_than is None and options.max_size is None:
        raise UsageError("store prune: expected --older-than AGE, --max-size SIZE or both")
    now_ns = time.time_ns()
    chosen = to_remove(items, now_ns, max_age_ns=options.older_than, max_bytes=options.max_size)
    latest = (place / "latest").resolve()
    # A run that goes on may be reading what was used a moment ago.
    gone = [
        item
        for item in chosen
        if now_ns - item.used_ns >= _DAY_NS and item.path.resolve() != latest
    ]
    kept = len(chosen) - len(gone)
    if not options.dry_run:
        remove = remove_run if options.runs else Store(place).remove
        gone = [item for item in gone if remove(item.path)]
    say(f"{place}: {'would remove' if options.dry_run else 'removed'} {_summed(gone)}")
    if kept:
        say(f"kept: {kept} that the latest run left, or that were used within a day")


def _summed(items: Sequence[Item]) -> str:
    one, many = (
        ("run", "runs") if any(item.kind == "run" for item in items) else ("entry", "entries")
    )
    total = shown_size(sum(item.bytes for item in items))
    return f"{len(items)} {one if len(items) == 1 else many}, {total}"


def shown_size(count: int) -> str:
    """Write a number of bytes for people, in powers of 1000."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - SI
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _shown_age(age_ns: int) -> str:
    hours = max(age_ns, 0) // (3600 * 10**9)
    if hours < 1:
        return "just now"
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} d ago"  # noqa: PLR2004 - two days
