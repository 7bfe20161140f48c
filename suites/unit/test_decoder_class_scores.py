from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

FRAME = Frame((10, 10), (10, 10), (1.0, 1.0), (0.0, 0.0))
LOGITS = np.log(np.array([0.1, 0.2, 0.7], np.float32)) + 3
SHARES = np.array([0.1, 0.2, 0.7], np.float32)


def scores(values: np.ndarray[Any, Any], **options: Any) -> list[float]:
    """Decode one output."""
    decoded = ClassScoresDecoder(**options).decode({"out": values}, FRAME)
    rounded: list[float] = np.round(decoded.scores, 4).tolist()
    return [round(value, 4) for value in rounded]


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 3, 1, 1), (1, 1, 1, 3)])
def test_scores_of_any_shape_with_one_dimension_are_read(shape: tuple[int, ...]) -> None:
    """Dimensions of 1 do not matter."""
    assert scores(SHARES.reshape(shape)) == [0.1, 0.2, 0.7]


@pytest.mark.parametrize(
    ("values", "softmax", "expected"),
    [
        (LOGITS, "auto", [0.1, 0.2, 0.7]),
        (SHARES, "auto", [0.1, 0.2, 0.7]),
        (LOGITS, True, [0.1, 0.2, 0.7]),
        (SHARES, False, [0.1, 0.2, 0.7]),
        (SHARES + 0.02, "auto", [0.12, 0.22, 0.72]),
        (np.array([2.0, 2.0]), False, [2.0, 2.0]),
    ],
)
def test_softmax_is_applied_where_scores_are_no_distribution(
    values: np.ndarray[Any, Any], softmax: Any, expected: list[float]
) -> None:
    """Logits become probabilities; probabilities, even rounded by INT8, stay."""
    assert scores(values[None], softmax=softmax) == expected


@pytest.mark.parametrize(
    ("background", "expected"),
    [(False, [0.1, 0.2, 0.7]), (True, [0.2, 0.7]), (0, [0.2, 0.7]), (2, [0.1, 0.2])],
)
def test_the_background_class_is_dropped(background: Any, expected: list[float]) -> None:
    """True drops class 0, a number that class."""
    assert scores(SHARES[None], background=background) == expected


def test_class_ids_name_the_label_of_each_class() -> None:
    """Classes are reordered as labels, and -1 is left out."""
    assert scores(SHARES[None], class_ids=(3, -1, 0)) == [0.7, 0.0, 0.0, 0.1]
    with pytest.raises(DecoderError, match="names 2 classes, the model has 3"):
        scores(SHARES[None], class_ids=(0, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_an_error(bad: float) -> None:
    """NaN and infinity name the output and how many there are."""
    with pytest.raises(DecoderError, match="output out holds NaN or infinity in 1 of 3"):
        scores(np.array([[bad, 0, 1]]))


def test_huge_but_finite_values_are_no_error() -> None:
    """A sum that overflows is not taken for infinity."""
    assert scores(np.array([[3e38, 3e38]], np.float32)) == [0.5, 0.5]


@pytest.mark.parametrize(
    "ports",
    [
        [Port("boxes", (1, 10, 4)), Port("scores", (1, 10, 2))],
        [Port("a", (1, 10)), Port("b", (1, 10))],
        [Port("a", (1, -1))],
        [],
    ],
)
def test_other_outputs_are_refused(ports: list[Port]) -> None:
    """Anything but exactly one row of scores is refused at once."""
    with pytest.raises(DecoderError, match="decoder class-scores expects one output"):
        ClassScoresDecoder().check(ports)


def test_one_of_several_rows_is_chosen_by_name() -> None:
    """Where two outputs are rows of scores, `outputs` says which."""
    ports = [Port("a", (1, 10)), Port("b", (1, 10))]
    ClassScoresDecoder(outputs=("b",)).check(ports)
    with pytest.raises(DecoderError, match=r"name c, .* found the outputs a \[1,10\], b \[1,10\]"):
        ClassScoresDecoder(outputs=("c",)).check(ports)


def test_a_class_instead_of_scores_needs_their_number() -> None:
    """A classifier that ends in ArgMax is read once `classes` says how many it knows."""
    ports = [Port("label", (1,))]
    with pytest.raises(DecoderError, match=r"output label is one number.*set decoder\.classes"):
        ClassScoresDecoder().check(ports)
    decoder = ClassScoresDecoder(classes=4)
    decoder.check(ports)
    assert decoder.decode({"label": np.array([2])}, FRAME).scores.tolist() == [0, 0, 1, 0]
    with pytest.raises(DecoderError, match="holds 4, expected a class from 0 to 3"):
        decoder.decode({"label": np.array([4])}, FRAME)


def test_a_dynamic_batch_is_no_obstacle() -> None:
    """The batch may be dynamic: it is 1 when images are fed."""
    ClassScoresDecoder().check([Port("a", (-1, 1000))])
