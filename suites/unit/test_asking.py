"""What `quantgate init` asks on a terminal, and what becomes of the answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quantgate.decoders.alternatives import Reading
from quantgate.decoders.yolox import YoloxDecoder
from quantgate.entries import DatasetEntry, Preprocess
from quantgate.onboarding.asking import Question, asked, questions
from quantgate.onboarding.entry import Draft, entry_text
from quantgate.onboarding.options import Option
from quantgate.onboarding.subject import Subject
from quantgate.onboarding.trial import Guess, Trial

OPTION = Option("detection", Reading(YoloxDecoder(), ()))


def trial(mean: float, **plan: object) -> Trial:
    """Feed in one way, with a mean quality."""
    return Trial(OPTION, Preprocess(**plan), np.full(4, mean))  # type: ignore[arg-type]


@pytest.fixture
def guess() -> Guess:
    """Colour is unsure; everything else is not."""
    ranked = (trial(0.5), trial(0.4, scale=255.0), trial(0.45, colour="rgb"))
    return Guess(ranked[0], ranked[1:], {"colour": "0.50 so"}, {}, annotated=True, ranked=ranked)


@pytest.fixture
def draft(guess: Guess) -> Draft:
    """The entry before anybody was asked."""
    subject = Subject("net", None, {"path": Path("net.onnx")})
    images = DatasetEntry(kind="folder", path=Path("images"))
    own = Draft(subject, images, "images", 3, "detection", OPTION.reading, guess.best.plan)
    return Draft(**{**{k: getattr(own, k) for k in own.__slots__}, "unsure": guess.unsure})


def test_only_what_is_unsure_is_asked(guess: Guess) -> None:
    """One question, whose answers differ in nothing but what it is about."""
    (question,) = questions(guess)

    assert question.key == "colour"
    assert question.lines == ("colour bgr (0.50)", "colour rgb (0.45)")


def test_an_answer_is_taken_and_unsure_no_more(draft: Draft, guess: Guess) -> None:
    """The plan gets the colour that was chosen, and the comment says who chose it."""
    said = asked(draft, guess, lambda _: 1)

    assert said.plan == Preprocess(colour="rgb")
    assert said.unsure == {}
    assert 'colour = "rgb" }  # colour: you said so' in entry_text(said, None)


def test_whoever_does_not_know_changes_nothing(draft: Draft, guess: Guess) -> None:
    """Enter leaves the guess, and the mark."""
    heard: list[Question] = []

    def nothing(question: Question) -> None:
        heard.append(question)

    said = asked(draft, guess, nothing)

    assert len(heard) == 1
    assert said == draft
    assert "# unsure: colour: 0.50 so" in entry_text(said, None)
