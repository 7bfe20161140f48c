"""What people read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Outcome
from quantgate.report.model import Judged, KnownFailure, Metric, Problem
from quantgate.report.picture import ObjectChange, Seen
from quantgate.report.text_table import folded, summary_lines
from quantgate.report.words.objects import change_sentence, counts_sentence
from quantgate.report.words.performance import metric_note, role_value
from quantgate.report.words.run import outcome_summary, summary_rows
from quantgate.report.words.verdicts import duration_text, spread_text, verdict_line

JudgedOf: TypeAlias = Callable[..., Judged]


def test_a_failure_says_everything_in_three_lines(judged_of: JudgedOf) -> None:
    """The example of the specification, character by character."""
    judged = judged_of(
        "min_match_rate",
        0.95,
        Estimate(0.912, 0.894, 0.931, 200),
        Outcome.FAILED,
        detail="41 lost, 7 gained, 12 moved; worst: 000123.png (5 lost)",
        repeat='pytest -k "ssd and agreement"',
    )

    assert verdict_line(judged) == (
        "FAILED  ssd: match rate 0.912 [0.894, 0.931] over 200 images, below min_match_rate 0.95 "
        "(by 0.038)\n"
        "            41 lost, 7 gained, 12 moved; worst: 000123.png (5 lost).\n"
        '            Repeat: pytest -k "ssd and agreement"'
    )


def test_a_value_never_looks_like_the_limit_it_missed(judged_of: JudgedOf) -> None:
    """0.9496 is not written as 0.950 where the limit is 0.95."""
    judged = judged_of("min_match_rate", 0.95, Estimate.exact(0.94961, 200), Outcome.FAILED)

    assert verdict_line(judged) == (
        "FAILED  ssd: match rate 0.9496 over 200 images, below min_match_rate 0.95 (by 0.0004)"
    )


def test_a_pass_is_one_line_even_with_details(judged_of: JudgedOf) -> None:
    """Who passed needs no second line."""
    judged = judged_of(
        "max_accuracy_drop",
        0.01,
        Estimate(0.004, 0.001, 0.006, 500),
        Outcome.PASSED,
        detail="x",
        repeat="y",
    )

    assert verdict_line(judged) == (
        "PASSED  ssd: accuracy drop 0.004 [0.001, 0.006] over 500 images, within max_accuracy_drop "
        "0.01 (0.006 to spare)"
    )


def test_an_improvement_is_called_one(judged_of: JudgedOf) -> None:
    """A negative drop is a gain."""
    judged = judged_of("max_accuracy_drop", 0.01, Estimate.exact(-0.004, 500), Outcome.PASSED)

    assert "−0.004 over 500 images, an improvement; within" in verdict_line(judged)


def test_what_rounds_to_nothing_is_no_improvement(judged_of: JudgedOf) -> None:
    """A drop that is written as 0.000 is not called a gain."""
    judged = judged_of("max_accuracy_drop", 0.01, Estimate.exact(-0.0004, 500), Outcome.PASSED)

    assert "accuracy drop 0.000 over 500 images, within" in verdict_line(judged)


def test_undecided_says_why_and_what_to_do(judged_of: JudgedOf) -> None:
    """Reason and remedy follow the numbers."""
    judged = judged_of(
        "min_speedup",
        1.3,
        Estimate(1.31, 1.22, 1.4, 64, of="rounds"),
        Outcome.UNDECIDED,
        "the interval contains the limit",
        remedy="raise benchmark.seconds",
    )

    assert verdict_line(judged) == (
        "UNDECIDED  ssd: speedup 1.31× [1.22, 1.40] over 64 rounds, against min_speedup 1.3. "
        "The interval contains the limit. Raise benchmark.seconds."
    )


def test_a_set_too_small_for_its_limit_says_so(judged_of: JudgedOf) -> None:
    """1 % cannot be seen on 50 images; the smallest drop that could is named."""
    judged = judged_of("max_accuracy_drop", 0.01, Estimate(0.0, -0.04, 0.05, 50), Outcome.PASSED)

    assert verdict_line(judged).endswith(
        "50 images cannot resolve a difference of 0.01: the smallest they could show is about 0.045."
    )


def test_a_clear_failure_needs_no_larger_set(judged_of: JudgedOf) -> None:
    """Where the whole interval lies beyond the limit, its size decides nothing."""
    judged = judged_of("max_accuracy_drop", 0.01, Estimate(0.2, 0.15, 0.25, 50), Outcome.FAILED)

    assert verdict_line(judged).endswith("above max_accuracy_drop 0.01 (by 0.190)")


def test_an_expected_failure_is_known(judged_of: JudgedOf) -> None:
    """It names reason, floor and expiry."""
    known = KnownFailure("weights stay in FP16", 0.3, "2099-01-01")
    judged = judged_of("max_size_ratio", 0.2, Estimate.exact(0.27), Outcome.FAILED, known=known)

    assert verdict_line(judged) == (
        "KNOWN  ssd: size ratio 0.27×, above max_size_ratio 0.2 (by 0.07×). Known until 2099-01-01, "
        "not worse than 0.3: weights stay in FP16."
    )


def test_nothing_measured_is_said(judged_of: JudgedOf) -> None:
    """An estimate that is not there is no zero."""
    judged = judged_of("min_speedup", 1.3, None, Outcome.UNDECIDED, "no limit for avx2")

    assert verdict_line(judged) == (
        "UNDECIDED  ssd: speedup was not measured, against min_speedup 1.3. No limit for avx2."
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (ObjectChange("lost", Seen((0, 0, 1, 1), "car", 0.72), None), "car 0.72 lost"),
        (ObjectChange("gained", None, Seen((0, 0, 1, 1), "car", 0.6)), "car 0.60 gained"),
        (
            ObjectChange(
                "relabelled", Seen((0, 0, 1, 1), "car", 0.72), Seen((0, 0, 1, 1), "bus", 0.6), 0.9
            ),
            "car 0.72 → bus 0.60, IoU 0.90",
        ),
        (
            ObjectChange(
                "kept",
                Seen((0, 0, 1, 1), "car", 0.52),
                Seen((0, 0, 1, 1), "car", 0.48),
                0.95,
                crossed=True,
            ),
            "car 0.52 → 0.48, kept, IoU 0.95, score crossed the threshold",
        ),
    ],
)
def test_each_change_has_its_sentence(change: ObjectChange, sentence: str) -> None:
    """What happened to one object, in words."""
    assert change_sentence(change) == sentence


def test_counts_name_only_what_happened() -> None:
    """No change is said, not left empty."""
    assert counts_sentence({"lost": 5, "gained": 0, "kept": 3}) == "5 lost"
    assert counts_sentence({"kept": 3}) == "no change"


def test_the_summary_counts_the_worst_first(judged_of: JudgedOf) -> None:
    """Gates without a number count too."""
    judged = [
        judged_of("max_size_ratio", 0.4, Estimate.exact(0.3), Outcome.PASSED),
        judged_of("max_size_ratio", 0.2, Estimate.exact(0.3), Outcome.FAILED),
    ]

    summed = outcome_summary(judged, [Problem("ssd", "integrity", "broken", "it broke")])

    assert summed == "1 failed, 1 broken, 1 passed"
    assert outcome_summary([]) == "nothing was judged"


def test_the_closing_table_has_one_row_a_gate(judged_of: JudgedOf) -> None:
    """A heading, then model by model in the manifest's order, what is no limit first."""
    judged = [judged_of("max_size_ratio", 0.2, Estimate.exact(0.3), Outcome.FAILED)]
    broken = [Problem("a", "min_speedup", "broken", "b"), Problem("a", "integrity", "broken", "b")]

    rows = summary_rows(judged, [Problem("ssd", "integrity", "passed", ""), *broken], ["ssd", "a"])

    assert [row[:3] for row in rows] == [
        ("outcome", "model", "limit"),
        ("PASSED", "ssd", "integrity"),
        ("FAILED", "ssd", "max_size_ratio 0.2"),
        ("BROKEN", "a", "integrity"),
        ("BROKEN", "a", "min_speedup"),
    ]
    assert {len(row) for row in rows} == {6}


