"""For tests of your own: what a session of gates offers beside its gates.

Where gates are on (``quantgate_manifest`` in pytest's configuration, or ``--manifest``), every test may
ask for the fixtures ``model_id``, ``entry``, ``data``, ``parent``, ``optimized``, ``artifacts``,
``comparison``, ``timing``, ``profiles`` and ``memory``. A test that does so runs once for each model, or
for those that ``@pytest.mark.models`` selects, and shares what the gates have computed::

    @pytest.mark.models(task="detection")
    def test_no_image_loses_every_object(comparison):
        lost = [image.name for image in comparison.comparison.images
                if len(image.record.parent.boxes) and not len(image.record.optimized.boxes)]
        assert not lost
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.bootstrap import bootstrap_mean, bootstrap_ratio
from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Limit, Outcome, judge
from quantgate.errors import UndecidedError
from quantgate.pair import ROLES, Pair

if TYPE_CHECKING:
    from quantgate.core.verdict import JudgeMode

__all__ = ["ROLES", "Estimate", "Pair", "assert_within", "bootstrap_mean", "bootstrap_ratio"]


def assert_within(
    estimate: Estimate,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    what: str = "the quantity",
    mode: JudgeMode = "value",
) -> None:
    """Judge a number as the gates do: its value against a bound, or its whole interval.

    Parameters
    ----------
    at_most, at_least
        The bound, in the estimate's unit; exactly one of them.
    what
        Name of the quantity, for the message.
    mode
        ``interval``: the whole interval has to lie on the good side.

    Raises
    ------
    AssertionError
        Where the bound is missed.
    UndecidedError
        With ``mode="interval"``, where the interval contains the bound: the harness could not tell.
    ValueError
        Unless exactly one bound is given.
    """
    if (at_most is None) == (at_least is None):
        raise ValueError("give exactly one of at_most and at_least")
    key, bound = ("max_", at_most) if at_least is None else ("min_", at_least)
    limit = Limit(f"{key}quantity", bound, "assert_within")
    verdict = judge(estimate, limit, model="", quantity=what, mode=mode)
    if verdict.outcome is Outcome.PASSED:
        return
    relation = "at most" if at_least is None else "at least"
    interval = (
        "" if estimate.low == estimate.high else f" [{estimate.low:.4g}, {estimate.high:.4g}]"
    )
    said = (
        f"{what} {estimate.value:.4g}{interval} {estimate.unit}".rstrip()
        + f" over {estimate.n} {estimate.of}, expected {relation} {bound:g}"
    )
    if verdict.outcome is Outcome.UNDECIDED:
        raise UndecidedError(f"{said}: {verdict.reason}")
    raise AssertionError(said)
