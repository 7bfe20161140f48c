"""What every task's quantities have in common: raw outputs can be compared, other limits are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import MeasurementError
from harness.tasks import tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.estimate import Estimate
    from harness.tasks.tensors import AnyComparison


@dataclass(frozen=True, slots=True)
class Judged:
    """A task as its messages call it, and the limits that it knows, those of raw outputs last."""

    title: str
    limits: tuple[str, ...]


def judge(
    key: str, comparison: AnyComparison, task: Judged, own: Callable[[str], Estimate]
) -> Estimate:
    """Compute what a limit judges: the distance of raw outputs, or by ``own`` the task's quantity.

    Raises
    ------
    MeasurementError
        Where the limit is not one of this task's, and what the computation raises.
    """
    if key in tensors.LIMITS:
        return tensors.judge_quantity(key, comparison)
    if key not in task.limits:
        raise MeasurementError(
            f"limits.{key} is not defined for {task.title}; expected one of {', '.join(task.limits)}"
        )
    return own(key)
