"""What of a guess is sure: told by a file, or clearly better than everything else that was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.engine.look.search import errors_better
from quantgate.onboarding.trial import COLOUR, NUMBERS, RESIZE, Guess, numbers
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.entries import Preprocess
    from quantgate.onboarding.hints import Hints
    from quantgate.onboarding.trial import Trial
    from quantgate.onboarding.trials import Bench

#: Standard errors by which a way has to be better than others to be called sure.
CERTAIN = 3.0
#: Differences of mean quality below are none, however often they are seen.
LEAST_GAIN = 0.01
#: Mean quality above which answers are those of a model that is read as it was made to be.
CREDIBLE_FIT, CREDIBLE_STEADY = 0.15, 0.35
#: Guesses that are shown.
SHOWN = 3
GROUPS = (COLOUR, NUMBERS, RESIZE)
#: A verdict on some keys: their name, whether they are sure, and why.
_Said = tuple[str, bool, str]


def concluded(bench: Bench, ranked: Sequence[Trial], hints: Hints) -> Guess | None:
    """Conclude from trials, the best first; None where there are none."""
    if not ranked:
        return None
    best = ranked[0]
    annotated = bench.annotated(best.option.task)
    said = [*_whole(best, annotated=annotated), _decoder(bench, ranked, hints)]
    trusted = annotated and TASKS[best.option.task].TRUTH != "picture"
    said += [_group(group, ranked, hints, trusted=trusted) for group in GROUPS]
    unsure = {name: text for name, sure, text in said if not sure}
    evidence = {name: text for name, sure, text in said if sure}
    return Guess(best, tuple(_distinct(ranked)), unsure, evidence, annotated, tuple(ranked))


def _whole(best: Trial, *, annotated: bool) -> Iterator[_Said]:
    """Distrust everything where answers are poor: what is best of nothing but noise is no evidence."""
    least = CREDIBLE_FIT if annotated else CREDIBLE_STEADY
    if best.mean < least:
        what = "fit the annotations" if annotated else "follow the pictures"
        yield "all", False, f"the answers hardly {what} ({best.mean:.2f} of 1)"


def _decoder(bench: Bench, ranked: Sequence[Trial], hints: Hints) -> _Said:
    """Say what speaks for the decoder, or that another one reads the outputs as well."""
    best = ranked[0]
    rivals = [trial for trial in ranked if trial.option is not best.option]
    if not rivals:
        return "decoder", True, "no other keeps its promises on these outputs"
    annotated = bench.annotated(best.option.task)
    if annotated and best.mean >= CREDIBLE_FIT:
        serving = [trial for trial in rivals if bench.annotated(trial.option.task)]
        if not serving:
            return "decoder", True, f"{best.mean:.2f}; no other serves the annotations"
        rivals = serving
    rival = max(rivals, key=lambda trial: trial.mean)
    text = f"{best.mean:.2f} so, {rival.mean:.2f} with {rival.option.reading.text}"
    told = hints.values.get("task") == best.option.task != rival.option.task
    return "decoder", told or _clear(rival, best), text


def _clear(rival: Trial, best: Trial) -> bool:
    """Whether a trial is better beyond doubt, image by image."""
    count = min(len(rival.quality), len(best.quality))
    better = errors_better(rival.quality[:count], best.quality[:count]) >= CERTAIN
    return better and best.mean - rival.mean >= LEAST_GAIN


def _group(
    group: tuple[str, ...], ranked: Sequence[Trial], hints: Hints, *, trusted: bool
) -> _Said:
    """Say what speaks for the settings of one group, or that nothing decides them.

    Only a fit to annotations is ``trusted``: a network may be steadier fed wrongly, and of one that makes
    pictures red and blue may be exchanged at both ends.
    """
    best, name = ranked[0], group[0]
    if best.plan.channels == 1 and group == COLOUR:
        return name, True, "the input has one channel"
    told = hints.evidence(*group)
    if told:
        return name, True, told
    rivals = [t for t in ranked if t.option is best.option and differs(t.plan, best.plan, group)]
    rivals = [trial for trial in rivals if len(trial.quality) == len(best.quality)]
    if not rivals:
        return name, False, "nothing else was tried in the time"
    nearest = min(rivals, key=lambda t: (_clear(t, best), errors_better(t.quality, best.quality)))
    other = settings(nearest.plan, group)
    sure = trusted and _clear(nearest, best)
    return name, sure, f"{best.mean:.2f} so, {nearest.mean:.2f} with {other}"


def differs(plan: Preprocess, other: Preprocess, group: tuple[str, ...]) -> bool:
    """Whether two plans differ in a group of keys; mean and scale whatever the order of channels."""
    if group == NUMBERS:
        return numbers(plan) != numbers(other)
    return any(getattr(plan, key) != getattr(other, key) for key in group)


def settings(plan: Preprocess, group: tuple[str, ...]) -> str:
    """Write a group of keys for people: ``mean 0 scale 255``."""
    return " ".join(f"{key} {_short(getattr(plan, key))}" for key in group)


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(f"{number:.4g}" for number in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _distinct(ranked: Sequence[Trial]) -> list[Trial]:
    """Give the next best ways that differ in more than what pads the picture."""
    found = [ranked[0]]
    for trial in ranked:
        if all(_looks(trial) != _looks(other) for other in found):
            found.append(trial)
    return found[1:SHOWN]


def _looks(trial: Trial) -> tuple[object, ...]:
    plan = trial.plan
    return id(trial.option), plan.colour, numbers(plan), plan.resize
