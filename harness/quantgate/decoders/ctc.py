"""Connectionist temporal classification (Graves et al. 2006), read greedily: PP-OCR, CRNN, Open Model Zoo's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import ByShape, MisfitError, describe, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.steps import as_table, best, is_scores, shares, sides, transcript
from quantgate.decoders.symbols import Alphabet, Characters, symbols_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Transcript
    from quantgate.decoders.protocol import Outputs


@dataclass(frozen=True, slots=True)
class CtcDecoder(ByShape[Port]):
    """Scores of blank and symbols at each step: the best of each, repetitions merged, blanks left out."""

    tasks: ClassVar[tuple[str, ...]] = ("text",)
    expects: ClassVar[str] = (
        "scores of blank and symbols at each step, [1,steps,channels], [steps,1,channels] or "
        "[1,channels,steps]"
    )
    kind: Literal["ctc"] = "ctc"
    characters: Characters = None
    alphabet: Alphabet = None
    blank: Annotated[
        Literal["first", "last"], Doc("channel that stands for no symbol: before or behind all")
    ] = "first"
    space: Annotated[
        bool | None,
        Doc(
            "a space follows the symbols (use_space_char of PaddleOCR); default: where there is one channel "
            "more than symbols and blank"
        ),
    ] = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one table; of several, the one with as many channels as there are symbols."""
        tables = [port for port in ports if is_scores(port.shape)]
        if len(tables) > 1 and (self.characters or self.alphabet):
            counts = self._counts()
            tables = [p for p in tables if set(counts) & set(sides(p.shape) or ())]
        return only(tables)

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse outputs that do not fit the symbols (see Decoder)."""
        symbols, counts = self._symbols(), self._counts()
        found = self.picked(ports)
        known = set(sides(found.shape) or ())
        if -1 not in known and not known & set(counts):
            raise MisfitError(
                self.kind, f"{self._wanted(len(symbols))}, as {describe([found])}", ports
            )

    def decode(self, outputs: Outputs, frame: Frame) -> Transcript:  # noqa: ARG002 - no geometry
        """The text of one image (see Decoder)."""
        table, chosen, scores = self.steps(outputs)
        symbols = self._symbols()
        blank = 0 if self.blank == "first" else table.shape[1] - 1
        new = chosen != blank
        new[1:] &= chosen[1:] != chosen[:-1]
        kept = new.nonzero()[0]
        first, space = 1 if self.blank == "first" else 0, len(symbols)
        places = (index - first for index in chosen[kept].tolist())
        text = [" " if place == space else symbols[place] for place in places]
        return transcript(text, shares(table, scores, kept))

    def steps(
        self, outputs: Outputs
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Scores [steps, channels], the best channel of each step and its score, [steps] both."""
        ports = ports_of(outputs)
        found = self.picked(ports)
        table = as_table(np.asarray(outputs[found.name], np.float32), self._counts())
        if table is None:
            raise MisfitError(self.kind, self._wanted(len(self._symbols())), ports)
        return table, *best(table, found.name)

    def _symbols(self) -> tuple[str, ...]:
        return symbols_of(self.kind, self.characters, self.alphabet)

    def _counts(self) -> tuple[int, ...]:
        """Numbers of channels that the symbols may have, with blank and space."""
        bare = len(self._symbols()) + 1
        return {None: (bare, bare + 1), False: (bare,), True: (bare + 1,)}[self.space]

    def _wanted(self, symbols: int) -> str:
        forms = {
            None: f"{symbols + 1} (with a blank) or {symbols + 2} (with a space, too)",
            True: f"{symbols + 2} (with blank and space)",
            False: f"{symbols + 1} (with a blank)",
        }
        return f"{forms[self.space]} channels for {symbols} symbols"
