"""``quantgate accept``: mark changes as intended, so that they are not reported again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say
from quantgate.commands.histories import add_option, history_of
from quantgate.errors import HistoryError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.history.store import History


def add(verbs: Any) -> None:
    """Declare the verb."""
    accept = verbs.add_parser(
        "accept",
        help="mark the changes of a number so far as intended, so that trend stops reporting them",
    )
    accept.add_argument("model", help="model id: the NAME in [models.NAME]")
    accept.add_argument("quantity", help="limit key, e.g. min_speedup")
    accept.add_argument("--reason", required=True, help="say why the change is intended")
    accept.add_argument("--until", metavar="DATE", help="report it again from this date on")
    add_option(accept)
    accept.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Keep who accepted what, why and until when."""
    from quantgate.core.series import Accepted
    from quantgate.session.git import identity

    now = dt.datetime.now(dt.UTC)
    if not options.reason.strip():
        raise UsageError("--reason: expected why the step is as it should be, found nothing")
    until = _until(options.until, now.date())
    history = history_of(options)
    _demand_known(history, options.model, options.quantity)
    who = identity(Path.cwd())
    if not who:
        raise HistoryError(
            "who accepts this? git knows no name here; set user.name and user.email with git config"
        )
    history.accept(
        Accepted(options.model, options.quantity, options.reason.strip(), who, now, until)
    )
    end = f" until {until}" if until else ""
    say(f"accepted: {options.model} {options.quantity}{end}, by {who}: {options.reason.strip()}")
    return 0


def _until(text: str | None, today: dt.date) -> dt.date | None:
    if text is None:
        return None
    try:
        until = dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--until: expected a date such as 2027-01-31, found {text}") from error
    if until <= today:
        raise UsageError(f"--until: expected a day to come, found {until}, and today is {today}")
    return until


def _demand_known(history: History, model: str, quantity: str) -> None:
    """Refuse what the history has never seen: a typo would be accepted and cover nothing."""
    from quantgate.manifest.problems import unknown_name

    keys = history.series_keys()
    models = sorted({key.model for key in keys} - {""})
    if model not in models:
        raise UsageError(f"history: {history.name}: {unknown_name('model', model, models)}")
    known = sorted({key.quantity for key in keys if key.model == model})
    if quantity not in known:
        said = unknown_name(f"quantity of {model}", quantity, known)
        raise UsageError(f"history: {history.name}: {said}")
