"""The sentences of a verdict: on the terminal, in Allure, on the page and in summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.limits import form_of, kind_of, quantity_name
from quantgate.core.verdict import Outcome
from quantgate.escaping import one_line
from quantgate.redaction import redacted
from quantgate.report.words.numbers import (
    counted,
    decimals_between,
    interval,
    plain,
    signed,
    written,
)

if TYPE_CHECKING:
    from quantgate.core.estimate import Estimate
    from quantgate.core.verdict import Limit, Verdict
    from quantgate.report.model import Judged, KnownFailure, Problem
    from quantgate.report.performance import Speedup

_INDENT = " " * 12


def state_word(state: Judged | Problem) -> str:
    """Name a gate's final state, one of OUTCOME_WORDS."""
    from quantgate.report.model import Judged

    return headword(state).lower() if isinstance(state, Judged) else state.status


def value_text(verdict: Verdict) -> str:
    """Write the measured value alone: ``0.912``, ``1.33×``; a dash where nothing was measured."""
    return "–" if verdict.estimate is None else _written(verdict.estimate.value, verdict)


def interval_text(verdict: Verdict) -> str:
    """Write the interval alone, ``[0.894, 0.931]``, in the value's unit; empty for an exact value."""
    estimate = verdict.estimate
    if estimate is None or estimate.low == estimate.high:
        return ""
    unit = value_text(verdict).partition(" ")[2]
    ends = interval(*(_written(end, verdict) for end in (estimate.low, estimate.high)))
    return ends.removesuffix(f" {unit}")


def spread_text(verdict: Verdict) -> str:
    """Write the interval, or why there is none: ``exact``, or no spread among the images."""
    estimate = verdict.estimate
    if estimate is None:
        return ""
    sampled = (estimate.sampled or estimate.of == "rounds") and estimate.n > 1
    return interval_text(verdict) or ("no spread" if sampled else "exact")


def limit_text(limit: Limit) -> str:
    """Write the limit as a relation: ``≥ 0.95`` or ``≤ 0.01``."""
    if limit.threshold is None:
        return "no limit here"
    return f"{'≥' if limit.relation == 'min' else '≤'} {plain(limit.threshold)}"


def limit_name(limit: Limit) -> str:
    """Write key and value of the limit as models.toml has them: ``min_match_rate 0.95``."""
    return f"{limit.key} {'(no limit here)' if limit.threshold is None else plain(limit.threshold)}"


def margin_text(verdict: Verdict) -> str:
    """Say how far from the limit: ``0.038 below``, ``0.12× to spare``."""
    margin = verdict.margin
    if margin is None:
        return ""
    if margin >= 0:
        return f"{_written(margin, verdict)} to spare"
    side = "below" if verdict.limit.relation == "min" else "above"
    return f"{_written(-margin, verdict)} {side}"


def basis_text(estimate: Estimate) -> str:
    """Write the sample size, ``over 200 images``; empty for a single unit."""
    return f"over {counted(estimate.n, estimate.of)}" if estimate.n > 1 else ""


def verdict_line(judged: Judged) -> str:
    """Write one verdict for terminal, assertion message and Allure: one line, or three with details.

    The first line says outcome, model, quantity, value, interval, n, relation, limit and margin; the
    second what changed and the worst image; the third the command that repeats exactly this test.
    """
    first = f"{headword(judged)}  {judged.verdict.model}: {verdict_sentence(judged)}"
    if headword(judged) == Outcome.PASSED.name:
        return redacted(one_line(first))
    told = filter(None, (first, _details(judged), _repeat(judged)))
    return f"\n{_INDENT}".join(redacted(one_line(line)) for line in told)


def headword(judged: Judged) -> str:
    """Choose PASSED, FAILED, UNDECIDED, or KNOWN for a failure that models.toml expects.

    A limit that is met although models.toml expects a miss is FAILED: the run fails for it.
    """
    if judged.unexpected:
        return Outcome.FAILED.name
    if judged.known is not None and judged.verdict.outcome is Outcome.FAILED:
        return "KNOWN"
    return judged.verdict.outcome.name


