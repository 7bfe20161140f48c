"""One final state a gate: what the processes of a run noted, folded. Every artifact is made of it.

A gate may be attempted several times (reruns, retries) and stand in several tests (repeats): of one
test the last attempt counts, as it does for pytest, and of several tests the worst.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.errors import ReportError
from quantgate.report.codec import decode, encode
from quantgate.report.model import Judged, Problem, state_gate
from quantgate.report.words.titles import OUTCOME_WORDS
from quantgate.report.words.verdicts import state_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quantgate.run import RunFolder

#: Kinds of a run's records: which tests there are, and what became of them.
_TESTS, _EVENTS = "tests", "events"
_KINDS: Mapping[str, type[Judged | Problem]] = {"judged": Judged, "problem": Problem}
_SEVERITY = {word: place for place, word in enumerate(OUTCOME_WORDS)}


@dataclass(slots=True)
class _Test:
    """What is known of one test so far."""

    gate: tuple[str, str]
    attempts: int = 0
    state: Judged | Problem | None = None


def note_tests(run: RunFolder, tests: Mapping[str, tuple[str, str]]) -> None:
    """Note which tests this process is to run, with the model and limit that each judges."""
    run.append(_TESTS, {"tests": [[test, *gate] for test, gate in tests.items()]})


def note_begin(run: RunFolder, test: str, gate: tuple[str, str]) -> None:
    """Note that an attempt begins."""
    with suppress(ReportError):  # on a full disk it is said in the terminal alone
        _note(run, "begun", test, gate)


def note_end(run: RunFolder, test: str, state: Judged | Problem) -> None:
    """Note how an attempt ended; what comes later in it can only make that worse."""
    event = next(name for name, kind in _KINDS.items() if isinstance(state, kind))
    with suppress(ReportError):
        _note(run, event, test, state_gate(state), state=encode(state))


def tests_of(run: RunFolder) -> dict[str, tuple[str, str]]:
    """Every test that any process was to run, with its model and limit."""
    records = run.records(_TESTS)
    return {test: (model, key) for record in records for test, model, key in record["tests"]}


def final_states(run: RunFolder, reason: str) -> tuple[tuple[Judged, ...], tuple[Problem, ...]]:
    """Give every collected gate exactly one state, in the order in which they were collected.

    Parameters
    ----------
    reason
        Why a gate that came to no end did not: "the run was interrupted by SIGTERM".
    """
    tests = {test: _Test(gate) for test, gate in tests_of(run).items()}
    _follow(tests, sorted(run.records(_EVENTS), key=lambda event: float(event["at"])))
    found: dict[tuple[str, str], list[Judged | Problem]] = {}
    for name, test in tests.items():
        found.setdefault(test.gate, []).append(_ended(name, test, reason))
    folded = [_worst(states) for states in found.values()]
    return (
        tuple(state for state in folded if isinstance(state, Judged)),
        tuple(state for state in folded if isinstance(state, Problem)),
    )


def latest_s(run: RunFolder) -> float | None:
    """When the last thing was noted, seconds since 1970; None where nothing was."""
    return max((float(event["at"]) for event in run.records(_EVENTS)), default=None)


def _note(run: RunFolder, event: str, test: str, gate: tuple[str, str], **more: object) -> None:
    model, key = gate
    place = {"event": event, "at": time.time(), "test": test, "model": model, "gate": key}
    run.append(_EVENTS, place | more)


def _follow(tests: dict[str, _Test], events: Iterable[Mapping[str, Any]]) -> None:
    for event in events:
        test = tests.setdefault(event["test"], _Test((event["model"], event["gate"])))
        if event["event"] == "begun":
            test.attempts, test.state = test.attempts + 1, None
            continue
        state = decode(_KINDS[event["event"]], event["state"])
        # What is torn down behind a gate may break what was judged.
        if test.state is None or _rank(state) < _rank(test.state):
            test.state = state


def _ended(name: str, test: _Test, reason: str) -> Judged | Problem:
    state = test.state
    if state is None:
        when = "while this gate ran" if test.attempts else "before this gate began"
        state = Problem(*test.gate, "unjudged", f"{reason} {when}")
    return replace(state, test=name, attempts=test.attempts)


def _worst(states: Sequence[Judged | Problem]) -> Judged | Problem:
    attempts = sum(state.attempts for state in states)
    return replace(min(states, key=_rank), attempts=attempts)


def _rank(state: Judged | Problem) -> int:
    return _SEVERITY[state_word(state)]
