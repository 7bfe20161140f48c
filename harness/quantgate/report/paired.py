"""How far a judged number of two runs is apart, image by image: what is equal in both cancels out.

Sums over rows are made of the tables that a run keeps anyway; average precision and IoU, which are not, of
its tally (:mod:`quantgate.tasks.tallies`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from quantgate.borders import DAMAGE
from quantgate.core.bootstrap import draw, resampled_ratios, summarize
from quantgate.core.limits import kind_of
from quantgate.errors import MeasurementError
from quantgate.pair import Pair
from quantgate.report.paired_rows import row_parts
from quantgate.report.words.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.estimate import Estimate
    from quantgate.core.table import Table
    from quantgate.report.model import Judged, ModelReport
    from quantgate.tasks.protocol import Tally

V = TypeVar("V")
_FEWEST = 2
#: The number that is made again has to be the one that was judged; tables keep all digits of it.
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Paired:
    """After minus before on the images of both runs, or the reason why there is no such difference."""

    difference: Estimate | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one run keeps of a model: its report, and the run's folder, where that is known."""

    run: str
    model: ModelReport
    folder: Path | None = None

    def metric(self, *, to_baseline: bool) -> str:
        """Title of the judged metric; empty where none was measured."""
        released = self.model.released
        rows = (released.metrics if released else ()) if to_baseline else self.model.metrics
        return next((row.title for row in rows if row.intervals), "")

    def tables(self, *, to_baseline: bool) -> tuple[Table, ...]:
        """Tables against the parent, or the baseline."""
        if not to_baseline:
            return self.model.tables
        return self.model.released.tables if self.model.released else ()

    def tally(self, *, to_baseline: bool) -> Path | None:
        """Where the tally lies; None where there is none."""
        released = self.model.released
        name = (released.tally if released else "") if to_baseline else self.model.tally
        path = self.folder / name if self.folder and name else None
        return path if path and path.is_file() else None


@dataclass(frozen=True, slots=True)
class Sides:
    """One model in both runs, before and after; what several limits rest on is computed once."""

    before: Kept
    after: Kept
    _derived: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __iter__(self) -> Any:
        return iter((self.before, self.after))

    def once(self, key: str, compute: Callable[[], V]) -> V:
        """Compute a value once per key and return it again on later calls."""
        if key not in self._derived:
            self._derived[key] = compute()
        value: V = self._derived[key]
        return value


def paired_difference(judged: tuple[Judged, Judged], sides: Sides) -> Paired:
    """After minus before over the images of both runs, with its interval from a paired bootstrap."""
    key = judged[1].verdict.limit.key
    kind = kind_of(key)
    if kind is None or not kind.of_images:
        return Paired(reason="not made of images")
    if kind.between_devices:
        return Paired(reason="made of two devices' answers")
    before, after = (item.verdict.estimate for item in judged)
    if before is None or after is None:
        return Paired(reason="not measured in both runs")
    if kind.of_metric and len({side.metric(to_baseline=kind.to_baseline) for side in sides}) > 1:
        return Paired(reason="the runs judge different metrics")
    found = _of_tables(judged, sides)
    if found.reason:
        by_tally = _of_tallies(judged, sides)
        found = found if by_tally is None else by_tally
    if found.difference is None:
        return found
    return Paired(replace(found.difference, unit=after.unit))


def _of_tables(judged: tuple[Judged, Judged], sides: Sides) -> Paired:
    """Compare a sum over rows, or a quotient of two."""
    kind = kind_of(judged[1].verdict.limit.key)
    assert kind is not None
    aim = kind.to_baseline
    parts = [
        row_parts(
            kind.asks,
            item.verdict.estimate,
            side.tables(to_baseline=aim),
            side.metric(to_baseline=aim) if kind.of_metric else "",
        )
        for item, side in zip(judged, sides, strict=True)
    ]
    if parts[0] is None or parts[1] is None:
        bare = [
            part is None and side.tally(to_baseline=aim) is None
            for part, side in zip(parts, sides, strict=True)
        ]
        unlike = bare if any(bare) else [part is None for part in parts]
        return Paired(reason=_unlike(judged, sides, unlike))
    before, after = parts[0], parts[1]
    shared = [name for name in after if name in before]
    if len(shared) < _FEWEST:
        return _too_few(len(shared))
    tables = (np.array([side[name] for name in shared], np.float64) for side in (before, after))
    columns = [(table[:, 0], table[:, 1]) for table in tables]
    first, second = resampled_ratios(Pair(*columns))
    values = [above.sum() / below.sum() if below.sum() else math.nan for above, below in columns]
    return _summarized(values[1] - values[0], second - first, len(shared))


