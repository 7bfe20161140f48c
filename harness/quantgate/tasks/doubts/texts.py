"""Annotated texts that the parent reads otherwise: in another case, of another image, or of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Transcript
from quantgate.core.text import folded, matching
from quantgate.tasks.doubts.labels import no_better

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.core.comparison import Comparison

_FEWEST = 10
#: Words that fit otherwise have to be so many more.
_MORE = 0.2
#: Images below which chance tells nothing, and other images whose texts are tried on each.
_FEWEST_BY_CHANCE, _OTHERS = 20, 12


def text_doubts(comparison: Comparison[Transcript]) -> tuple[str, ...]:
    """Compare the annotated texts with those that the parent reads."""
    pairs = [
        (one.truth.text, one.record.parent.text)
        for one in comparison.images
        if isinstance(one.truth, Transcript)
    ]
    if len(pairs) < _FEWEST:
        return ()
    return (*_by_case(pairs), *_by_chance(pairs))


def _by_case(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """A model that knows one case, or no punctuation, is right in no word with others."""
    exact = sum(truth == found for truth, found in pairs) / len(pairs)
    alike = sum(folded(truth) == folded(found) for truth, found in pairs) / len(pairs)
    if alike - exact >= _MORE:
        yield (
            f"the parent reads {exact:.0%} of {len(pairs)} texts as annotated, and {alike:.0%} where letters "
            'and digits alone count, in one case: evaluate.metric = "word_accuracy_folded" judges that'
        )


def _by_chance(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Annotations that are met no better than those of other images."""
    n = len(pairs)
    if n < _FEWEST_BY_CHANCE:
        return
    truths, found = ([folded(pair[k]) for pair in pairs] for k in (0, 1))
    own = float(np.mean([matching(*pair) for pair in zip(truths, found, strict=True)]))
    chance = float(
        np.mean(
            [
                matching(truths[(k + step) % n], text)
                for step in range(1, min(_OTHERS, n - 1) + 1)
                for k, text in enumerate(found)
            ]
        )
    )
    if no_better(own, chance, n):
        yield (
            f"what the parent reads on {n} images has {own:.0%} of the letters annotated there, and "
            f"{chance:.0%} of those annotated on other images: are the annotations of these images, and is "
            "the parent fed and read as it was trained (height, colour, mean, scale; characters, blank)?"
        )
