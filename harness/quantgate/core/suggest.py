"""Propose limits from several measurements: with a margin, and never one that nothing breaches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.escaping import table_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.estimate import Estimate
    from quantgate.core.limit_kind import LimitKind


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where proposed limits come from."""

    machine: str
    isa: str
    date: str
    versions: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One proposed limit.

    Parameters
    ----------
    limit
        None where no limit makes sense; ``note`` says why.
    measured
        Lowest and highest end of all intervals.
    runs
        How many measurements it rests on.
    basis
        What each of them rests on, "597 images"; the fewest where they differ.
    """

    key: str
    limit: float | None
    measured: tuple[float, float]
    runs: int
    note: str
    basis: str = ""


def suggest(key: str, runs: Sequence[Estimate]) -> Suggestion:
    """Propose the limit ``key`` from the estimates of several runs.

    The worst end of all intervals, moved away by the margin, or by the distance between the runs
    where that is more; rounded to three digits on the lenient side.

    Raises
    ------
    ValueError
        Without a run, or for a limit that is not known.
    """
    kind = LIMITS.get(key)
    if not runs or kind is None or kind.margin is None:
        raise ValueError(f"cannot suggest {key} from {len(runs)} runs")
    low, high = min(run.low for run in runs), max(run.high for run in runs)
    apart = max(run.value for run in runs) - min(run.value for run in runs)
    smallest, unit = kind.worse_side < 0, runs[0].unit
    worst = low if smallest else high
    margin = max(kind.margin_of(worst, unit), apart)
    limit = _lenient(worst - margin if smallest else max(0.0, worst) + margin, down=smallest)
    least = min(runs, key=lambda run: run.n)
    basis = f"{least.n} {least.of if least.n > 1 else least.of.removesuffix('s')}"
    note = vacuous(kind, limit, unit)
    if note:
        return Suggestion(key, None, (low, high), len(runs), note, basis)
    said = f"worst end {worst:.3g}, margin {margin:.2g}"
    return Suggestion(key, limit, (low, high), len(runs), said, basis)


def vacuous(kind: LimitKind, limit: float, unit: str = "") -> str:
    """Say why nothing could breach a limit; empty where something could."""
    if not kind.is_vacuous(limit, unit):
        return ""
    side = "exceeds" if kind.worse_side > 0 else "lies below"
    return f"no {kind.name} {side} {kind.end(unit):g}, so nothing could breach it"


def snippet(model: str, found: Sequence[Suggestion], source: Provenance) -> str:
    """Write the proposals as lines of models.toml, ready to paste, with where they come from."""
    lines = [
        f"# measured {source.date} on {source.machine} ({source.isa}), {source.versions}",
        f"[{table_name('models', model, 'limits')}]",
    ]
    for item in found:
        runs = "1 run" if item.runs == 1 else f"{item.runs} runs"
        each = f" of {item.basis}" if item.basis else ""
        seen = f"[{item.measured[0]:.3g}, {item.measured[1]:.3g}] in {runs}{each}"
        if item.limit is None:
            lines.append(f"# {item.key}: {seen}; {item.note}")
            continue
        value = (
            f"{{ {source.isa} = {item.limit:g} }}" if LIMITS[item.key].by_isa else f"{item.limit:g}"
        )
        lines.append(f"{item.key} = {value}  # {seen}; {item.note}")
    return "\n".join(lines) + "\n"


def _lenient(value: float, *, down: bool) -> float:
    """Round to three digits, away from the measurement."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    # A billionth keeps 1.33 from becoming 1.32 for want of a last bit.
    rounded = math.floor(value / step + 1e-9) if down else math.ceil(value / step - 1e-9)
    return float(f"{rounded * step:.6g}")
