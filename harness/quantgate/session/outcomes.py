"""Whether a verdict fails the run, by what the manifest expects and excuses, and how pytest is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quantgate.core.verdict import Outcome
from quantgate.errors import UndecidedError
from quantgate.pipeline.evidence import Standing

if TYPE_CHECKING:
    from quantgate.core.verdict import Verdict

#: Where an entry of expected_failure itself fails the run.
STRICT = frozenset({Standing.FIXED, Standing.WORSE, Standing.EXPIRED})


def fails_run(verdict: Verdict, standing: Standing, *, undecided: str) -> bool:
    """Whether the run fails for a verdict."""
    if standing is Standing.KNOWN:
        return False
    excused = verdict.outcome is Outcome.UNDECIDED and undecided != "fail"
    return standing in STRICT or not (verdict.outcome is Outcome.PASSED or excused)


def raise_outcome(verdict: Verdict, standing: Standing, text: str, *, fails: bool) -> None:
    """Raise what stands for a verdict in pytest; a pass raises nothing."""
    if standing is Standing.KNOWN:
        pytest.xfail(text)
    if fails and verdict.outcome is Outcome.UNDECIDED and standing not in STRICT:
        raise UndecidedError(text)
    if fails:
        pytest.fail(text, pytrace=False)
