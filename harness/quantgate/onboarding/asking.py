"""Asking on a terminal what nothing has decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quantgate.onboarding.judging import GROUPS, differs, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quantgate.onboarding.entry import Draft
    from quantgate.onboarding.trial import Guess, Trial

_MOST = 4
_SAID = "you said so"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is unsure, and the answers that were tried, the best first.

    Parameters
    ----------
    key
        What is unsure, as the entry's comments call it.
    group
        Keys of ``preprocess`` that an answer sets; empty where it is the decoder.
    """

    key: str
    group: tuple[str, ...]
    choices: tuple[Trial, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands to choice, each with how good it was."""
        return tuple(f"{self._said(one)} ({one.mean:.2f})" for one in self.choices)

    def _said(self, trial: Trial) -> str:
        if not self.group:
            return f"{trial.option.task}, {trial.option.reading.text}"
        return settings(trial.plan, self.group)


def questions(guess: Guess) -> Iterator[Question]:
    """Yield what is unsure and has several answers."""
    if "decoder" in guess.unsure:
        chosen: list[Trial] = []
        for trial in guess.ranked:
            if all(trial.option is not other.option for other in chosen):
                chosen.append(trial)
        yield Question("decoder", (), tuple(chosen[:_MOST]))
    for group in GROUPS:
        if group[0] not in guess.unsure:
            continue
        found: list[Trial] = [guess.best]
        for trial in guess.ranked:
            own = trial.option is guess.best.option
            if own and all(differs(trial.plan, other.plan, group) for other in found):
                found.append(trial)
        if len(found) > 1:
            yield Question(group[0], group, tuple(found[:_MOST]))


def asked(draft: Draft, guess: Guess, choose: Callable[[Question], int | None]) -> Draft:
    """Let somebody choose; what is answered is unsure no more.

    Parameters
    ----------
    choose
        Gives the number of an answer, or None for whoever does not know either.
    """
    for question in questions(guess):
        number = choose(question)
        if number is not None:
            draft = _answered(draft, question, question.choices[number])
    return draft


def _answered(draft: Draft, question: Question, trial: Trial) -> Draft:
    unsure = {key: said for key, said in draft.unsure.items() if key != question.key}
    if not question.group:
        comments = {**draft.comments, "decoder": _SAID}
        other = replace(draft, task=trial.option.task, reading=trial.option.reading)
        return replace(other, plan=trial.plan, unsure=unsure, comments=comments)
    assert draft.plan is not None
    keys = {key: getattr(trial.plan, key) for key in question.group}
    if question.group == ("resize",):
        keys["pad"] = trial.plan.pad
    before = draft.comments.get("preprocess", "")
    comments = {
        **draft.comments,
        "preprocess": "; ".join(filter(None, (before, f"{question.key}: {_SAID}"))),
    }
    return replace(draft, plan=replace(draft.plan, **keys), unsure=unsure, comments=comments)
