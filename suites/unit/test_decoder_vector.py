"""The decoder of embeddings: directions and distances, tokens and maps, and what is no vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.catalog import fitting_kinds
from quantgate.decoders.ports import MisfitError
from quantgate.decoders.protocol import Port
from quantgate.decoders.vector import VectorDecoder
from quantgate.errors import DecoderError

FRAME = Frame((9, 9), (9, 9), (1, 1), (0, 0))
RNG = np.random.default_rng(0)
ROW = RNG.normal(size=(1, 8)).astype(np.float32)
TOKENS = RNG.normal(size=(1, 5, 8)).astype(np.float32)
MAP = RNG.normal(size=(1, 8, 3, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("values", "pool", "expected"),
    [
        (ROW, "none", ROW[0]),
        (ROW.reshape(1, 8, 1, 1), "none", ROW[0]),
        (MAP, "none", MAP.ravel()),
        (MAP, "mean", MAP[0].mean(axis=(1, 2))),
        (MAP, "max", MAP[0].max(axis=(1, 2))),
        (MAP, "first", MAP[0, :, 0, 0]),
        (TOKENS, "mean", TOKENS[0].mean(axis=0)),
        (TOKENS, "max", TOKENS[0].max(axis=0)),
        (TOKENS, "first", TOKENS[0, 0]),
    ],
)
def test_numbers_become_a_vector(values: Any, pool: Any, expected: Any) -> None:
    """As they are for distances, of length 1 for directions; tokens and places pooled as asked for."""
    decoder = VectorDecoder(compare="euclidean", pool=pool)
    decoder.check([Port("out", values.shape)])
    plain = decoder.decode({"out": values}, FRAME)
    turned = VectorDecoder(pool=pool).decode({"out": values}, FRAME)

    assert plain.euclidean
    assert not turned.euclidean
    np.testing.assert_allclose(plain.vector, expected, rtol=1e-5)
    np.testing.assert_allclose(turned.vector, expected / np.linalg.norm(expected), rtol=1e-5)
    assert plain.vector.dtype == turned.vector.dtype == np.float32


def test_the_output_is_found() -> None:
    """The only vector beside maps; among several vectors by its name."""
    ports = [Port("features", (1, 64, 7, 7)), Port("embedding", (1, 64))]
    assert VectorDecoder().picked(ports).name == "embedding"
    both = [*ports, Port("logits", (1, 10))]
    with pytest.raises(MisfitError, match="name it in `outputs`"):
        VectorDecoder().check(both)
    assert VectorDecoder(outputs=("embedding",)).picked(both).name == "embedding"


@pytest.mark.parametrize("shape", [(4, 64), (64,), (1, 1), (1, -1, -1, 8)])
def test_what_is_no_vector_is_refused(shape: tuple[int, ...]) -> None:
    """Several images, one number, or sides that nobody knows."""
    with pytest.raises(MisfitError, match="vector expects one output of one image's numbers"):
        VectorDecoder().check([Port("out", shape)])


def test_pooling_needs_tokens_or_places() -> None:
    """A row has neither."""
    with pytest.raises(MisfitError):
        VectorDecoder(pool="mean").check([Port("out", (1, 64))])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((1, 8), np.float32), "has no direction"),
        (np.full((1, 8), np.nan), "NaN or infinity"),
    ],
)
def test_broken_numbers_are_refused(values: Any, said: str) -> None:
    """With the output's name."""
    with pytest.raises(DecoderError, match=said):
        VectorDecoder().decode({"out": values}, FRAME)


@pytest.mark.parametrize(
    ("shape", "is_one"),
    [
        ((1, 512), True),
        ((1, 256, 1, 1), True),
        ((1, 10), False),
        ((1, 3, 64, 64), False),
        ((1, 100, 85), False),
    ],
)
def test_it_is_proposed_for_rows_of_features_alone(shape: tuple[int, ...], *, is_one: bool) -> None:
    """Nearly any output is a vector: hints name it only where it looks like one."""
    assert fitting_kinds([Port("out", shape)], "embedding") == (("vector",) if is_one else ())
