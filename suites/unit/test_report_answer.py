"""One answer a model, the same wherever it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Outcome
from quantgate.report.html.page import render_page
from quantgate.report.model import Problem
from quantgate.report.words.answer import answer_lines, answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.report.model import Judged

TRY = 'to try: calibrate.preset = "mixed"'


def failing(judged_of: Callable[..., Judged]) -> tuple[Judged, ...]:
    """Make two missed limits of one model, with one remedy, and one that is met."""
    command = 'pytest -k "test_{}[ssd]"'
    return (
        judged_of(
            "min_match_rate",
            0.95,
            Estimate(0.9, 0.88, 0.92, 200),
            Outcome.FAILED,
            detail="41 lost, 7 gained",
            remedy=TRY,
            repeat=command.format("match_rate"),
        ),
        judged_of(
            "min_agreement",
            0.99,
            Estimate(0.8, 0.7, 0.9, 200),
            Outcome.FAILED,
            detail="41 lost, 7 gained",
            remedy=TRY,
            repeat=command.format("agreement"),
        ),
        judged_of("max_size_ratio", 0.4, Estimate.exact(0.27), Outcome.PASSED),
    )


def test_every_fact_is_told_once(sample: Any, judged_of: Callable[..., Judged]) -> None:
    """Two limits that miss for one reason: one cause, one remedy, one command for both."""
    report = replace(sample.report, judged=failing(judged_of), problems=())

    (answer,) = answers(report)

    assert [word for word, _ in answer.verdicts] == ["failed", "failed"]
    assert (answer.cause, answer.tries) == (("41 lost, 7 gained",), (TRY,))
    assert [picture.name for picture in answer.worst] == ["img-00000.png"]
    assert answer.repeat == 'pytest -k "[ssd]"'


def test_a_limit_without_images_shows_none(sample: Any, judged_of: Callable[..., Judged]) -> None:
    """Pictures say nothing about a file that is too large."""
    large = judged_of("max_size_ratio", 0.2, Estimate.exact(0.27), Outcome.FAILED, repeat="x")

    (answer,) = answers(replace(sample.report, judged=(large,), problems=()))

    assert answer.worst == ()
    assert answer.repeat == "x"


def test_failed_models_come_first_and_passed_ones_have_none(sample: Any) -> None:
    """Failed, then broken with its reason once, then known."""
    problems = (
        Problem("odd", "integrity", "broken", "cannot be read"),
        Problem("odd", "max_size_ratio", "broken", "cannot be read"),
        Problem("gone", "integrity", "skipped", "not here"),
    )

    made = answers(replace(sample.report, problems=problems))

    assert [(one.model, one.word) for one in made] == [
        ("ssd", "failed"), ("odd", "broken"), ("digits", "known"),
    ]  # fmt: skip
    assert made[1].verdicts == (("broken", "integrity, max_size_ratio: cannot be read"),)


def test_page_and_terminal_say_the_same(sample: Any, judged_of: Callable[..., Judged]) -> None:
    """Each line of the terminal stands on the page, once."""
    report = replace(sample.report, judged=failing(judged_of), problems=())
    page = render_page(report, sample.directory).html.replace("&#34;", '"')

    (answer,) = answers(report)

    lines = answer_lines(answer)
    tries = (said.removeprefix("to try: ") for said in answer.tries)
    for said in (*answer.cause, *tries, *(said for _, said in answer.verdicts)):
        assert page.count(said) == 1, said
        assert any(said in line for line in lines)
