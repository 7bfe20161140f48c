"""Search how a model is fed and read: many ways on a few images, the best of them on more."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.decoders.catalog import OF_ANY_MAP
from quantgate.engine.look.search import errors_better
from quantgate.engine.look.variants import other_feedings, other_resizes
from quantgate.onboarding.judging import CREDIBLE_FIT, CREDIBLE_STEADY, LEAST_GAIN, SHOWN, concluded
from quantgate.onboarding.trial import Trial, numbers
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from quantgate.datasets.sample import Sample
    from quantgate.entries import Preprocess
    from quantgate.onboarding.hints import Hints
    from quantgate.onboarding.options import Option
    from quantgate.onboarding.trial import Guess
    from quantgate.onboarding.trials import Bench

#: Images of the first round and of the second, and the time that all rounds may take, s.
FIRST, SECOND, _FEWEST = 8, 32, 3
SECONDS = 20.0
#: Images of the second round for classes: one label says less of an image than its boxes do.
_CLASSES = 96
#: Inferences of one image in the first round: usual feedings, some of them cut and mirrored, too.
_FEEDINGS = 20
#: And in the second: feedings and resizes of the best way, and others.
_WAYS = 12
#: Feedings of an option that come into the second round.
_ON = 4
#: Standard errors within which ways are as good as each other.
_AS_GOOD = 2.0
#: Feedings after which an option whose quality never exceeded the second number is given up.
_PATIENCE, _SILENT = 5, 0.02
#: Decoders that many outputs could be meant for.
_LETTERBOX: Mapping[str, Any] = {"resize": "letterbox", "pad": 114}
_STRETCH: Mapping[str, Any] = {"resize": "stretch"}
_LINES: Mapping[str, Any] = {"resize": "height", "pad": 128}
#: What published networks of a kind are resized by: decides where measurements do not.
_RESIZED: Mapping[str, Mapping[str, Any]] = {
    "class-scores": {"resize": "crop"},
    "class-map": _STRETCH,
    "image": _STRETCH,
    "ssd": _STRETCH,
    "ssd-raw": _STRETCH,
    "ssd-heads": _STRETCH,
    "detr": _STRETCH,
    "heads": _STRETCH,
    "ctc": _LINES,
    "sequence": _LINES,
    "yolox": {"resize": "fit", "pad": 114},
    "yolo-v5": _LETTERBOX,
    "yolo-v8": _LETTERBOX,
    "yolo-v8-seg": _LETTERBOX,
    "yolo-v8-pose": _LETTERBOX,
}
_FRACTIONS: Mapping[str, Any] = {"colour": "rgb", "mean": 0.0, "scale": 255.0}
#: As above, of colour, mean and scale.
_FED: Mapping[str, Mapping[str, Any]] = {
    "ctc": {"colour": "bgr", "mean": 127.5, "scale": 127.5},
    "yolox": {"colour": "bgr", "mean": 0.0, "scale": 1.0},
    "yolo-v5": _FRACTIONS,
    "yolo-v8": _FRACTIONS,
    "yolo-v8-seg": _FRACTIONS,
    "yolo-v8-pose": _FRACTIONS,
}


def search(
    bench: Bench,
    options: Sequence[Option],
    hints: Hints,
    given: tuple[Sequence[Sample], float],
) -> Guess | None:
    """Try ways to feed and read the parent; None where none gives what its decoder promises.

    ``given`` are images, and how long one inference takes, s: a slow model is tried on fewer of them.
    """
    samples, seconds = given
    tries = _Tries(bench, hints, time.monotonic() + SECONDS)
    first = tries.first(options, samples[: _affordable(seconds, _FEEDINGS, (_FEWEST, FIRST))])
    leaders = _leaders(bench, first)
    if not leaders:
        return None
    (option, kept), *others = leaders
    wanted = _CLASSES if TASKS[option.task].TRUTH == "class" else SECOND
    more = samples[: _affordable(seconds, _WAYS, (len(kept[0].quality), wanted))]
    ranked = _ranked(list(tries.second(option, [trial.plan for trial in kept], more)))
    for other, theirs in others:
        again = [] if tries.late else list(tries.each(other, [theirs[0].plan], more))
        ranked += again or theirs[:1]
    return concluded(bench, ranked, hints)


def seconds_each(bench: Bench, samples: Sequence[Sample]) -> float:
    """Measure how long one inference takes, image read and resized: the fastest of four, whatever else runs."""
    list(bench.parent.answers(samples[:1]))
    times = []
    for sample in samples[1:5] or samples[:1]:
        started = time.monotonic()
        list(bench.parent.answers([sample]))
        times.append(time.monotonic() - started)
    return max(1e-4, min(times))


def _affordable(seconds: float, ways: int, bounds: tuple[int, int]) -> int:
    """Count the images on which so many ways can be tried in half of the time."""
    return max(bounds[0], min(bounds[1], int(SECONDS / 2 / ways / seconds)))


@dataclass(frozen=True, slots=True)
class _Tries:
    """Trials on one parent, until a point in time (monotonic, s)."""

    bench: Bench
    hints: Hints
    until: float

    @property
    def late(self) -> bool:
        return time.monotonic() > self.until

    def first(self, options: Sequence[Option], samples: Sequence[Sample]) -> list[Trial]:
        """Try every option on every usual feeding; those that never say anything are given up."""
        tried: list[Trial] = []
        alive = list(options)
        for number, plan in enumerate(self._plans()):
            if number == _PATIENCE:
                heard = {id(trial.option) for trial in tried if trial.mean > _SILENT}
                alive = [option for option in alive if id(option) in heard] or alive
            if self.late:
                break
            tried += self._all(alive, plan, samples)
        return tried

    def _plans(self) -> Iterator[Preprocess]:
        """Yield every usual colour, mean and scale, or those that something says."""
        plan, told = self.bench.parent.plan, self.hints.values
        fixed: Any = {key: told[key] for key in ("colour", "mean", "scale") if key in told}
        seen = set()
        for one in (plan, *other_feedings(plan)):
            made = replace(one, **fixed)
            if repr(made) not in seen:
                seen.add(repr(made))
                yield made

    def _all(
        self, options: Iterable[Option], plan: Preprocess, samples: Sequence[Sample]
    ) -> Iterator[Trial]:
        """Try options on one feeding; one with renamed classes where that without does not fit."""
        good: set[str] = set()
        for option in options:
            if "class_ids" in option.reading.changed and option.kind in good:
                continue
            resized = replace(plan, **(self._told_resize() or _RESIZED.get(option.kind, {})))
            for trial in self.each(option, [resized], samples):
                if trial.mean >= CREDIBLE_FIT:
                    good.add(option.kind)
                yield trial
            if self.late:
                return

    def second(
        self, option: Option, plans: Sequence[Preprocess], samples: Sequence[Sample]
    ) -> Iterator[Trial]:
        """Try an option's best feedings on more images, in both colours, and the best in every resize."""
        best, more = plans[0], list(plans)
        if "colour" not in self.hints.values and best.channels > 1:
            same = [p for p in other_feedings(best) if numbers(p) == numbers(best)]
            more[1:1] = [plan for plan in same if plan not in plans]
        tried = list(self.each(option, more, samples))
        yield from tried
        if tried:
            best = max(tried, key=lambda trial: trial.mean).plan
            yield from self.each(option, self._resized(option, best), samples, anyway=0)

    def _resized(self, option: Option, best: Preprocess) -> list[Preprocess]:
        """Give other ways to resize; only classes are judged on a part of the picture."""
        if self._told_resize():
            return []
        cropped = TASKS[option.task].TRUTH == "class"
        found = [one for one in other_resizes(best) if cropped or one.resize != "crop"]
        padded = [one for one in (best, *found) if one.resize in {"letterbox", "fit"}]
        return found + [replace(one, pad=0) for one in padded]

    def _told_resize(self) -> dict[str, Any]:
        """Give the keys of ``preprocess`` that say how to resize, where something tells."""
        told = self.hints.values
        return {
            key: told[key] for key in ("resize", "short_side") if "resize" in told and key in told
        }

    def each(
        self,
        option: Option,
        plans: Iterable[Preprocess],
        samples: Sequence[Sample],
        *,
        anyway: int = 1,
    ) -> Iterator[Trial]:
        """Try one option on feedings, the first ``anyway`` of them however late it is."""
        for number, plan in enumerate(plans):
            if number >= anyway and self.late:
                return
            quality = self.bench.quality(option, plan, samples)
            if quality is not None and np.isfinite(quality).any():
                yield Trial(option, plan, quality)