def verdict_sentence(judged: Judged) -> str:
    """Say everything a verdict says, without the outcome and the model."""
    verdict = judged.verdict
    measured = " ".join(filter(None, (verdict.quantity, _measurement(verdict))))
    parts = [f"{measured}{_judgement(verdict)}", _known(judged.known), draws_sentence(judged)]
    if verdict.outcome is Outcome.UNDECIDED:
        parts += [verdict.reason, judged.remedy]
    elif verdict.outcome is Outcome.FAILED:
        parts += [verdict.reason]
    note = resolution_note(verdict) or straddle_note(verdict)
    return sentences([*parts, judged.unexpected, note])


def draws_text(judged: Judged) -> str:
    """List the values of all calibrations, ``0.912 (seed 0), 0.931 (seed 1)``; empty for a single one."""
    values = judged.draws.items()
    return ", ".join(f"{_written(value, judged.verdict)} (seed {seed})" for seed, value in values)


def draws_sentence(judged: Judged) -> str:
    """Say that the worst of several calibrations was judged, and where luck with one draw decides."""
    if not judged.draws:
        return ""
    if len({_written(value, judged.verdict) for value in judged.draws.values()}) == 1:
        return f"The same in all {len(judged.draws)} calibrations"
    said = f"The worst of {len(judged.draws)} calibrations: {draws_text(judged)}"
    limit, sign = judged.verdict.limit, 1 if judged.verdict.limit.relation == "min" else -1
    if limit.threshold is None or judged.verdict.outcome is not Outcome.FAILED:
        return said
    good = sum(sign * value >= sign * limit.threshold for value in judged.draws.values())
    if not good:
        return said
    return (
        f"{said}. Which images are drawn decides, {good} of {len(judged.draws)} are within the limit: a larger "
        "calibrate.subset, or calibrate.augment, narrows the spread"
    )


def moved_sentence(
    gate: tuple[str, str], movement: str, before: Judged | None, after: Judged | None
) -> str:
    """Say how one gate moved between two runs: ``REGRESSED  ssd: match rate 0.97 → 0.91``."""
    sides = [
        "not judged" if item is None else f"{headword(item)} {_short(item.verdict)}"
        for item in (before, after)
    ]
    if before and after and movement != "same" and sides[0] == sides[1]:
        # Exact values that move by less than is written: otherwise 0.40× would be worse than 0.40×.
        sides = [
            f"{side} ({_exactly(item)})" for side, item in zip(sides, (before, after), strict=True)
        ]
    return f"{movement.upper()}  {gate[0]}: {quantity_name(gate[1])}: {sides[0]} → {sides[1]}"


def difference_text(after: Judged | None, difference: Estimate | None) -> str:
    """Write a paired difference, ``; difference +0.045 [−0.002, 0.095] on 89 shared images``."""
    if after is None or difference is None:
        return ""
    form = form_of(after.verdict.limit.key, difference.unit)
    value, shared = signed(difference.value, form), counted(difference.n, "shared images")
    ends = interval(*(written(end, form) for end in (difference.low, difference.high)))
    ends = ends.removesuffix(f" {value.partition(' ')[2]}")
    return f"; difference {value} {ends} on {shared}"


def unpaired_text(movement: str, reason: str) -> str:
    """Say why a gate moved without a paired difference, ``; by its interval alone: not made of images``."""
    return (
        f"; by its interval alone: {reason}" if reason and movement in {"better", "worse"} else ""
    )


def _exactly(judged: Judged) -> str:
    estimate = judged.verdict.estimate
    return "–" if estimate is None else f"{estimate.value:.6g}"


def _short(verdict: Verdict) -> str:
    return " ".join(filter(None, (value_text(verdict), interval_text(verdict))))


def resolution_note(verdict: Verdict) -> str:
    """Say when the set is too small to resolve the limit, with what it could show; else empty."""
    estimate, limit = verdict.estimate, verdict.limit
    threshold = limit.threshold
    if estimate is None or threshold is None or not estimate.sampled:
        return ""
    smallest = (estimate.high - estimate.low) / 2
    room = threshold if limit.relation == "max" else 1.0 - threshold
    beyond_doubt = (
        verdict.outcome is Outcome.FAILED and not estimate.low <= threshold <= estimate.high
    )
    kind = kind_of(limit.key)
    if kind is None or not kind.resolved or smallest <= room or room <= 0 or beyond_doubt:
        return ""
    return (
        f"{counted(estimate.n, estimate.of)} cannot resolve a difference of {plain(room)}: "
        f"the smallest they could show is about {_written(smallest, verdict)}"
    )