def test_the_closing_table_names_what_was_skipped() -> None:
    """A model that was skipped as a whole is one row; other reasons stand beside their gates."""
    gates = ("integrity", "min_agreement", "min_speedup")
    away = [Problem("a", gate, "skipped", "it is not on this machine") for gate in gates]
    slow = [Problem("b", gate, "skipped", "slow") for gate in ("min_speedup", "max_latency_ratio")]

    rows = summary_rows([], [*away, *slow])[1:]

    assert [row[:3] for row in rows] == [
        ("SKIPPED", "a", "all 3 gates"),
        ("SKIPPED", "b", "min_speedup, max_latency_ratio"),
    ]


def test_the_closing_table_tells_expected_misses_apart(judged_of: JudgedOf) -> None:
    """A known miss says until when; what contradicts ``expected_failure`` is never PASSED."""
    missed = judged_of("max_size_ratio", 0.2, Estimate.exact(0.3), Outcome.FAILED)
    met = judged_of("max_size_ratio", 0.4, Estimate.exact(0.3), Outcome.PASSED)
    known = replace(missed, known=KnownFailure("small", 0.5, "2027-01-01"))
    stale = replace(met, unexpected="the limit is met")

    table = summary_rows([known, stale, met, missed], [])

    assert table[0][-1] == "expected_failure"
    assert [(row[0], row[-1]) for row in table[1:]] == [
        ("KNOWN", "until 2027-01-01"),
        ("FAILED", "does not hold"),
        ("PASSED", ""),
        ("FAILED", ""),
    ]
    assert verdict_line(stale).startswith("FAILED  ssd: ")
    assert "The limit is met." in verdict_line(stale)
    assert outcome_summary([known, stale]) == "1 failed, 1 known"


