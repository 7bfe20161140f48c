"""Every sentence that people read: on the terminal, in Allure, on the page and in summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.verdict import Outcome
from harness.report.numbers import (
    MISSING,
    cell,
    counted,
    decimals_between,
    form_of,
    minus,
    plain,
    signed,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.estimate import Estimate
    from harness.core.verdict import Limit, Verdict
    from harness.report.model import (
        Judged,
        KnownFailure,
        Metric,
        ObjectChange,
        Problem,
        RunReport,
        Seen,
        Speedup,
    )

ROLE_TITLES = {"parent": "Parent", "optimized": "Optimized"}
#: The words of a gate's end, the worst first.
OUTCOME_WORDS = ("failed", "broken", "undecided", "known", "skipped", "passed")
CHANGE_TITLES = {
    "kept": "kept",
    "moved": "moved",
    "relabelled": "relabelled",
    "lost": "lost",
    "gained": "gained",
}
LIMIT_TITLES = {
    "max_accuracy_drop": "Accuracy drop",
    "max_error_increase": "Error increase",
    "max_class_drop": "Worst class drop",
    "min_agreement": "Agreement",
    "min_match_rate": "Match rate",
    "min_class_precision": "Worst class precision",
    "max_tensor_distance": "Tensor distance",
    "min_sqnr_db": "SQNR",
    "min_psnr_db": "PSNR",
    "min_speedup": "Speedup (parent in f32)",
    "min_native_speedup": "Speedup (parent as deployed)",
    "max_latency_ratio": "Latency ratio",
    "max_size_ratio": "Size ratio",
    "max_memory_ratio": "Memory ratio",
    "min_int8_share": "Work in INT8",
    "max_reorder_share": "Reorders and conversions",
}
QUANTITIES = {
    "min_agreement": "agreement",
    "min_sqnr_db": "signal to quantization noise",
    "min_psnr_db": "peak signal to noise",
    "min_speedup": "speedup",
    "min_native_speedup": "native speedup",
    "max_class_drop": "accuracy drop of the worst class",
    "min_class_precision": "precision of the worst class",
    "min_int8_share": "work executed in INT8",
    "max_reorder_share": "time in reorders and conversions",
}
ARM_TITLES = {
    "optimized": "Optimized",
    "parent_f32": "Parent in f32",
    "parent_default": "Parent as the device runs it",
}
_INDENT = " " * 12
_NO_LOSS = "_drop"
#: Below this a metric says that the model sees nothing.
_NOTHING_LEFT = 0.02


def limit_title(key: str) -> str:
    """Name what a limit judges: ``min_match_rate`` → ``Match rate``."""
    return LIMIT_TITLES.get(key, key.removeprefix("min_").removeprefix("max_").replace("_", " "))


def task_title(task: str) -> str:
    """Name a task: ``instance_segmentation`` → ``instance segmentation``."""
    return task.replace("_", " ")


def quantity_name(key: str) -> str:
    """Name what a limit judges inside a sentence: ``min_match_rate`` → ``match rate``."""
    return QUANTITIES.get(key, key.removeprefix("min_").removeprefix("max_").replace("_", " "))


def value_text(verdict: Verdict) -> str:
    """Write the measured value alone: ``0.912``, ``1.33×``; a dash where nothing was measured."""
    return "–" if verdict.estimate is None else _written(verdict.estimate.value, verdict)


def interval_text(verdict: Verdict) -> str:
    """Write the interval alone, ``[0.894, 0.931]``; empty for an exact value."""
    estimate = verdict.estimate
    if estimate is None or estimate.low == estimate.high:
        return ""
    low, high = (_written(end, verdict) for end in (estimate.low, estimate.high))
    return f"[{low.removesuffix('×')}, {high.removesuffix('×')}]"


def limit_text(limit: Limit) -> str:
    """Write the limit as a relation: ``≥ 0.95`` or ``≤ 0.01``."""
    return f"{'≥' if limit.relation == 'min' else '≤'} {plain(limit.threshold)}"


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
    """Say what the value rests on, ``over 200 images``; a single unit goes without saying."""
    return f"over {counted(estimate.n, estimate.of)}" if estimate.n > 1 else ""


def verdict_line(judged: Judged) -> str:
    """Write one verdict for terminal, assertion message and Allure: one line, or two with details.

    The first line says outcome, model, quantity, value, interval, n, relation, limit and margin; the
    second what changed, the worst image and the command that repeats exactly this test.
    """
    first = f"{headword(judged)}  {judged.verdict.model}: {verdict_sentence(judged)}"
    second = "  ".join(part for part in (_details(judged), _repeat(judged)) if part)
    if judged.verdict.outcome is Outcome.PASSED or not second:
        return first
    return f"{first}\n{_INDENT}{second}"


def headword(judged: Judged) -> str:
    """Choose PASSED, FAILED, UNDECIDED, or KNOWN for a failure that models.toml expects."""
    if judged.known is not None and judged.verdict.outcome is Outcome.FAILED:
        return "KNOWN"
    return judged.verdict.outcome.name


def verdict_sentence(judged: Judged) -> str:
    """Say everything a verdict says, without the outcome and the model."""
    verdict = judged.verdict
    measured = " ".join(filter(None, (verdict.quantity, _measurement(verdict))))
    parts = [f"{measured}{_judgement(verdict)}", _known(judged.known)]
    if verdict.outcome is Outcome.UNDECIDED:
        parts += [verdict.reason, judged.remedy]
    elif verdict.outcome is Outcome.FAILED:
        parts += [verdict.reason]
    return _sentences([*parts, resolution_note(verdict)])


def moved_sentence(
    gate: tuple[str, str], movement: str, before: Judged | None, after: Judged | None
) -> str:
    """Say how one gate moved between two runs: ``REGRESSED  ssd: match rate 0.97 → 0.91``."""
    sides = [
        "not judged" if item is None else f"{headword(item)} {_short(item.verdict)}"
        for item in (before, after)
    ]
    return f"{movement.upper()}  {gate[0]}: {quantity_name(gate[1])}: {sides[0]} → {sides[1]}"


def _short(verdict: Verdict) -> str:
    return " ".join(filter(None, (value_text(verdict), interval_text(verdict))))


def resolution_note(verdict: Verdict) -> str:
    """Say when the set is too small to resolve the limit, with what it could show; else empty."""
    estimate, limit = verdict.estimate, verdict.limit
    if estimate is None or estimate.of != "images" or not limit.key.endswith(_RESOLVED):
        return ""
    smallest = (estimate.high - estimate.low) / 2
    room = limit.threshold if limit.relation == "max" else 1.0 - limit.threshold
    if smallest <= room or room <= 0 or _beyond_doubt(verdict, estimate):
        return ""
    return (
        f"{counted(estimate.n, estimate.of)} cannot resolve a difference of {plain(room)}: "
        f"the smallest they could show is about {_written(smallest, verdict)}"
    )


def change_sentence(change: ObjectChange) -> str:
    """Say what happened to one object: ``car 0.72 lost``, ``car 0.72 → truck 0.61``."""
    parent, optimized = change.parent, change.optimized
    crossed = ", score crossed the threshold" if change.crossed else ""
    if parent is None or optimized is None:
        only = parent or optimized
        return f"{seen_text(only) if only else 'nothing'} {CHANGE_TITLES[change.change]}"
    iou = "" if change.iou is None else f", IoU {change.iou:.2f}"
    if change.change == "relabelled":
        return f"{seen_text(parent)} → {seen_text(optimized)}{iou}{crossed}"
    scores = f"{parent.label} {parent.score:.2f} → {optimized.score:.2f}"
    return f"{scores}, {CHANGE_TITLES[change.change]}{iou}{crossed}"


def change_cells(change: ObjectChange) -> tuple[str, ...]:
    """Word one object as table cells: change, both roles' class and score, IoU."""
    sides = [
        (MISSING, MISSING) if seen is None else (seen.label, cell(seen.score, "score"))
        for seen in (change.parent, change.optimized)
    ]
    crossed = " (score crossed)" if change.crossed else ""
    iou = MISSING if change.iou is None else f"{change.iou:.2f}"
    return (CHANGE_TITLES[change.change] + crossed, *sides[0], *sides[1], iou)


