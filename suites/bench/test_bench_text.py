"""What decoding text costs an image, beside the obvious way to do it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.ctc import CtcDecoder
from suites.bench.test_bench_decoders import fastest_ms

FRAME = Frame((100, 30), (320, 48), (1.0, 1.0), (0.0, 0.0))
SYMBOLS = tuple(map(chr, range(0x4E00, 0x4E00 + 6623)))


def shares(steps: int, channels: int) -> Any:
    """Shares of channels at each step, of which every second is of a symbol and the others of the first channel."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (1, steps, channels)).astype(np.float32)
    best = np.where(np.arange(steps) % 2, rng.integers(1, channels, steps), 0)
    logits[0, np.arange(steps), best] += 20
    rows = np.exp(logits)
    return rows / rows.sum(axis=2, keepdims=True)


def plain(table: Any, symbols: Any) -> tuple[str, float]:
    """Look at every number for NaN, take best and score of each step, and go through the steps."""
    if not np.isfinite(table).all():
        raise ValueError
    chosen, scores = table[0].argmax(axis=1), table[0].max(axis=1)
    text, sure = "", []
    for step, index in enumerate(chosen):
        if index == 0 or (step and chosen[step - 1] == index):
            continue
        text += symbols[index - 1]
        sure.append(scores[step])
    return text, float(np.mean(sure)) if sure else 0.0


CASES = {
    "a word of PP-OCR": shares(40, 6625),
    "a long line": shares(250, 6625),
}


@pytest.mark.parametrize("name", CASES)
def test_decoding_takes_half_of_the_obvious_way(name: str) -> None:
    """The same text and confidence in at most half of the time, in the same run."""
    decoder, symbols = CtcDecoder(characters=SYMBOLS), (*SYMBOLS, " ")
    table = CASES[name]
    outputs = {"out": table}
    found = decoder.decode(outputs, FRAME)
    text, confidence = plain(table, symbols)
    assert found.text == text
    assert found.confidence == pytest.approx(confidence, rel=1e-5)
    own = fastest_ms(lambda: decoder.decode(outputs, FRAME))
    obvious = fastest_ms(lambda: plain(table, symbols))
    print(f"\n{name}: {own:.3f} ms, the obvious way {obvious:.3f} ms, {obvious / own:.1f} times")
    assert own <= obvious / 2