def _leaders(bench: Bench, tried: Sequence[Trial]) -> list[tuple[Option, list[Trial]]]:
    """Give the best options, each with its best feedings; first of all those of the likeliest task."""
    by_option: dict[int, list[Trial]] = {}
    for trial in tried:
        by_option.setdefault(id(trial.option), []).append(trial)
    ranked = [sorted(of, key=lambda t: -t.mean) for of in by_option.values()]
    ranked.sort(key=lambda of: _standing(bench, of[0]), reverse=True)
    kept: list[list[Trial]] = []
    for of in ranked:
        if not any(_same(of[0], other[0]) for other in kept):
            kept.append(of)
    return [(of[0].option, of[:_ON]) for of in kept[:SHOWN]]


def _standing(bench: Bench, trial: Trial) -> tuple[bool, bool, float]:
    """Rank tasks first: what fits annotations, then what few outputs look like, then what any may."""
    annotated = bench.annotated(trial.option.task)
    credible = trial.mean >= (CREDIBLE_FIT if annotated else CREDIBLE_STEADY)
    rendered = TASKS[trial.option.task].TRUTH == "picture"
    special = trial.option.kind not in OF_ANY_MAP or rendered
    return annotated and credible, special and credible, trial.mean


def _same(one: Trial, other: Trial) -> bool:
    """Whether two options of a kind gave the same answers: the plainer one, which came first, stands for both."""
    return one.option.kind == other.option.kind and bool(
        np.allclose(one.quality, other.quality, equal_nan=True)
    )


def _ranked(tried: Sequence[Trial]) -> list[Trial]:
    """Best first; among those that are as good, what is usual for their decoder."""
    best = max(tried, key=lambda trial: trial.mean, default=None)

    def order(trial: Trial) -> tuple[bool, int, float]:
        assert best is not None
        close = best.mean - trial.mean < LEAST_GAIN
        near = close or errors_better(trial.quality, best.quality) < _AS_GOOD
        return not near, -_usual(trial), -trial.mean

    return sorted(tried, key=order)


def _usual(trial: Trial) -> int:
    """Count the settings that are as usual."""
    known = (one.get(trial.option.kind, {}) for one in (_RESIZED, _FED))
    return sum(getattr(trial.plan, k) == v for keys in known for k, v in keys.items())