def _of_tallies(judged: tuple[Judged, Judged], sides: Sides) -> Paired | None:
    """Compute the number again on resamples of the shared images; None where it is not made of a tally."""
    kind = kind_of(judged[1].verdict.limit.key)
    assert kind is not None
    paths = [side.tally(to_baseline=kind.to_baseline) for side in sides]
    if paths[0] is None or paths[1] is None:
        return None
    scored = sides.once(f"scored {kind.to_baseline}", lambda: _scored(sides, (paths[0], paths[1])))
    if isinstance(scored, Paired):
        return scored
    before, after = (one.number(kind.asks) for one in scored)
    if before is None or after is None:
        return None
    unlike = [
        not _is(item.verdict.estimate, number.own)
        for item, number in zip(judged, (before, after), strict=True)
    ]
    if any(unlike):
        return Paired(reason=_unlike(judged, sides, unlike))
    value, samples = after.value - before.value, after.samples - before.samples
    return _summarized(value, samples, scored[0].shared)


@dataclass(frozen=True, slots=True)
class _Number:
    """A number on a run's own images, on the shared ones, and on resamples of these, [resamples]."""

    own: float
    value: float
    samples: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Scored:
    """A tally with its scores on its own images, on the shared ones, and on resamples of these."""

    tally: Tally
    shared: int
    own: Any
    once: Any
    drawn: Any

    def number(self, key: str) -> _Number | None:
        """Give what a limit judges; None where it is not made of the tally."""
        found = [self.tally.number(key, s, self.own) for s in (self.own, self.once, self.drawn)]
        own, once, drawn = found
        if own is None or once is None or drawn is None:
            return None
        return _Number(float(own[0]), float(once[0]), drawn)


def _scored(sides: Sides, paths: tuple[Path | None, Path | None]) -> tuple[_Scored, ...] | Paired:
    """Resample both tallies together."""
    from quantgate.tasks.tallies import load_tally

    loaded = []
    for side, path in zip(sides, paths, strict=True):
        assert path is not None
        try:
            loaded.append(load_tally(side.model.task, path))
        except DAMAGE:
            return Paired(reason=f"{path} cannot be read")
    names = [{name: place for place, name in enumerate(images)} for images, _ in loaded]
    shared = [name for name in names[1] if name in names[0]]
    if len(shared) < _FEWEST:
        return _too_few(len(shared))
    drawn = draw(len(shared), min(tally.resamples for _, tally in loaded))
    return tuple(
        _score(tally, own, [own[name] for name in shared], drawn)
        for (_, tally), own in zip(loaded, names, strict=True)
    )


def _score(
    tally: Tally, names: dict[str, int], places: list[int], drawn: NDArray[np.int32]
) -> _Scored:
    once = np.zeros((1, len(names)), np.int32)
    once[:, places] = 1
    weights = np.zeros((len(drawn), len(names)), np.int32)
    weights[:, places] = drawn
    own = tally.scores(np.ones((1, len(names)), np.int32))
    return _Scored(tally, len(places), own, tally.scores(once), tally.scores(weights))


def _summarized(value: float, samples: NDArray[np.float64], n: int) -> Paired:
    try:
        return Paired(summarize(value, samples, n).estimate)
    except MeasurementError:
        return Paired(reason=f"not defined on the {counted(n, 'shared images')}")


def _too_few(shared: int) -> Paired:
    return Paired(reason=f"the runs share {counted(shared, 'images')}")


def _is(estimate: Estimate | None, value: float) -> bool:
    return estimate is not None and abs(value - estimate.value) <= _SAME * max(
        1.0, abs(estimate.value)
    )


def _unlike(judged: tuple[Judged, Judged], sides: Sides, unlike: list[bool]) -> str:
    """Say which run does not keep the judged number image by image, and why."""
    item, side = next(
        (item, side) for item, side, bad in zip(judged, sides, unlike, strict=True) if bad
    )
    if item.draws:
        return f"{side.run} judged the worst of {len(item.draws)} calibrations, of which one is kept by image"
    return f"{side.run} does not keep it image by image"
