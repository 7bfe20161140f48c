"""Limits that other packages bring through the entry points ``quantgate.limits``: one gate each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.limits import PLUGGED
from quantgate.session.gate import MEASURED

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.core.limit_kind import LimitKind
    from quantgate.session.gate import Gate


def _gate_of(kind: LimitKind) -> Callable[..., None]:
    @pytest.mark.limit(kind.key)
    def judge(gate: Gate, request: pytest.FixtureRequest) -> None:
        measured: Any = request.getfixturevalue(MEASURED[kind.scope])
        gate.plugged(measured)

    judge.__doc__ = f"The limit on {kind.name} is met, as the package that brings it measures it."
    return pytest.mark.speed(judge) if kind.scope == "speed" else judge


globals().update({f"test_{key}": _gate_of(kind) for key, kind in PLUGGED.items()})
