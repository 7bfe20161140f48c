"""Sentences about single objects: in pictures, tables and tooltips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.words.numbers import MISSING, cell, minus
from quantgate.report.words.titles import CHANGE_TITLES

if TYPE_CHECKING:
    from quantgate.report.picture import ObjectChange, Seen


def change_sentence(change: ObjectChange) -> str:
    """Say what happened to one object: ``car 0.72 lost``, ``car 0.72 → truck 0.61``."""
    parent, optimized = change.parent, change.optimized
    crossed = ", score crossed the threshold" if change.crossed else ""
    if parent is None or optimized is None:
        only = parent or optimized
        return f"{seen_text(only) if only else 'nothing'} {CHANGE_TITLES[change.change]}"
    iou = "" if change.iou is None else f", {change.measure} {change.iou:.2f}"
    if change.change == "relabelled":
        return f"{seen_text(parent)} → {seen_text(optimized)}{iou}{crossed}"
    scores = f"{parent.label} {parent.score:.2f} → {optimized.score:.2f}"
    return f"{scores}, {CHANGE_TITLES[change.change]}{iou}{crossed}"


def change_cells(change: ObjectChange) -> tuple[str, ...]:
    """Word one object as table cells: change, both roles' class and score, IoU or OKS."""
    sides = [
        (MISSING, MISSING) if seen is None else (seen.label, cell(seen.score, "score"))
        for seen in (change.parent, change.optimized)
    ]
    crossed = " (score crossed)" if change.crossed else ""
    iou = MISSING if change.iou is None else f"{change.iou:.2f}"
    return (CHANGE_TITLES[change.change] + crossed, *sides[0], *sides[1], iou)


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
