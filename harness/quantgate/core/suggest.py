"""Propose limits from several measurements: with a margin, and never one that nothing breaches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.toml import table_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.core.estimate import Estimate

#: Margin of each limit: relative for ratios, absolute for fractions and decibels.
RELATIVE: Mapping[str, float] = {
    "min_speedup": 0.05,
    "min_native_speedup": 0.05,
    "max_latency_ratio": 0.10,
    "max_size_ratio": 0.02,
    "max_memory_ratio": 0.10,
}
ABSOLUTE: Mapping[str, float] = {
    "max_accuracy_drop": 0.002,
    "max_class_drop": 0.01,
    "min_agreement": 0.01,
    "min_match_rate": 0.01,
    "min_class_precision": 0.02,
    "min_int8_share": 0.01,
    "max_reorder_share": 0.05,
    "max_tensor_distance": 0.005,
    "min_sqnr_db": 1.0,
    "min_psnr_db": 1.0,
}
#: Limits that belong to a class of machine.
BY_ISA = ("min_speedup", "min_native_speedup", "min_int8_share")
#: A share or rate can be no lower than 0 and no higher than 1.
FRACTIONS = ("min_agreement", "min_match_rate", "min_class_precision", "min_int8_share")


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
    if not runs or key not in {**RELATIVE, **ABSOLUTE}:
        raise ValueError(f"cannot suggest {key} from {len(runs)} runs")
    low, high = min(run.low for run in runs), max(run.high for run in runs)
    apart = max(run.value for run in runs) - min(run.value for run in runs)
    smallest = key.startswith("min_")
    worst = low if smallest else high
    margin = max(RELATIVE[key] * abs(worst) if key in RELATIVE else ABSOLUTE[key], apart)
    limit = _lenient(worst - margin if smallest else max(0.0, worst) + margin, down=smallest)
    least = min(runs, key=lambda run: run.n)
    basis = f"{least.n} {least.of if least.n > 1 else least.of.removesuffix('s')}"
    note = vacuous(key, limit)
    if note:
        return Suggestion(key, None, (low, high), len(runs), note, basis)
    said = f"worst end {worst:.3g}, margin {margin:.2g}"
    return Suggestion(key, limit, (low, high), len(runs), said, basis)


def vacuous(key: str, limit: float) -> str:
    """Say why nothing could breach a limit; empty where something could."""
    if key in FRACTIONS and limit <= 0:
        return "no share lies below 0, so nothing could breach it"
    if key in RELATIVE and limit <= 0:
        return "no ratio lies below 0, so nothing could breach it"
    if key in {"max_accuracy_drop", "max_class_drop", "max_reorder_share"} and limit >= 1:
        return "no drop or share exceeds 1, so nothing could breach it"
    return ""


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
        value = f"{{ {source.isa} = {item.limit:g} }}" if item.key in BY_ISA else f"{item.limit:g}"
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
