"""Text: word accuracy and character error by hand, limits that planted letters miss, what is shown."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import Transcript
from quantgate.core.text import aligned, edits
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.pipeline.pictures import picture_of
from quantgate.report.html.palette import CHANGES
from quantgate.report.overlays import panes
from quantgate.tasks.doubts.texts import text_doubts
from quantgate.tasks.tallies import load_tally, save_tally
from quantgate.tasks.text import task as text
from quantgate.tasks.text.record import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

PLAN = EvaluationPlan(dataset="words")
WORDS = ("Exit", "ENTRÉE 5", "don't", "2026-11", "Buffet", "it", "中文路牌", "OPEN")


def compared(
    rows: Sequence[tuple[str | None, str, str]], confidence: float = 0.9
) -> Comparison[Transcript]:
    """Compare both roles on one image a row of annotated text, parent's and optimized model's."""
    images = []
    for i, (truth, *read) in enumerate(rows):
        pair = Pair(*(Transcript(one, confidence) for one in read))
        known = None if truth is None else Transcript(truth)
        images.append(ImageResult(f"{i}.png", (90, 30), known, text.compact(pair, known)))
    return Comparison((), tuple(images), "digest")


def judged(key: str, comparison: Comparison[Transcript], metric: Any = None) -> float:
    """Give the value that a limit judges."""
    return text.judge_quantity(key, comparison, replace(PLAN, metric=metric)).value


def distance(first: str, second: str) -> int:
    """Levenshtein's distance by its recursive definition."""

    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = first[i - 1] == second[j - 1]
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (not same))

    return of(len(first), len(second))


def spoiled(seed: int, words: Sequence[str], count: int) -> list[str]:
    """Replace, drop or double random letters."""
    rng = np.random.default_rng(seed)
    found = []
    for word in words:
        letters = list(word)
        for _ in range(count):
            place = int(rng.integers(len(letters)))
            letters[place] = ("", "x", letters[place] * 2)[int(rng.integers(3))]
        found.append("".join(letters))
    return found


def test_edits_and_alignment_are_those_of_their_definition() -> None:
    """As many columns differ as there are edits, and each row spells its string."""
    for seed in range(20):
        for word, other in zip(WORDS, spoiled(seed, WORDS, 3), strict=True):
            columns = aligned(word, (other,))
            assert edits(word, other) == distance(word, other)
            assert sum(a != b for a, b in columns) == distance(word, other)
            assert ["".join(row) for row in zip(*columns, strict=True)] == [word, other]


def test_metrics_by_hand() -> None:
    """Words as annotated, and letters and digits in one case; edits over all annotated letters."""
    read = ["exit", "ENTRÉE 5", "dont", "2026-1l", "Bufet", "", "中文路", "OPEN"]
    comparison = compared([*zip(WORDS, read, WORDS, strict=True)])

    parent, optimized = text.metrics(comparison)

    letters = sum(map(len, WORDS))
    assert parent["word_accuracy"] == 2 / 8
    assert parent["word_accuracy_folded"] == 4 / 8
    assert parent["cer"] == sum(map(distance, WORDS, read)) / letters
    assert parent["cer_folded"] == (1 + 1 + 2 + 1) / (letters - 3)
    assert (optimized["word_accuracy"], optimized["cer"]) == (1.0, 0.0)


@pytest.mark.parametrize("metric", list(text.METRICS))
def test_a_loss_is_positive_whatever_the_metric(metric: str) -> None:
    """Fewer right words and more edits both miss a limit; intervals hold the value and pair the images."""
    words = [word for word in WORDS for _ in range(4)]
    bad = spoiled(1, words, 2)
    comparison = compared([*zip(words, words, bad, strict=True)])
    plan = replace(PLAN, metric=metric)

    drop = text.judge_quantity("max_accuracy_drop", comparison, plan)
    both = text.metrics(comparison)

    assert drop.value == pytest.approx(abs(both.parent[metric] - both.optimized[metric]))
    assert drop.value > 0.2
    assert drop.low <= drop.value <= drop.high
    same = compared([*zip(words, bad, bad, strict=True)])
    even = text.judge_quantity("max_accuracy_drop", same, plan)
    assert (even.low, even.high) == (0, 0)


