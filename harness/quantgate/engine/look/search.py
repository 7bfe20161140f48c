"""Fed in another usual way, is the parent surer? Asked where its answers give reason to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.likeness import Measure
from quantgate.engine.look.variants import (
    changed_text,
    is_near,
    other_colour,
    other_feedings,
    other_resizes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.datasets.sample import Sample
    from quantgate.engine.look.look import Eye, Sight
    from quantgate.entries import Preprocess


#: What tells it without annotations, and of a task whose annotations do not (see ``Task``).
STEADY = Measure("steadiness", 0.5, 0.1)
#: Standard errors by which a feeding has to be better: on the first images to be tried on others,
#: and on these to be said. Wrong once in a thousand searches; where a set is so small that a feeding is confirmed
#: on the images that it was chosen on, more is asked (of 240 other feedings on 40 honest sets of 24 images none came beyond 1.4).
_PROMISING, _CERTAIN, _CERTAIN_ON_SAME = 1.0, 3.1, 3.5
_FEWEST = 6
_CONFIRMED = 2
#: Images on which a better feeding is confirmed, in steps, and the time that a search may take.
_STEP, _MOST = 24, 96
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Better:
    """Another feeding that suits the parent better."""

    plan: Preprocess
    measure: Measure
    now: float
    then: float
    images: int

    def sentence(self, plan: Preprocess) -> str:
        """Say what to change, and why."""
        text = changed_text(plan, self.plan)
        if self.measure is STEADY:
            return (
                f"with preprocess {text} the parent's answers would follow the pictures better "
                f"(steadiness {self.then:.2f} for {self.now:.2f} on {self.images} images): check "
                "preprocess before anything else"
            )
        return (
            f"with preprocess {text} the parent would fit the annotations better ({self.measure.name} "
            f"{self.then:.3g} for {self.now:.3g} on {self.images} images): check preprocess before "
            "anything else"
        )


def better_feeding(eye: Eye, sight: Sight, clock: Callable[[], float]) -> Better | None:
    """Search for a usual feeding under which the parent is markedly surer.

    The other order of colours is always tried and, with annotations, other ways to resize and means and
    scales that are nearly those of the plan; all others where the answers are suspicious. What is better on
    the first images has to be better on fresh ones too.
    """
    measure = measure_of(eye.task) if sight.annotated else STEADY
    until = clock() + SECONDS
    tried: list[tuple[float, Preprocess]] = []
    now = _values(sight, measure)
    for plan in _plans(eye, sight, measure):
        if clock() > until:
            break
        tried.append((_promise(eye, plan, now, measure), plan))
    tried.sort(key=lambda one: -one[0])
    own = cache(lambda start: _look(eye, _pool(eye)[start : start + _STEP], None, measure))
    for promise, plan in tried[:_CONFIRMED]:
        if promise >= _PROMISING:
            found = _confirmed(eye, plan, measure, lambda: clock() > until, own=own)
            if found is not None:
                return found
    return None


def measure_of(task: str) -> Measure:
    """Give what tells how well a task's answers fit its annotations."""
    from quantgate.tasks.catalog import TASKS

    found: Measure = getattr(TASKS.get(task), "FITNESS", STEADY)
    return found


def _promise(eye: Eye, plan: Preprocess, now: NDArray[np.float64], measure: Measure) -> float:
    """By how many standard errors a feeding is better on the first images; a third of them may do."""
    third = len(eye.samples) // 3
    then = _look(eye, eye.samples[:third], plan, measure)
    if float(np.nansum(then - now[:third])) <= 0:
        return 0.0
    then = np.concatenate([then, _look(eye, eye.samples[third:], plan, measure)])
    return errors_better(now, then)


def _look(
    eye: Eye, samples: Sequence[Sample], plan: Preprocess | None, measure: Measure
) -> NDArray[np.float64]:
    steady = measure is STEADY
    return _values(eye.look(samples, plan, steady=steady), measure)


def suspicious(sight: Sight, measure: Measure) -> bool:
    """Whether answers are so unsteady, or fit the annotations so badly, that others are tried."""
    steady = sight.steadiness[np.isfinite(sight.steadiness)]
    unsteady = not len(steady) or float(steady.mean()) < STEADY.suspicious_below
    values = _values(sight, measure)
    known = values[np.isfinite(values)]
    return unsteady or not len(known) or float(known.mean()) < measure.suspicious_below


def errors_better(now: NDArray[np.float64], then: NDArray[np.float64]) -> float:
    """By how many standard errors the second column [images] is better than the first."""
    gains = (then - now)[np.isfinite(then) & np.isfinite(now)]
    if len(gains) < _FEWEST:
        return 0.0
    mean, spread = float(gains.mean()), float(gains.std(ddof=1))
    if not spread:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / spread * math.sqrt(len(gains))


def _plans(eye: Eye, sight: Sight, measure: Measure) -> Iterator[Preprocess]:
    plan = eye.parent.plan
    colour = other_colour(plan)
    if colour is not None:
        yield colour
    if sight.annotated:
        yield from other_resizes(plan)
    odd = suspicious(sight, measure)
    for other in other_feedings(plan):
        if other != colour and (odd or (sight.annotated and is_near(plan, other))):
            yield other


def _values(sight: Sight, measure: Measure) -> NDArray[np.float64]:
    """Steadiness counts 0 where nothing is said: a parent that sees nothing follows no picture."""
    return np.nan_to_num(sight.steadiness) if measure is STEADY else sight.fits


def _credible(eye: Eye, samples: Sequence[Sample], better: Better) -> bool:
    """Whether it is the feeding that is wrong: less sure answers fit wrong annotations better, too."""
    measure = better.measure
    if measure is STEADY:
        return True
    now, then = (_look(eye, samples, plan, STEADY).mean() for plan in (None, better.plan))
    return better.then >= measure.suspicious_below / 2 and bool(then >= now - STEADY.least_gain)


def _pool(eye: Eye) -> tuple[Sample, ...]:
    """Images that a feeding was not chosen on, unless there are few."""
    return (*eye.samples, *eye.fresh) if len(eye.fresh) < _STEP else eye.fresh


def _confirmed(
    eye: Eye,
    plan: Preprocess,
    measure: Measure,
    late: Callable[[], bool],
    *,
    own: Callable[[int], NDArray[np.float64]],
) -> Better | None:
    """Try a feeding on images that it was not chosen on; ``own`` are the values of the parent's, from each start."""
    pool = _pool(eye)
    needed = _CERTAIN_ON_SAME if len(eye.fresh) < _STEP else _CERTAIN
    now, then = np.zeros(0), np.zeros(0)
    for start in range(0, min(len(pool), _MOST), _STEP):
        batch = pool[start : start + _STEP]
        both = own(start), _look(eye, batch, plan, measure)
        now, then = np.concatenate([now, both[0]]), np.concatenate([then, both[1]])
        known = np.isfinite(now) & np.isfinite(then)
        if not known.any():
            continue
        before, after = float(now[known].mean()), float(then[known].mean())
        if after - before >= measure.least_gain and errors_better(now, then) >= needed:
            better = Better(plan, measure, before, after, len(now))
            return better if _credible(eye, batch, better) else None
        promise = errors_better(now, then)
        if late() or promise < 0 or (start >= _STEP and promise < _PROMISING):
            break
    return None
