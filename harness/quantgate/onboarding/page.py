"""The page of one guess: a few images as the parent sees them, for the best ways to feed and read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.onboarding.entry import Draft, entry_text, keys_of
from quantgate.pipeline.looking import answered
from quantgate.report.files import write_atomic
from quantgate.report.html.page import render
from quantgate.report.html.pictures import data_uri
from quantgate.report.overlays.answers import answer_picture
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.onboarding.guess import Found, Shown
    from quantgate.onboarding.init import Result

_WEBP = "image/webp"


@dataclass(frozen=True, slots=True)
class _View:
    """One guess: its lines of models.toml, how good it was, and pictures with what they show."""

    title: str
    lines: tuple[str, ...]
    quality: str
    pictures: tuple[tuple[str, str], ...]


def write_page(result: Result, target: Path, labels: tuple[str, ...]) -> bool:
    """Write the page of a guess; False where there is none, because the source knows its model.

    Raises
    ------
    ReportError
        Where it cannot be written.
    """
    found, draft = result.found, result.draft
    if found is None or not found.shown:
        return False
    html = render(
        "init.html.j2",
        model=draft.subject.name,
        interface=found.interface,
        entry=entry_text(draft, target.parent.parent.parent),
        unsure=tuple(draft.unsure.items()),
        views=[_view(place, shown, draft, labels) for place, shown in enumerate(found.shown)],
        what=_what(found),
    )
    write_atomic(target, html.encode())
    return True


def _what(found: Found) -> str:
    assert found.guess is not None
    if found.guess.annotated:
        return "how well the answers fit the annotations, 0 to 1"
    return (
        "how steady the answers are in parts and mirror images of a picture, and how sure, 0 to 1"
    )


def _view(place: int, shown: Shown, draft: Draft, labels: tuple[str, ...]) -> _View:
    trial = shown.trial
    own = Draft(
        draft.subject,
        draft.dataset,
        draft.name,
        1,
        trial.option.task,
        trial.option.reading,
        trial.plan,
    )
    lines = tuple(
        f"{k} = {v}" for k, v in keys_of(own, None) if k in {"task", "decoder", "preprocess"}
    )
    seen = [answered(name, image, one, labels) for name, image, one in shown.seen]
    title = "Best guess" if place == 0 else f"Guess {place + 1}"
    said = TASKS[trial.option.task].TRUTH or "outputs"
    pictures = tuple(
        (
            data_uri(answer_picture(one), _WEBP),
            f"{one.name} as the model takes it, with the {said} that it gives",
        )
        for one in seen
    )
    return _View(title, lines, f"{trial.mean:.2f} on {len(trial.quality)} images", pictures)
