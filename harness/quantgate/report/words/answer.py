"""One answer a model: what failed, why, the worst images, what to try, and the command to repeat it.

The same answer is read in the terminal, on the page, in Allure, in a pipeline's summary and in the comment on
a change: whoever has seen one knows the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.escaping import one_line
from quantgate.redaction import redacted
from quantgate.report.words.explained import verdict_text
from quantgate.report.words.verdicts import headword, sentences, verdict_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quantgate.report.model import Judged, ModelReport, Problem, RunReport
    from quantgate.report.picture import Picture

#: Words of verdicts that ask for an answer.
_TOLD = ("FAILED", "UNDECIDED", "KNOWN")
_IMAGES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person has to know of one model that did not simply pass.

    Parameters
    ----------
    verdicts
        ``(word, sentence)`` of limits that were not simply met and of gates that broke, worst first.
    cause
        Where the loss arises, if it was explained, and what changed; each sentence once.
    worst
        The worst changed images, as far as a failed limit is about images.
    tries
        What to do about it, each remedy once.
    repeat
        The command that repeats the gates of this model.
    """

    model: str
    word: str
    verdicts: tuple[tuple[str, str], ...]
    cause: tuple[str, ...]
    worst: tuple[Picture, ...]
    tries: tuple[str, ...]
    repeat: str


def answers(report: RunReport) -> tuple[Answer, ...]:
    """Answer for every model that did not simply pass, failed ones first, then as in the manifest."""
    return answers_of(report.models, report.judged, report.problems)


def answers_of(
    reports: Iterable[ModelReport], judged: Iterable[Judged], problems: Iterable[Problem]
) -> tuple[Answer, ...]:
    """Answer as :func:`answers` does, also where no report could be made."""
    models, judged, problems = {model.id: model for model in reports}, [*judged], [*problems]
    names = dict.fromkeys(
        (*models, *(item.verdict.model for item in judged), *(p.model for p in problems))
    )
    made = (answer_of(name, models.get(name), judged, problems) for name in names)
    order = ("failed", "broken", "undecided", "known")
    return tuple(sorted(filter(None, made), key=lambda answer: order.index(answer.word)))


def answer_of(
    name: str, model: ModelReport | None, judged: Iterable[Judged], problems: Iterable[Problem]
) -> Answer | None:
    """Answer for one model; None where everything passed or was skipped."""
    told = [item for item in judged if item.verdict.model == name and headword(item) in _TOLD]
    told.sort(key=lambda item: _TOLD.index(headword(item)))
    faults = [p for p in problems if p.model == name and p.status in {"failed", "broken"}]
    if not told and not faults:
        return None
    verdicts = [(headword(item).lower(), _line(verdict_sentence(item))) for item in told]
    verdicts += [(status, _line(f"{gates}: {said}")) for status, gates, said in _joined(faults)]
    words = {word for word, _ in verdicts}
    return Answer(
        model=name,
        word=next(w for w in ("failed", "broken", "undecided", "known") if w in words),
        verdicts=tuple(verdicts),
        cause=_cause(model, told),
        worst=_worst(model, told),
        tries=_once(_line(item.remedy) for item in told if headword(item) == "FAILED"),
        repeat=_repeat(name, told),
    )


def answer_lines(answer: Answer) -> list[str]:
    """Write an answer for a terminal, a line a fact."""
    lines = [f"{word.upper()}  {answer.model}: {said}" for word, said in answer.verdicts]
    lines += [f"    {said}" for said in answer.cause]
    lines += [
        f"    {place}. {_line(p.name)}: {_line(p.sentence)}"
        for place, p in enumerate(answer.worst, 1)
    ]
    lines += [f"    {said}" for said in answer.tries]
    return [*lines, f"    Repeat: {answer.repeat}"] if answer.repeat else lines


def _cause(model: ModelReport | None, told: Sequence[Judged]) -> tuple[str, ...]:
    """What changed, then where it was lost: a verdict's detail ends with the latter."""
    explained = verdict_text(model.explanation) if model and model.explanation else ""
    details = [item.detail for item in told if headword(item) == "FAILED"]
    # The worst image has its place among the worst ones.
    changed = [d.replace(explained, "").partition("; worst: ")[0].rstrip("; ") for d in details]
    facts = [one for one in changed if not any(one in other and one != other for other in changed)]
    return _once(map(_line, (*facts, sentences([explained]))))


def _worst(model: ModelReport | None, told: Sequence[Judged]) -> tuple[Picture, ...]:
    from quantgate.core.limits import kind_of

    kinds = (kind_of(item.verdict.limit.key) for item in told)
    seen = any(kind is not None and kind.of_images for kind in kinds)
    return model.pictures[:_IMAGES] if model and seen else ()


def _repeat(name: str, told: Sequence[Judged]) -> str:
    """Repeat all gates of the model where several failed, else the one."""
    repeats = [item.repeat for item in told if item.repeat]
    if len(repeats) == 1:
        return redacted(one_line(repeats[0]))
    command, separator, _ = (repeats[0] if repeats else "").partition(' -k "')
    return redacted(one_line(f'{command} -k "{selecting(f"[{name}]")}"')) if separator else ""


def selecting(name: str) -> str:
    """Write an expression for ``-k`` that selects tests with this in their name.

    What pytest takes for no part of a name parts two that both have to be there.
    """
    return re.sub(r"[^\w:+.\[\]/-]+", " and ", name)


def _joined(problems: Sequence[Problem]) -> list[tuple[str, str, str]]:
    gates: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        gates.setdefault((problem.status, problem.sentence), []).append(problem.gate)
    return [(status, ", ".join(names), said) for (status, said), names in gates.items()]


def _once(said: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in said if text))


def _line(text: str) -> str:
    return redacted(one_line(text))
