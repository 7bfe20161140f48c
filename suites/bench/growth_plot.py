"""The plot of what whole gates cost against images and models: two panels for processor time, two for memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 340, 230
LEFT, TOP, RIGHT, BOTTOM = 62, 34, 24, 44
#: Colours of a run from nothing, and of one in which nothing changed, told apart without colour by dashes.
LINES = {False: ("from nothing", "#0b6bcb", ""), True: ("nothing changed", "#b35900", "5 4")}
STYLE = "text{font:12px sans-serif;fill:#222}.axis{stroke:#999;fill:none}.title{font-weight:600}"
PANELS = (("processor_s", 1.0, "s"), ("memory_bytes", 2.0**20, "MiB"))


def draw(costs: Sequence[Mapping[str, Any]]) -> str:
    """Draw an SVG; both axes are logarithmic, so that what grows in proportion has the slope of the diagonal."""
    parts = []
    for column, of in enumerate(("images", "models")):
        ours = [one for one in costs if one["of"] == of]
        for row, (name, per, unit) in enumerate(PANELS):
            if ours:
                place = f"translate({column * WIDTH},{row * HEIGHT})"
                parts.append(f'<g transform="{place}">{_panel(ours, (of, name, per, unit))}</g>')
    size = f'viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}" width="{2 * WIDTH}" height="{2 * HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    title = "<title>Processor time and memory of whole gates against images and models</title>"
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f"{head}{title}<style>{STYLE}</style>{ground}{''.join(parts)}</svg>\n"


def _panel(costs: Sequence[Mapping[str, Any]], what: tuple[str, str, float, str]) -> str:
    of, name, per, unit = what
    counts = sorted({int(one["count"]) for one in costs})
    values = [float(one[name]) / per for one in costs]
    low, high = _decades(values)
    across = WIDTH - LEFT - RIGHT
    down = HEIGHT - TOP - BOTTOM

    def x(count: float) -> float:
        return LEFT + across * _share(count, counts[0], counts[-1])

    def y(value: float) -> float:
        return TOP + down * (1 - _share(value, low, high))

    said = "processor time" if name == "processor_s" else "memory, all processes"
    parts = [f'<text class="title" x="8" y="18">{said}, {unit}</text>']
    parts.append(f'<path class="axis" d="M{LEFT},{TOP}V{TOP + down}H{LEFT + across}"/>')
    parts += [_label(x(count), TOP + down + 16, f"{count:,}", "middle") for count in counts]
    parts.append(_label(LEFT + across / 2, TOP + down + 34, of, "middle"))
    tick = low
    while tick <= high * 1.01:
        parts.append(_label(LEFT - 6, y(tick) + 4, f"{tick:,g}", "end"))
        tick *= 10
    for cached, (words, colour, dashes) in LINES.items():
        points = sorted(
            (one["count"], float(one[name]) / per) for one in costs if one["cached"] == cached
        )
        path = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        )
        parts += [
            f'<circle cx="{x(count):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"><title>{value:.1f} {unit}</title>'
            "</circle>"
            for count, value in points
        ]
        parts.append(_label(LEFT + across, 18 if not cached else 32, words, "end", colour=colour))
    return "".join(parts)


def _label(x: float, y: float, text: str, anchor: str, *, colour: str = "#222") -> str:
    style = f'text-anchor="{anchor}" style="fill:{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{Markup.escape(text)}</text>'


def _share(value: float, low: float, high: float) -> float:
    """Place of a value between two others, on a logarithmic scale."""
    import math

    return math.log(value / low) / math.log(high / low) if high > low else 0.5


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Find the powers of ten around some values."""
    import math

    low = 10.0 ** math.floor(math.log10(min(values)))
    return low, max(10 * low, 10.0 ** math.ceil(math.log10(max(values))))
