"""Known misses: an expected failure is strict, bounded by a floor, and ends on a date."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from harness.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    import datetime as dt

    from harness.entries import ExpectedFailure


class Standing(Enum):
    """How a verdict stands against what models.toml expects of it."""

    PLAIN = "plain"
    KNOWN = "known"
    FIXED = "fixed"
    WORSE = "worse"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Expectation:
    """The standing of one verdict with the sentence that explains it (empty where plain)."""

    standing: Standing
    sentence: str = ""


def expectation(verdict: Verdict, known: ExpectedFailure | None, today: dt.date) -> Expectation:
    """Hold a verdict against its expected failure.

    A known failure that passes is an error too: the entry is stale and would hide the next miss.
    """
    if known is None or verdict.outcome is Outcome.UNDECIDED or verdict.estimate is None:
        return Expectation(Standing.PLAIN)
    path = f"models.{verdict.model}.expected_failure.{verdict.limit.key}"
    if verdict.outcome is Outcome.PASSED:
        return Expectation(
            Standing.FIXED, f"the limit is met, but {path} expects a miss: remove the entry"
        )
    if today >= known.expires:
        return Expectation(
            Standing.EXPIRED,
            f"the miss was expected until {known.expires} only ({path}.expires): repair the model, or "
            "decide again and set a new date",
        )
    beyond = (
        verdict.estimate.value < known.floor
        if verdict.limit.relation == "min"
        else verdict.estimate.value > known.floor
    )
    if beyond:
        return Expectation(
            Standing.WORSE,
            f"{verdict.estimate.value:.3g} is worse than the floor {known.floor:g} that {path} allows",
        )
    return Expectation(Standing.KNOWN, f"known until {known.expires}: {known.reason}")