def metric_note(metric: Metric) -> str:
    """Say where a loss arose, or that the parent itself is broken; empty where nothing stands out."""
    source, parent = metric.source, metric.parent
    if parent is None:
        return ""
    if parent < _NOTHING_LEFT and (source is None or source > 10 * _NOTHING_LEFT):
        return (
            f"{metric.title} of the parent is near zero: suspect preprocess (colour order, mean, "
            "scale) or the labels, not quantization"
        )
    if source is None or metric.optimized is None:
        return ""
    conversion, quantization = source - parent, parent - metric.optimized
    if conversion > max(0.01, quantization):
        return (
            f"{metric.title}: {written(conversion, 'fraction')} was lost between source and parent, "
            f"in conversion or preprocessing; quantization changed it by {signed(-quantization, 'fraction')}"
        )
    return ""


def speedup_sentence(speedup: Speedup) -> str:
    """Say a measured speedup: ``1.33× [1.30, 1.36] over 24 rounds, limit ≥ 1.2``."""
    estimate = speedup.estimate
    low, high = (written(end, "factor") for end in (estimate.low, estimate.high))
    text = (
        f"{written(estimate.value, 'factor')} [{low.removesuffix('×')}, {high.removesuffix('×')}]"
    )
    basis = basis_text(estimate)
    limit = "" if speedup.limit is None else f", limit ≥ {plain(speedup.limit)}"
    return f"{text} {basis}".strip() + limit