def straddle_note(verdict: Verdict) -> str:
    """Say where the interval holds the limit although the value alone decided; else empty."""
    estimate, threshold = verdict.estimate, verdict.limit.threshold
    decided = verdict.outcome in {Outcome.PASSED, Outcome.FAILED}
    if estimate is None or threshold is None or not decided or not estimate.sampled:
        return ""
    if not estimate.low < threshold < estimate.high:
        return ""
    other = "missed" if verdict.outcome is Outcome.PASSED else "met"
    return (
        f"The value decides, and the interval holds the limit: other images like these could have {other} "
        'it (judge = "interval" would leave this undecided)'
    )


def speedup_sentence(speedup: Speedup) -> str:
    """Say a measured speedup: ``1.33× [1.30, 1.36] over 24 rounds, limit ≥ 1.2``."""
    estimate = speedup.estimate
    ends = interval(*(written(end, "factor") for end in (estimate.low, estimate.high)))
    text = f"{written(estimate.value, 'factor')} {ends}"
    basis = basis_text(estimate)
    limit = "" if speedup.limit is None else f", limit ≥ {plain(speedup.limit)}"
    return f"{text} {basis}".strip() + limit


def duration_text(seconds: float) -> str:
    """Say how long something took: ``0.4 s``, ``3 min 20 s``, ``1 h 5 min``."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _written(value: float, verdict: Verdict) -> str:
    unit = "" if verdict.estimate is None else verdict.estimate.unit
    form = form_of(verdict.limit.key, unit)
    decimals, threshold = None, verdict.limit.threshold
    if verdict.estimate is not None and threshold is not None:
        decimals = decimals_between(verdict.estimate.value, threshold, form)
    return written(value, form, decimals)


def _measurement(verdict: Verdict) -> str:
    if verdict.estimate is None:
        return "was not measured"
    parts = (value_text(verdict), interval_text(verdict), basis_text(verdict.estimate))
    return " ".join(filter(None, parts))


def _judgement(verdict: Verdict) -> str:
    if verdict.limit.threshold is None:
        return ""  # the reason says which limits there are
    limit, margin = limit_name(verdict.limit), verdict.margin
    if verdict.outcome is Outcome.UNDECIDED or margin is None:
        return f", against {limit}"
    if verdict.outcome is Outcome.FAILED and margin < 0:
        side = "below" if verdict.limit.relation == "min" else "above"
        return f", {side} {limit} (by {_written(-margin, verdict)})"
    if verdict.outcome is Outcome.FAILED:
        return f", against {limit}"
    gained = " an improvement;" if _improved(verdict) else ""
    spare = f" ({margin_text(verdict)})" if margin >= 0 else ""
    return f",{gained} within {limit}{spare}"


def _improved(verdict: Verdict) -> bool:
    """Whether the number, as it is written, is a loss below nothing."""
    estimate, kind = verdict.estimate, kind_of(verdict.limit.key)
    return (
        estimate is not None
        and kind is not None
        and kind.of_loss
        and _written(estimate.value, verdict).startswith("−")
    )


def _known(known: KnownFailure | None) -> str:
    if known is None:
        return ""
    return f"known until {known.expires}, not worse than {plain(known.floor)}: {known.reason}"


def _details(judged: Judged) -> str:
    """What changed, and what to try; of an undecided verdict the first line tells that already."""
    tries = judged.remedy if judged.verdict.outcome is Outcome.FAILED else ""
    told = "; ".join(text.rstrip(". ") for text in (judged.detail, tries) if text)
    return f"{told}." if told else ""


def _repeat(judged: Judged) -> str:
    return f"Repeat: {judged.repeat}" if judged.repeat else ""


def _opened(sentence: str) -> str:
    """Begin with a capital, unless the first word is a path or a key of models.toml."""
    word = sentence.split(maxsplit=1)[0].rstrip(",;:")
    return sentence[0].upper() + sentence[1:] if word.isalpha() else sentence


def sentences(parts: list[str]) -> str:
    """Join parts as sentences: a capital after each full stop, empty parts left out."""
    said = [part.strip().rstrip(".") for part in parts if part.strip()]
    if not said:
        return ""
    opened = [said[0], *map(_opened, said[1:])]
    return ". ".join(opened) + ("." if len(opened) > 1 else "")
