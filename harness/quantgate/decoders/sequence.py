"""Text of attention and transformer recognizers: one symbol a step, up to an end mark."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import ByShape, MisfitError, describe, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.steps import (
    as_table,
    best,
    is_indices,
    is_scores,
    shares,
    sides,
    transcript,
)
from quantgate.decoders.symbols import Alphabet, Characters, symbols_of
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Transcript
    from quantgate.decoders.protocol import Outputs


@dataclass(frozen=True, slots=True)
class SequenceDecoder(ByShape[Port]):
    """Scores or indices of symbols, one a step: all of them up to the end mark, repetitions included."""

    tasks: ClassVar[tuple[str, ...]] = ("text",)
    expects: ClassVar[str] = (
        "scores of symbols at each step, [1,steps,channels] or [steps,1,channels], or the symbols' "
        "indices, [1,steps] or [1,steps,1,1]"
    )
    kind: Literal["sequence"] = "sequence"
    characters: Characters = None
    alphabet: Alphabet = None
    end: Annotated[
        int | None,
        Doc(
            "index of the end mark; of indices, -1 or another number behind the last one; default: none"
        ),
    ] = None
    marks: Annotated[
        tuple[Annotated[int, Ge(0)], ...],
        Doc("indices of other marks, which are not written: start, padding, unknown"),
    ] = ()
    first_step: Annotated[int, Ge(0), Doc("steps before this one are left out")] = 0
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one table of scores, else the one row of indices."""
        tables = [port for port in ports if is_scores(port.shape)]
        if len(tables) > 1 and (self.characters or self.alphabet):
            channels = self._channels()
            tables = [p for p in tables if channels in (sides(p.shape) or ())]
        rows = [port for port in ports if is_indices(port.shape)]
        return only(tables) if tables else only(rows)

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse outputs that do not fit the symbols (see Decoder)."""
        channels = self._channels()
        found = self.picked(ports)
        known = sides(found.shape) or ()
        if is_scores(found.shape) and not {-1, channels} & set(known):
            raise MisfitError(self.kind, f"{self._wanted()}, as {describe([found])}", ports)

    def decode(self, outputs: Outputs, frame: Frame) -> Transcript:  # noqa: ARG002 - no geometry
        """The text of one image (see Decoder)."""
        ports = ports_of(outputs)
        found = self.picked(ports)
        scores: NDArray[np.float32] | None = None
        if is_scores(found.shape):
            table = as_table(np.asarray(outputs[found.name], np.float32), {self._channels()})
            if table is None:
                raise MisfitError(self.kind, self._wanted(), ports)
            chosen, found_scores = best(table, found.name)
            kept = self._kept(chosen)
            scores = shares(table, found_scores, kept)
        else:
            chosen = _whole(finite(outputs, found.name).reshape(-1), found.name)
            kept = self._kept(chosen)
        names = self._spelled()
        text = [self._named(names, index, found.name) for index in chosen[kept].tolist()]
        return transcript(text, scores)

    def _kept(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Steps that are written, [kept]."""
        steps = np.arange(self.first_step, len(chosen))
        ends = np.flatnonzero(chosen[steps] == self.end) if self.end is not None else steps[:0]
        steps = steps[: ends[0]] if len(ends) else steps
        return steps[~np.isin(chosen[steps], self.marks)]

    def _named(self, names: dict[int, str], index: int, output: str) -> str:
        if index not in names:
            raise DecoderError(
                f"output {output} holds the index {index}; the symbols end at {max(names)}: complete "
                "decoder.characters, or name what it is in decoder.end or decoder.marks"
            )
        return names[index]

    def _spelled(self) -> dict[int, str]:
        """Symbols by channel: what is no mark, in order."""
        symbols = symbols_of(self.kind, self.characters, self.alphabet)
        marks = self._marks()
        places = islice((k for k in count() if k not in marks), len(symbols))
        return dict(zip(places, symbols, strict=True))

    def _marks(self) -> frozenset[int]:
        """Channels that are marks; an end below 0 has none."""
        own = {*self.marks, *([] if self.end is None or self.end < 0 else [self.end])}
        return frozenset(own)

    def _channels(self) -> int:
        """How many channels symbols and marks need."""
        return max(*self._spelled(), *self._marks(), 0) + 1

    def _wanted(self) -> str:
        symbols, marks = len(self._spelled()), len(self._marks())
        return f"{self._channels()} channels for {symbols} symbols and {marks} marks"


def _whole(values: NDArray[np.float32], output: str) -> NDArray[np.int64]:
    whole = np.rint(values)
    if np.abs(values - whole).max(initial=0) > 0:
        raise DecoderError(
            f"output {output} holds {float(values[values != whole][0]):g}, expected whole numbers: one "
            "symbol's index a step"
        )
    return whole.astype(np.int64)
