"""What a search for a recipe found, in sentences, rows, and lines of models.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.report.text_table import summary_lines
from quantgate.report.words.numbers import MISSING, counted, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.core.estimate import Estimate
    from quantgate.core.remedy import Point, Remedy, Tried

#: Candidates that the terminal lists: all are in the files.
_ROWS = 12
#: From here on it does not matter how often a limit is exceeded.
_FAR = 100.0


def told(found: Remedy) -> Iterator[str]:
    """Everything that the terminal says."""
    yield f"{found.model}: {headline(found)}"
    for sentence in sentences(found):
        yield f"  {sentence}"
    if found.points:
        yield ""
        yield from summary_lines([point_heading(found), *map(point_row, found.points)])
    if found.tried:
        yield ""
        heading = ("tried", "in float", "images", "of the limit", "chance", "rough speed", "")
        rows = [tried_row(one) for one in best_tried(found)[:_ROWS]]
        yield from summary_lines([heading, *rows])
    if found.winner is not None:
        yield ""
        yield lines(found).rstrip()


def headline(found: Remedy) -> str:
    """The answer in one line."""
    winner, parents = found.winner, [one for one in found.points if one.role == "parent"]
    if winner is None:
        return "no recipe was found"
    if not winner.missed and not winner.undecided:
        said = f"“{winner.title}” meets every limit"
    elif not winner.missed:
        said = f"“{winner.title}” misses no limit, and {_keys(winner.undecided)} is not decided"
    else:
        said = f"no recipe that was judged meets every limit; the best is “{winner.title}”, which misses {_keys(winner.missed)}"
    faster = [one for one in parents if one.speed > winner.speed and not one.missed]
    if faster:
        return f"{said}; {faster[0].title} is faster still: deploy the parent"
    return said


def sentences(found: Remedy) -> Iterator[str]:
    """What a reader must know about how the answer came about."""
    yield (
        f"{counted(found.calibrated_on, 'images')} calibrated the candidates and {found.chosen_on} others chose; "
        f"the {found.judged_on} evaluation images were opened once, after the choice."
    )
    winner = found.winner
    if winner is not None and winner.missed:
        better = [one for one in found.points if one.role == "finalist" and not one.missed]
        if better:
            yield (
                f"“{better[0].title}” meets every limit on the evaluation images; to take it is to choose on "
                "the images that judge."
            )
    for note in found.notes:
        yield f"{note[:1].upper()}{note[1:]}."


def lines(found: Remedy) -> str:
    """The winner as lines of models.toml, with where they come from."""
    winner = found.winner
    if winner is None:
        return ""
    measured = [
        f"# {key}: {_interval(estimate, LIMITS[key].written_as(estimate.unit))}, limit {found.limits[key]:g}"
        for key, estimate in winner.judged.items()
        if key in found.limits
    ]
    chosen = (
        f"# by quantgate remedy, {found.machine}: chosen on {counted(found.chosen_on, 'images')} of "
        f"calibration, judged once on {found.judged_on}"
    )
    return "\n".join([chosen, *measured, winner.lines])


def point_heading(found: Remedy) -> tuple[str, ...]:
    """Columns of the points."""
    return ("", found.of, "over f32", "over default", "size", "INT8", "limits", "front")


def point_row(point: Point) -> tuple[str, ...]:
    """One point as text."""
    native = point.speedups.get("parent_default")
    verdicts = "met" if point.judged and not point.missed else ""
    if point.missed:
        verdicts = f"missed: {', '.join(point.missed)}"
    elif point.undecided:
        verdicts = f"undecided: {', '.join(point.undecided)}"
    return (
        f"{'→ ' if point.role == 'winner' else ''}{point.title}",
        _interval(point.loss, "fraction"),
        _interval(point.speedups["parent_f32"], "factor"),
        MISSING if native is None else _interval(native, "factor"),
        written(point.size, "percent"),
        MISSING if point.int8_share is None else written(point.int8_share, "percent"),
        verdicts,
        "yes" if point.optimal else "",
    )


def best_tried(found: Remedy) -> list[Tried]:
    """Order what was tried: finalists first, then by images seen and what it lacks."""
    return sorted(
        found.tried, key=lambda one: (one.fate != "finalist", -one.reading.images, one.need)
    )


def tried_row(one: Tried) -> tuple[str, ...]:
    """One candidate as text."""
    pace, chance = one.reading.pace, one.reading.chance
    return (
        one.title,
        counted(one.layers, "layers"),
        str(one.reading.images),
        written(one.need, "percent") if one.need < _FAR else f"> {written(_FAR, 'percent')}",
        MISSING if chance is None else written(chance, "percent"),
        MISSING if pace is None else written(pace, "factor"),
        one.fate if one.fate != "out" else "",
    )


def _interval(found: Estimate, form: str) -> str:
    value, low, high = (written(end, form) for end in (found.value, found.low, found.high))  # type: ignore[arg-type]
    return value if found.low == found.high else f"{value} [{low}, {high}]"


def _keys(keys: tuple[str, ...]) -> str:
    return ", ".join(keys)
