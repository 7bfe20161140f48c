"""Whether a decoder reads raw outputs as it promises, and which others would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.predictions import Detections
from quantgate.decoders.alternatives import needs_settings, others, readings
from quantgate.decoders.catalog import DECODERS, OF_ANY_MAP, fitting_kinds
from quantgate.decoders.ctc import CtcDecoder
from quantgate.decoders.dense_map import DenseMapDecoder
from quantgate.decoders.image import ImageDecoder
from quantgate.decoders.ports import ports_of
from quantgate.decoders.ranges import (
    Expected,
    blank_elsewhere,
    dense_range,
    misreadings,
    picture_range,
)
from quantgate.decoders.steps import is_scores
from quantgate.engine.look.views import read
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.predictions import Prediction
    from quantgate.decoders.protocol import Decoder
    from quantgate.decoders.ranges import Misreading
    from quantgate.engine.look.feeding import Answer

#: Ways to read the outputs that a message lists.
_LISTED = 4
_LEAST_SCORE = 0.05
#: Share of steps of a line of text that are blank, at least.
_BLANK = 0.3


@dataclass(frozen=True, slots=True)
class Outlook:
    """Raw outputs for some images, and what may be found in them."""

    task: str
    answers: tuple[Answer, ...]
    labels: int

    def broken(self, decoder: Decoder, found: Sequence[Prediction]) -> tuple[Misreading, ...]:
        """Tell which promises of a decoder its answers break."""
        if isinstance(decoder, ImageDecoder):
            raw = [decoder.picture(each.outputs).ravel() for each in self.answers]
            return tuple(picture_range(np.concatenate(raw), decoder.scale))
        if isinstance(decoder, DenseMapDecoder):
            return tuple(dense_range([decoder.map(each.outputs) for each in self.answers]))
        if isinstance(decoder, CtcDecoder):
            steps = [decoder.steps(each.outputs) for each in self.answers]
            ends = 0, steps[0][0].shape[1] - 1
            blank, other = ends if decoder.blank == "first" else ends[::-1]
            chosen = np.concatenate([best for _, best, _ in steps])
            return tuple(blank_elsewhere(chosen, blank, other))
        expected = Expected(self.labels, getattr(decoder, "max_detections", None))
        return misreadings(found, self.answers[0].frame.model, expected)

    def reads(self, decoder: Decoder) -> bool:
        """Whether a decoder reads the outputs as it promises, and finds something in them."""
        try:
            decoder.check(ports_of(self.answers[0].outputs))
            found = [read(decoder, each.outputs, each.frame).prediction for each in self.answers]
        except DecoderError:
            return False
        objects = [each for each in found if isinstance(each, Detections)]
        if objects and max(each.scores.max(initial=0.0) for each in objects) < _LEAST_SCORE:
            return False
        return not self.broken(decoder, found)

    def other_tasks(self) -> str:
        """Name the tasks whose decoders read these outputs as they promise, but for those that read nearly anything."""
        ports = ports_of(self.answers[0].outputs)
        found: dict[str, list[str]] = {}
        for task in sorted({each for decoder in DECODERS.values() for each in decoder.tasks}):
            kinds = [kind for kind in fitting_kinds(ports, task) if self._readable(kind)]
            if kinds:
                found[task] = kinds
        return ", ".join(f"{task} ({', '.join(kinds)})" for task, kinds in found.items())

    def _has_blank(self) -> bool:
        """Whether the first or last channel of the only table of scores is best as often as CTC's blank is."""
        tables = [
            [np.squeeze(array) for array in each.outputs.values() if is_scores(array.shape)]
            for each in self.answers
        ]
        if any(len(one) != 1 for one in tables):
            return False
        best = np.concatenate([table.argmax(axis=1) for (table,) in tables])
        last = tables[0][0].shape[1] - 1
        return bool(max((best == 0).mean(), (best == last).mean()) >= _BLANK)

    def _readable(self, kind: str) -> bool:
        """Whether a decoder that needs no settings reads the outputs, with its defaults or others."""
        maker: Any = DECODERS[kind]
        if kind in OF_ANY_MAP or needs_settings(maker):
            return False
        if hasattr(
            maker, "characters"
        ):  # its symbols are the user's to name, its blank shows without them
            return issubclass(maker, CtcDecoder) and self._has_blank()
        return self.reads(maker()) or bool(readings(maker(), self.reads))

    def remedy(self, decoder: Decoder, *, classes: bool = False) -> str:
        """Say what would read these outputs: other settings, other decoders of the task.

        ``classes``: nothing but the classes is not as promised.
        """
        settings = [each.text for each in readings(decoder, self.reads)]
        ports = ports_of(self.answers[0].outputs)
        proven, possible = others(self.task, ports, self.reads, but=decoder.kind)
        said = []
        fit = [*settings, *(f'"{each.decoder.kind}"' for each in proven)]
        if fit:
            said.append(f"read as promised by decoder = {' or '.join(fit[:_LISTED])}")
        if possible:
            said.append(f"with settings of their own these decoders may fit: {', '.join(possible)}")
        if classes and hasattr(decoder, "class_ids"):
            said.append(
                "where the model knows classes that the dataset leaves out, set decoder.class_ids to the "
                "label of each class of the model, -1 for those"
            )
        return "; ".join(said) or (
            f"no decoder for {self.task} reads these outputs as it promises: name the right ones in "
            "decoder.outputs, or look at the model's export"
        )
