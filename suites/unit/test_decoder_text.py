"""Decoders of text, each against a plain loop over its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.core.predictions import Transcript
from quantgate.decoders.catalog import would_fit
from quantgate.decoders.ctc import CtcDecoder
from quantgate.decoders.ports import MisfitError
from quantgate.decoders.protocol import Port
from quantgate.decoders.sequence import SequenceDecoder
from quantgate.engine.look.feeding import Answer
from quantgate.engine.look.plausible import implausible
from quantgate.engine.look.readers import Outlook
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from pathlib import Path

FRAME = Frame((100, 30), (128, 32), (1.0, 1.0), (0.0, 0.0))
LETTERS = "abcdefghij"


def steps(seed: int, channels: int, count: int = 40) -> Any:
    """Scores of random channels, many of which are repeated, as logits [steps, channels]."""
    rng = np.random.default_rng(seed)
    best = np.repeat(rng.integers(0, channels, count // 2), 2)
    scores = rng.normal(0, 1, (count, channels)).astype(np.float32)
    scores[np.arange(count), best] += 6
    return scores


def greedy(scores: Any, symbols: list[str], blank: int) -> str:
    """Merge repetitions and leave out blanks, step by step."""
    text, last = "", -1
    for row in scores:
        best = max(range(len(row)), key=lambda k: row[k])
        if best not in {last, blank}:
            text += symbols[best]
        last = best
    return text


@pytest.mark.parametrize("space", [False, True])
@pytest.mark.parametrize("blank", ["first", "last"])
@pytest.mark.parametrize("form", ["btc", "tbc", "bct"])
def test_ctc_is_read_as_its_definition_says(form: str, blank: Any, space: bool) -> None:  # noqa: FBT001
    """Repetitions are merged and blanks left out, wherever time, channels, blank and space are."""
    spelled = [*LETTERS, *([" "] if space else [])]
    symbols = ["?", *spelled] if blank == "first" else [*spelled, "?"]
    scores = steps(3, len(symbols))
    fed = {"btc": scores[None], "tbc": scores[:, None], "bct": scores.T[None]}[form]

    decoder = CtcDecoder(alphabet=LETTERS, blank=blank)
    decoder.check([Port("out", fed.shape)])
    found = decoder.decode({"out": fed}, FRAME)

    assert found.text == greedy(scores, symbols, symbols.index("?"))
    assert 0.8 < found.confidence <= 1


def test_confidence_is_the_mean_share_of_the_letters() -> None:
    """Logits, their softmax and its logarithm give one confidence: that of the letters' own steps."""
    scores = steps(5, 11).astype(np.float64)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    best = scores.argmax(axis=1)
    own = [shares[t, k] for t, k in enumerate(best) if k and (t == 0 or best[t - 1] != k)]
    for fed in (scores, shares, np.log(shares)):
        found = CtcDecoder(alphabet=LETTERS).decode({"out": fed[None].astype(np.float32)}, FRAME)
        assert found.confidence == pytest.approx(np.mean(own), rel=1e-4)


def test_symbols_come_from_a_file_as_its_training_read_it(tmp_path: Path) -> None:
    """A space, and what Python takes for the end of a line, are symbols; marks of byte order and of Windows are not."""
    symbols = ["一", " ", "\u2028", "é", "<police>"]
    file = tmp_path / "characters.txt"
    file.write_bytes(("\ufeff" + "\r\n".join(symbols) + "\r\n").encode())
    one_hot = np.eye(6, dtype=np.float32)[None]

    found = CtcDecoder(characters=file).decode({"out": one_hot}, FRAME)
    listed = CtcDecoder(characters=tuple(symbols)).decode({"out": one_hot}, FRAME)

    assert found.text == listed.text == "".join(symbols)
    file.write_bytes(b"a\n\nb\n")
    with pytest.raises(DecoderError, match="line 2 is empty"):
        CtcDecoder(characters=file).decode({"out": one_hot}, FRAME)
    with pytest.raises(DecoderError, match=r"cannot be read as UTF-8 text"):
        CtcDecoder(characters=tmp_path / "none.txt").check([Port("out", (1, 40, 12))])


def test_another_number_of_channels_is_refused_with_both_counts() -> None:
    """A dictionary of another model is noticed before anything is read."""
    with pytest.raises(
        MisfitError, match=r"11 \(with a blank\) or 12 .* for 10 symbols.*\[1,40,97\]"
    ):
        CtcDecoder(alphabet=LETTERS).check([Port("out", (1, 40, 97))])
    with pytest.raises(MisfitError, match=r"11 \(with a blank\) channels for 10 symbols"):
        CtcDecoder(alphabet=LETTERS, space=False).check([Port("out", (1, 40, 12))])
    with pytest.raises(DecoderError, match=r"set decoder.characters .* or decoder.alphabet"):
        CtcDecoder().check([Port("out", (1, 40, 97))])
    with pytest.raises(DecoderError, match="not both"):
        CtcDecoder(alphabet="ab", characters=("a", "b")).check([Port("out", (1, 40, 97))])


