"""The series of a trend page as compact data: drawn by the browser, a model at a time, when it is seen."""

from __future__ import annotations

import base64
import json
import os
import zlib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from quantgate.core.limits import form_of, limit_title
from quantgate.core.series import machine_of
from quantgate.report.words.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.changes.change import ChangePoint
    from quantgate.core.series import Columns, RunFacts, SeriesKey
    from quantgate.report.trend.model import Trend

_COMMIT = 9


def page_data(trend: Trend, ids: Mapping[int, str], folder: Path) -> Markup:
    """Write everything the page's script draws, as JSON that no markup can leave.

    Parameters
    ----------
    ids
        ``id()`` of a change to the anchor of its row.
    folder
        Of the page, from which links to reports on this disk lead.
    """
    marks: dict[SeriesKey, list[ChangePoint]] = {}
    for change in trend.changes:
        marks.setdefault(change.key, []).append(change)
    models = [
        _model(name, list(series), marks, ids)
        for name, series in groupby(trend.series, key=lambda one: one.key.model)
    ]
    data = {
        "runs": [_run(run, folder) for run in trend.runs],
        "machines": _machines(trend, ids),
        "models": sorted(models, key=lambda model: (-model["rank"], model["name"])),
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    # No text of a history can end the script: JSON has other ways to write these characters.
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)  # noqa: S704 - escaped on the line above


def report_link(place: str, folder: Path) -> str:
    """Lead to a run's report, a web address or a folder on this disk; empty where there is none."""
    if place.startswith(("https://", "http://")):
        return place
    path = Path(place)
    if not place or not path.is_absolute():
        return ""
    return quote(os.path.relpath(path / "index.html", folder.absolute()))


def _machines(trend: Trend, ids: Mapping[int, str]) -> dict[str, Any] | None:
    """Pack the machines' controls as one card; its marks are nights on which a machine was to blame."""
    if not trend.controls:
        return None
    blamed = [change for change in trend.changes if change.cause == "machine"]
    series, packs = [], [pack(one) for one in trend.controls]
    for one, packed in zip(trend.controls, packs, strict=True):
        moved = [change for change in trend.control_changes if change.key == one.key]
        mine = [change for change in blamed if machine_of(change.key) == machine_of(one.key)]
        marks = _blamed(one, mine, trend.runs, ids) + [
            [change.first, "", "past", "the control moved"] for change in moved
        ]
        equal = {"title": "Control", "limits": [[0, 1.0]], "changes": sorted(marks)}
        series.append({**_series(one, packed, [], ids), **equal})
    return {"name": "", "rank": 0, "series": series, "data": joined(packs)}


def _blamed(
    one: Columns, changes: Sequence[ChangePoint], runs: Sequence[RunFacts], ids: Mapping[int, str]
) -> list[list[Any]]:
    """Mark the control's nights on which numbers moved with the machine, each with how many did."""
    times = np.array([runs[place].at.timestamp() for place in one.runs])
    nights: dict[int, list[ChangePoint]] = {}
    for change in changes:
        place = int(np.searchsorted(times, change.moved.at.timestamp()))
        nights.setdefault(min(place, len(times) - 1), []).append(change)
    return [
        [
            place,
            ids.get(id(moved[0]), ""),
            "past",
            f"{counted(len(moved), 'numbers')} moved with it",
        ]
        for place, moved in nights.items()
    ]


def _run(run: RunFacts, folder: Path) -> list[Any]:
    at, link = round(run.at.timestamp()), report_link(run.place, folder)
    return [at, run.id, run.commit[:_COMMIT], link]


def _model(
    name: str,
    series: Sequence[Columns],
    marks: Mapping[SeriesKey, Sequence[ChangePoint]],
    ids: Mapping[int, str],
) -> dict[str, Any]:
    mine = [marks.get(one.key, []) for one in series]
    packs = [pack(one) for one in series]
    return {
        "name": name,
        "rank": 2 if any(c.open for found in mine for c in found) else int(any(mine)),
        "series": [
            _series(one, packed, found, ids)
            for one, packed, found in zip(series, packs, mine, strict=True)
        ],
        "data": joined(packs),
    }


def _series(
    of: Columns, packed: Packed, marks: Sequence[ChangePoint], ids: Mapping[int, str]
) -> dict[str, Any]:
    key, unit = of.key, of.unit
    return {
        "quantity": key.quantity,
        "title": limit_title(key.quantity),
        "form": form_of(key.quantity, unit),
        "machine": key.machine,
        "isa": key.isa,
        "stack": key.stack,
        **packed.facts,
        "changes": [[c.first, ids.get(id(c), ""), _mark(c), ""] for c in marks],
    }


def _mark(change: ChangePoint) -> str:
    if change.open:
        return "open"
    return "better" if change.worse is False and change.cause == "model" else "past"


#: Steps in which values and half intervals are kept: finer than a pixel, and to four digits.
_VALUES, _HALVES = 65_535, 255


@dataclass(frozen=True, slots=True)
class Packed:
    """A series laid out.

    Parameters
    ----------
    facts
        What unpacking needs, and where its limits and segments change: plain values for JSON.
    data
        Run steps u32, values u16, half intervals below and above u8, to whole words.
    """

    facts: Mapping[str, Any]
    data: bytes


def pack(one: Columns) -> Packed:
    """Lay out a series that has a night at least."""
    below, above = one.value - one.low, one.high - one.value
    low, high = float(one.value.min()), float(one.value.max())
    half = max(float(below.max()), float(above.max()))
    steps = one.runs.astype("<u4")
    steps[1:] -= steps[:-1].copy()
    values = np.rint((one.value - low) / ((high - low) or 1.0) * _VALUES).astype("<u2")
    halves = np.rint(np.concatenate([below, above]) / (half or 1.0) * _HALVES).astype("u1")
    data = steps.tobytes() + values.tobytes() + halves.tobytes()
    facts = {
        "n": len(one),
        "low": low,
        "high": high,
        "half": half,
        "limits": _limits(one.threshold),
        "segments": (np.flatnonzero(one.segment[1:] != one.segment[:-1]) + 1).tolist(),
    }
    return Packed(facts, data + bytes(-len(data) % 4))


def joined(series: Iterable[Packed]) -> str:
    """Compress some series together, as text."""
    return base64.b64encode(zlib.compress(b"".join(one.data for one in series))).decode("ascii")


def _limits(threshold: NDArray[np.float64]) -> list[list[Any]]:
    """List ``[place, limit]`` wherever the limit changes; null where there is none."""
    # NaN differs from itself, and no limit is infinite.
    known = np.where(np.isnan(threshold), np.inf, threshold)
    places = [0, *(np.flatnonzero(known[1:] != known[:-1]) + 1).tolist()]
    return [[place, float(known[place]) if known[place] < np.inf else None] for place in places]