def change_label(change: ObjectChange) -> str:
    """Label a changed object in a picture: ``LOST car 0.72``, ``car 0.72 → truck 0.61``."""
    if change.change == "relabelled" and change.parent is not None and change.optimized is not None:
        return f"{seen_text(change.parent)} → {seen_text(change.optimized)}"
    seen = change.optimized or change.parent
    title = CHANGE_TITLES[change.change].upper()
    return title if seen is None else f"{title} {seen_text(seen)}"


def seen_text(seen: Seen) -> str:
    """Name one object: its class and score, ``car 0.72``."""
    return f"{seen.label} {minus(f'{seen.score:.2f}')}"


def counts_sentence(counts: dict[str, int]) -> str:
    """``5 lost, 1 gained``: every change that happened, in a fixed order; "no change" else."""
    order = ("lost", "gained", "relabelled", "moved")
    said = [f"{counts[name]:,} {CHANGE_TITLES[name]}" for name in order if counts.get(name)]
    return ", ".join(said) if said else "no change"


def duration_text(seconds: float) -> str:
    """Say how long something took: ``0.4 s``, ``3 min 20 s``, ``1 h 5 min``."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def outcome_counts(judged: Sequence[Judged], problems: Sequence[Problem]) -> dict[str, int]:
    """Count gates by their word, the worst first; words that no gate has are left out."""
    words = [headword(item).lower() for item in judged] + [problem.status for problem in problems]
    return {word: words.count(word) for word in OUTCOME_WORDS if word in words}


def movement_counts(movements: Sequence[str]) -> str:
    """Sum up how gates moved: ``1 regressed, 2 better, 9 the same``."""
    order = ("regressed", "worse", "gone", "new", "repaired", "better", "same")
    counts = [(movements.count(name), "the same" if name == "same" else name) for name in order]
    return ", ".join(f"{count:,} {name}" for count, name in counts if count) or "nothing to compare"


def outcome_summary(judged: Sequence[Judged], problems: Sequence[Problem] = ()) -> str:
    """Sum up the run in one phrase: ``2 failed, 1 undecided, 14 passed``."""
    counts = outcome_counts(judged, problems)
    said = [f"{count:,} {word}" for word, count in counts.items()]
    return ", ".join(said) if said else "nothing was judged"


def run_summary(report: RunReport) -> str:
    """Sum up a whole run: outcomes, models and how long it took."""
    outcome = outcome_summary(report.judged, report.problems)
    return (
        f"{outcome} ({counted(len(report.models), 'models')}, {duration_text(report.duration_s)})"
    )


def summary_rows(judged: Sequence[Judged], problems: Sequence[Problem]) -> list[tuple[str, ...]]:
    """Make the table that closes a run, the heading first: one row a gate."""
    rows: list[tuple[str, ...]] = [("outcome", "model", "limit", "value", "interval", "margin")]
    for item in judged:
        verdict = item.verdict
        limit = f"{verdict.limit.key} {plain(verdict.limit.threshold)}"
        values = (value_text(verdict), interval_text(verdict), margin_text(verdict))
        rows.append((headword(item), verdict.model, limit, *values))
    rows += [(p.status.upper(), p.model, p.gate, "", "", "") for p in problems]
    return rows


def _beyond_doubt(verdict: Verdict, estimate: Estimate) -> bool:
    missed = verdict.outcome is Outcome.FAILED
    return missed and not estimate.low <= verdict.limit.threshold <= estimate.high


_RESOLVED = (_NO_LOSS, "match_rate", "agreement")


def _written(value: float, verdict: Verdict) -> str:
    unit = "" if verdict.estimate is None else verdict.estimate.unit
    form = form_of(verdict.limit.key, unit)
    decimals = None
    if verdict.estimate is not None:
        decimals = decimals_between(verdict.estimate.value, verdict.limit.threshold, form)
    return written(value, form, decimals)


def _measurement(verdict: Verdict) -> str:
    if verdict.estimate is None:
        return "was not measured"
    parts = (value_text(verdict), interval_text(verdict), basis_text(verdict.estimate))
    return " ".join(filter(None, parts))


def _judgement(verdict: Verdict) -> str:
    limit = f"{verdict.limit.key} {plain(verdict.limit.threshold)}"
    margin = verdict.margin
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
    estimate = verdict.estimate
    signed = verdict.limit.key.endswith((_NO_LOSS, "error_increase"))
    return estimate is not None and signed and estimate.value < 0


def _known(known: KnownFailure | None) -> str:
    if known is None:
        return ""
    return f"known until {known.expires}, not worse than {plain(known.floor)}: {known.reason}"


def _details(judged: Judged) -> str:
    detail = judged.detail.rstrip(". ")
    return f"{detail}." if detail else ""


def _repeat(judged: Judged) -> str:
    return f"Repeat: {judged.repeat}" if judged.repeat else ""


def _sentences(parts: list[str]) -> str:
    said = [part.strip().rstrip(".") for part in parts if part.strip()]
    opened = [said[0], *(part[0].upper() + part[1:] for part in said[1:])]
    return ". ".join(opened) + ("." if len(opened) > 1 else "")