def test_of_several_outputs_the_symbols_tell_the_right_one() -> None:
    """Open Model Zoo's handwriting models give hidden states beside their scores."""
    ports = [Port("state", (2, 1, 256)), Port("output", (250, 1, 11))]
    assert CtcDecoder(alphabet=LETTERS).picked(ports).name == "output"


def test_numbers_that_are_none_end_the_gate() -> None:
    """NaN and infinity are found wherever they are."""
    for bad in (np.nan, np.inf):
        scores = steps(1, 11)
        scores[7, 4] = bad
        with pytest.raises(DecoderError, match="NaN or infinity at 1 of 40 steps"):
            CtcDecoder(alphabet=LETTERS).decode({"out": scores[None]}, FRAME)


@pytest.mark.parametrize("first", [0, 1])
def test_a_sequence_is_read_up_to_its_end_mark(first: int) -> None:
    """Repetitions are letters, other marks are not written, and steps before the first are left out."""
    symbols = {0: "[GO]", 1: "[s]", **{k + 2: letter for k, letter in enumerate(LETTERS)}}
    chosen = [0, 3, 3, 0, 5, 1, 9, 9]
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1, (1, 8, 12)).astype(np.float32)
    scores[0, np.arange(8), chosen] += 9
    expected = "".join(symbols[k] for k in chosen[first : chosen.index(1)] if k)

    decoder = SequenceDecoder(alphabet=LETTERS, end=1, marks=(0,), first_step=first)
    decoder.check([Port("logits", (1, 8, 12))])

    assert decoder.decode({"logits": scores}, FRAME).text == expected == "bbd"
    assert decoder.decode({"logits": scores.transpose(1, 0, 2)}, FRAME).text == expected


@pytest.mark.parametrize("shape", [(1, 8, 1, 1), (1, 8), (8, 1)])
def test_indices_end_at_their_mark(shape: tuple[int, ...]) -> None:
    """Numbers of license plates, -1 behind the last: without scores nothing is said of confidence."""
    indices = np.array([10, 2, 2, 0, -1, -1, -1, -1], np.float32).reshape(shape)
    plates = SequenceDecoder(characters=(*"0123456789", "<police>"), end=-1)

    found = plates.decode({"dec": indices}, FRAME)

    assert found.text == "<police>220"
    assert np.isnan(found.confidence)
    with pytest.raises(DecoderError, match=r"holds the index 11; the symbols end at 10"):
        plates.decode({"dec": indices + (indices == 10)}, FRAME)
    with pytest.raises(DecoderError, match=r"expected whole numbers"):
        plates.decode({"dec": indices + 0.5}, FRAME)


def test_what_fits_a_text_recognizer_is_named() -> None:
    """A misfit of another task names the decoders of text for outputs such as these."""
    for shape in ((1, 40, 6625), (30, 1, 37), (1, 25, 96)):
        error = MisfitError("tensors", "", [Port("out", shape)])
        assert "text (ctc, sequence)" in would_fit(error, "classification")
    error = MisfitError("tensors", "", [Port("out", (1, 8400, 84))])
    assert "text" not in would_fit(error, "classification")


def test_the_blank_at_the_wrong_end_is_told() -> None:
    """Where most steps are best at the other end, and hardly any at the blank's, nothing is judged."""
    scores = steps(2, 11)
    scores[::2, 10] += 20
    answers = (Answer({"out": scores[None]}, FRAME),)
    outlook = Outlook("text", answers, 0)
    first, last = CtcDecoder(alphabet=LETTERS), CtcDecoder(alphabet=LETTERS, blank="last")

    (said,) = outlook.broken(first, [])

    assert "channel 0, read as the blank, is the best of 2% of all steps" in said.sentence
    assert "and channel 10 of " in said.sentence
    assert outlook.broken(last, []) == ()
    assert 'blank = "last"' in outlook.remedy(first)


def test_a_parent_that_reads_nothing_or_always_the_same_is_told() -> None:
    """Neither is an answer, unless it is what is annotated."""
    nothing, same = [[Transcript(text)] * 9 for text in ("", "0")]
    (said,) = implausible(nothing, [None] * 9, ())
    assert said.startswith("the parent reads nothing on 9 images; check preprocess")
    (said,) = implausible(same, [Transcript(str(k)) for k in range(9)], ())
    assert said.startswith("the parent reads the same on 9 of 9 images, '0'")
    assert implausible(same, same, ()) == []
    assert implausible([Transcript(str(k)) for k in range(9)], [None] * 9, ()) == []


def test_raw_outputs_that_have_a_blank_are_taken_for_text() -> None:
    """What is compared as raw outputs is told to be text where one end's channel is best of many steps."""
    scores = steps(2, 11)
    plain = Outlook("generic", (Answer({"out": scores[None]}, FRAME),), 0)
    assert "text" not in plain.other_tasks()
    scores[::2, 10] += 20
    blank = Outlook("generic", (Answer({"out": scores[None]}, FRAME),), 0)
    assert "text (ctc)" in blank.other_tasks()