def test_limits_see_a_planted_letter() -> None:
    """Every 5 read as 6 from the 12th image on: each limit tells it in its own unit."""
    truths = [f"a{i % 10}5" for i in range(24)]
    read = [t if i < 12 else t.replace("5", "6") for i, t in enumerate(truths)]
    comparison = compared([*zip(truths, truths, read, strict=True)])
    changed = sum(a != b for a, b in zip(truths, read, strict=True))
    fives = sum(t.count("5") for t in truths)
    replaced = sum(t.count("5") for t in truths[12:])

    assert judged("max_accuracy_drop", comparison) == pytest.approx(12 / 24)
    assert judged("min_match_rate", comparison) == judged("min_agreement", comparison) == 12 / 24
    assert changed == 12
    assert judged("max_role_cer", comparison) == pytest.approx(replaced / (3 * 24))
    assert judged("max_class_drop", comparison) == pytest.approx(replaced / fives)
    assert text.subject("max_class_drop", comparison, PLAN) == "5"
    assert text.detail("min_match_rate", comparison, PLAN).relabelled == replaced


def test_error_increase_is_of_wrong_words_or_letters() -> None:
    """Twice as many wrong words are an increase of 1; a parent without an error has none."""
    rows = [("ab", "ab", "ab")] * 6 + [("ab", "ax", "ax")] * 2 + [("ab", "ab", "xx")] * 2
    comparison = compared(rows)
    assert judged("max_error_increase", comparison) == pytest.approx(1.0)
    assert judged("max_error_increase", comparison, "cer") == pytest.approx(2.0)
    with pytest.raises(MeasurementError, match="makes no error"):
        judged("max_error_increase", compared([("ab", "ab", "a")] * 10))


def test_without_annotations_the_roles_are_compared() -> None:
    """Limits on the roles need none; those on accuracy say so."""
    comparison = compared([(None, "Exit", "Exit"), (None, "Exit", "Ext")])
    assert judged("min_match_rate", comparison) == 0.5
    assert judged("max_role_cer", comparison) == 1 / 8
    with pytest.raises(DatasetError, match="needs an annotated text"):
        judged("max_accuracy_drop", comparison)
    assert [c.key for c in text.tables(comparison, PLAN)[0].columns][-1] == "verdict"


def test_nothing_read_is_no_agreement() -> None:
    """Models that read nothing agree on nothing, and a parent that reads nothing has no letters to lose."""
    with pytest.raises(MeasurementError, match="neither model reads a letter"):
        judged("min_match_rate", compared([("a", "", "")] * 9))
    with pytest.raises(MeasurementError, match="the parent reads no letter"):
        judged("max_role_cer", compared([("a", "", "a")] * 9))
    with pytest.raises(MeasurementError, match="no letter is annotated 10 times"):
        judged("max_class_drop", compared([("a", "a", "a")] * 9))
    with pytest.raises(DecoderError, match="is no line"):
        compared([("a", "a", "a" * 10_001)])


def test_the_worst_images_come_first() -> None:
    """Right that is wrong now, the farther from the annotation the worse; then wrong in both; then repaired."""
    rows = [
        ("Exit", "Exlt", "Exit"),
        ("Exit", "Exlt", "Ext"),
        ("Exit", "Exit", "Exlt"),
        ("Exit", "Exit", "Exit"),
        ("Exit", "Exit", "E"),
    ]
    found = text.worst(compared(rows), PLAN)
    assert [change.index for change in found] == [4, 2, 1, 0]
    assert found[0].sentence == "'Exit' became 'E'; changed and now wrong"


