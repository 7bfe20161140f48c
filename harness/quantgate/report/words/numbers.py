"""Numbers as people read them: by unit, and with as many decimals as the difference needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantgate.core.limit_kind import Form
    from quantgate.core.table import Cell

MISSING = "–"
_MOST_DECIMALS = 9
#: From here on four digits would need an exponent; from there on the whole number is too long.
_THOUSANDS, _TOO_LONG = 9999.5, 1e9
_DECIMALS: dict[Form, int] = {"fraction": 3, "factor": 2, "percent": 1, "decibel": 1}
_DURATIONS = (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0))
_SIZES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0))


def decimals_between(value: float, limit: float, form: Form) -> int:
    """Find the fewest decimals at which a value and a limit that differ are also written differently."""
    decimals = _DECIMALS.get(form, 3)
    scale = 100.0 if form == "percent" else 1.0
    while value != limit and decimals < _MOST_DECIMALS:
        if round(value * scale, decimals) != round(limit * scale, decimals):
            break
        decimals += 1
    return decimals


def written(value: float, form: Form, decimals: int | None = None) -> str:
    """Write a number with its unit: ``0.912``, ``1.33×``, ``87.2 %``, ``31.4 dB``, ``12.3 ms``."""
    if form in {"duration", "bytes"}:
        return _scaled(value, _DURATIONS if form == "duration" else _SIZES)
    if form == "magnitude":
        return minus(f"{value:.3g}")
    places = _DECIMALS[form] if decimals is None else decimals
    suffix = {"factor": "×", "percent": " %", "decibel": " dB"}.get(form, "")
    text = f"{value * 100:.{places}f}" if form == "percent" else f"{value:.{places}f}"
    return minus(_no_negative_zero(text)) + suffix


def signed(value: float, form: Form) -> str:
    """Write a difference with its sign: ``+0.004``, ``−0.012``."""
    text = written(value, form)
    return text if text.startswith("−") or not any(c in "123456789" for c in text) else f"+{text}"


def rate(per_second: float) -> str:
    """Write inferences a second."""
    return f"{per_second:,.1f} /s" if per_second < 100 else f"{per_second:,.0f} /s"  # noqa: PLR2004


def plain(value: float) -> str:
    """Write a threshold as models.toml has it: ``0.95``, ``2``."""
    return minus(f"{value:.10g}")


def minus(text: str) -> str:
    """Use the true minus sign, which is as wide as a plus and never breaks a line."""
    return text.replace("-", "−")


def interval(low: str, high: str) -> str:
    """Write two ends, a unit that both have once: ``[6.4, 6.9] dB``; a factor goes without its ×."""
    if low.endswith("×") and high.endswith("×"):
        return f"[{low.removesuffix('×')}, {high.removesuffix('×')}]"
    (first, _, unit), (last, _, other) = low.partition(" "), high.partition(" ")
    return f"[{first}, {last}] {unit}".strip() if unit == other else f"[{low}, {high}]"


def counted(n: int, plural: str) -> str:
    """Write ``1 image``, ``5,000 images``; ``plural`` is the noun's plural."""
    singular = {"boxes": "box", "classes": "class"}.get(plural, plural.removesuffix("s"))
    return f"{n:,} {singular if n == 1 else plural}"


def amount(value: Cell) -> float:
    """Take a cell as an amount: what took no time, or is not there, counts as 0."""
    return float(value) if isinstance(value, int | float) else 0.0


def cell(value: Cell, kind: str) -> str:
    """Write one table cell; None is "not defined here" and never a zero."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return _number_cell(value, kind) if math.isfinite(value) else _infinite(value)


def _number_cell(value: float, kind: str) -> str:
    if kind in {"fraction", "score"}:
        return minus(_no_negative_zero(f"{value:.3f}"))
    return f"{value:,}" if isinstance(value, int) else _compact(value)


def _compact(value: float) -> str:
    if _THOUSANDS <= abs(value) < _TOO_LONG:
        return minus(f"{value:,.0f}")
    mantissa, mark, exponent = f"{value:.4g}".partition("e")
    return minus(f"{mantissa}e{int(exponent)}" if mark else mantissa)


def _infinite(value: float) -> str:
    return MISSING if math.isnan(value) else ("∞" if value > 0 else "−∞")


def duration(value_ns: float | None) -> str:
    """Write nanoseconds in the unit that fits, or a dash where nothing was measured."""
    return MISSING if value_ns is None else written(value_ns, "duration")


def size(value_bytes: float | None) -> str:
    """Write bytes in the unit that fits (powers of 1,000), or a dash."""
    return MISSING if value_bytes is None else written(value_bytes, "bytes")


def _scaled(value: float, units: tuple[tuple[str, float], ...]) -> str:
    unit, factor = next((item for item in units if abs(value) >= item[1]), units[-1])
    scaled = value / factor
    places = 0 if factor == 1.0 else max(0, 2 - int(math.log10(abs(scaled)))) if scaled else 0
    return f"{minus(f'{scaled:.{places}f}')} {unit}"


def _no_negative_zero(text: str) -> str:
    return text.lstrip("-") if float(text) == 0.0 else text