def test_a_metric_is_written_with_its_interval() -> None:
    """Brackets hold the 95 % interval of the role; a metric that is not judged has none."""
    metric = Metric("top-1", None, 0.878, 0.87, intervals={"parent": (0.849, 0.9051)})

    assert role_value(metric, "parent") == "0.878 [0.849, 0.905]"
    assert role_value(metric, "optimized") == "0.870"
    assert role_value(Metric("top-1", None, None, None), "parent") == "–"


def test_a_loss_in_conversion_is_not_blamed_on_quantization() -> None:
    """The three numbers show where it went."""
    note = metric_note(Metric("AP", 0.40, 0.35, 0.345, "its authors on val2017"))

    assert note == (
        "AP of the parent is 0.050 below the published 0.400 (its authors on val2017): a difference "
        "that was there before quantization, by conversion, by preprocessing, or only by other "
        "images; quantization changed it by −0.005"
    )


def test_a_parent_as_good_as_published_needs_no_note() -> None:
    """Nor does one that is better, nor one that quantization has made worse than conversion did."""
    assert not metric_note(Metric("AP", 0.40, 0.395, 0.39, "its authors"))
    assert not metric_note(Metric("AP", 0.40, 0.45, 0.44, "its authors"))
    assert not metric_note(Metric("AP", 0.40, 0.38, 0.20, "its authors"))


def test_a_parent_that_sees_nothing_points_at_preprocessing() -> None:
    """Near zero means colour order, mean or scale."""
    judged = {"parent": (0.0, 0.003)}
    assert "suspect preprocess" in metric_note(Metric("top-1", None, 0.001, 0.001, "", judged))
    assert not metric_note(Metric("top-1", None, 0.8, 0.79, "", judged))


def test_nearly_no_error_is_nothing_to_suspect() -> None:
    """Nor is a rate at one false alarm in 100,000 that is only shown; an error is above what was published."""
    judged = {"parent": (0.0, 0.003)}

    assert not metric_note(Metric("AbsRel", None, 0.008, 0.009, "", judged, is_error=True))
    assert not metric_note(Metric("TAR at a FAR of 1e-05", None, 0.011, 0.010))
    assert "0.050 above the published 0.100" in metric_note(
        Metric("AbsRel", 0.1, 0.15, 0.16, "its authors", judged, is_error=True)
    )
    assert not metric_note(Metric("AbsRel", 0.1, 0.05, 0.05, "", judged, is_error=True))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (83, "1 min 23 s"), (3900, "1 h 5 min")],
)
def test_durations_read_easily(seconds: float, text: str) -> None:
    """In the unit that fits."""
    assert duration_text(seconds) == text


def test_equal_answers_of_images_are_not_called_exact(judged_of: JudgedOf) -> None:
    """Two hundred images that all agree have no spread; bytes of a file are exact."""
    images = judged_of("min_match_rate", 0.9, Estimate.exact(1.0, 200, of="images"), Outcome.PASSED)
    model = judged_of("max_size_ratio", 0.5, Estimate.exact(0.3), Outcome.PASSED)
    spread = judged_of("min_match_rate", 0.9, Estimate(0.95, 0.9, 1.0, 200), Outcome.PASSED)

    said = [spread_text(one.verdict) for one in (images, model, spread)]
    assert said == ["no spread", "exact", "[0.900, 1.000]"]


def test_lines_are_folded_between_words() -> None:
    """A long line goes on below its sentence; a word, a path and a command to copy stay whole."""
    line = "FAILED  ssd: match rate 0.912 over 200 images, below min_match_rate 0.95"

    assert folded(line, 40) == [
        "FAILED  ssd: match rate 0.912 over 200",
        "        images, below min_match_rate",
        "        0.95",
    ]
    assert folded("    to try: calibrate.preset", 20) == ["    to try:", "        calibrate.preset"]
    assert folded(line, None) == folded(line, 400) == [line]
    for whole in ("    Repeat: pytest -k 'a b c d e f'", "/a/very/long/path/without/a/space"):
        assert folded(whole, 20) == [whole]


def test_a_table_too_wide_names_each_model_once() -> None:
    """Where its rows would be folded, a table gives each model a line of its own, and loses nothing else."""
    rows = [
        ("outcome", "model", "limit"),
        *[("PASSED", name, limit) for name in ("m" * 30, "n" * 30) for limit in ("a", "b")],
    ]

    wide, narrow = summary_lines(rows, 100), summary_lines(rows, 40)

    assert wide == summary_lines(rows)
    assert max(map(len, narrow)) <= 40
    assert narrow[2:] == [
        "m" * 30,
        "PASSED   a",
        "PASSED   b",
        "n" * 30,
        "PASSED   a",
        "PASSED   b",
    ]


def test_the_closing_table_begins_with_the_models_that_failed() -> None:
    """Failed, broken, passed, skipped; equal models stand as in the manifest."""
    states = {"a": "passed", "b": "skipped", "c": "failed", "d": "broken", "e": "failed"}
    problems = [Problem(name, "integrity", status, "why") for name, status in states.items()]  # type: ignore[arg-type]

    rows = summary_rows([], problems, list(states))

    assert [row[1] for row in rows[1:]] == ["c", "e", "d", "a", "b"]