def test_tables_tell_images_and_characters() -> None:
    """What each role reads on each image, and which character is lost or confused most."""
    rows = [("80 a", "80 a", "8O a"), ("80 b", "80 b", "8O b"), ("0", "0", "0"), ("1l", "1l", "1")]
    by_image, by_letter = text.tables(compared(rows), PLAN)

    columns = [column.key for column in by_image.columns]
    first = dict(zip(columns, by_image.rows[0], strict=True))
    assert (first["annotated_text"], first["parent_text"], first["optimized_text"]) == (
        *("80 a", "80 a", "8O a"),
    )
    assert (first["edits"], first["optimized_edits"], first["parent_edits"]) == (1, 1, 0)
    assert by_image.erroneous == by_image.changed
    assert by_image.erroneous == {0, 1, 3}
    keys = [column.key for column in by_letter.columns]
    letters = {row[0]: dict(zip(keys, row, strict=True)) for row in by_letter.rows}
    assert [row[0] for row in by_letter.rows][:2] == ["l", "0"]
    assert (letters["0"]["kept"], letters["0"]["became"]) == (1 / 3, "O (2)")
    assert (letters["l"]["lost"], letters["l"]["optimized_as"]) == (1, "nothing (1)")
    assert letters["(space)"]["optimized_right"] == 1.0


def test_records_and_tallies_come_back_exactly(tmp_path: Path) -> None:
    """Strings of every script, empty ones too; numbers that are made of a tally are those of the gate."""
    records = [Transcript(word, 0.25) for word in (*WORDS, "", "😀\u2028")]
    assert unpack(pack(records)) == records
    assert unpack(pack([])) == []
    rows = [*zip(WORDS * 3, spoiled(0, WORDS * 3, 1), spoiled(1, WORDS * 3, 1), strict=True)]
    for comparison, keys in (
        (compared(rows), ("max_accuracy_drop", "max_class_drop", "max_role_cer", "min_match_rate")),
        (compared([(None, *row[1:]) for row in rows]), ("max_role_cer", "min_agreement")),
    ):
        assert save_tally("text", comparison, PLAN, tmp_path / "tally.npz")
        names, tally = load_tally("text", tmp_path / "tally.npz")
        whole = tally.scores(np.ones((1, len(names)), np.int32))
        for key in keys:
            number = tally.number(key, whole, whole)
            assert number is not None
            assert number[0] == pytest.approx(judged(key, comparison))


def test_pictures_align_the_strings_letter_by_letter() -> None:
    """All panes have the size that is told; replaced, lost and gained letters have the colours of changes."""
    comparison = compared([("abcdefghij", "abcdefghij", "aXcdfghijk"), (None, "中", "")])
    for result in comparison.images:
        picture = picture_of(_entry(), text, (comparison, result), "changed")
        drawn = panes(picture, [np.full((30, 90, 3), 128, np.uint8)])
        assert len({pane.size for pane in drawn}) == 1
        assert drawn[0].size[0] == picture.size[0]
        assert drawn[0].size[1] > picture.size[1]
        wanted = ("relabelled", "lost", "gained") if result.truth else ("lost",)
        for pane, seen in ((drawn[0], False), (drawn[2], True)):
            pixels = np.unique(np.asarray(pane).reshape(-1, 3), axis=0)
            colours = {f"#{r:02X}{g:02X}{b:02X}" for r, g, b in pixels.tolist()}
            assert ({CHANGES[name] for name in wanted} <= colours) == seen
    assert picture.columns == (("中", ""),)


def _entry() -> Any:
    class Entry:
        evaluate = PLAN

    return Entry()


def test_doubts_about_annotations() -> None:
    """Of another case, of other images; none about a parent that is right on most."""
    words = [f"{word}{i}" for i, word in enumerate(WORDS * 3)]
    assert text_doubts(compared([*zip(words, words, words, strict=True)])) == ()
    lower = [word.lower() for word in words]
    (said,) = text_doubts(compared([*zip(words, lower, lower, strict=True)]))
    assert 'evaluate.metric = "word_accuracy_folded" judges that' in said
    shuffled = words[5:] + words[:5]
    (said,) = text_doubts(compared([*zip(shuffled, words, words, strict=True)]))
    assert "are the annotations of these images" in said
