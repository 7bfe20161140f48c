from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.boxes_labels import BoxesLabelsDecoder
from quantgate.decoders.class_map import ClassMapDecoder
from quantgate.decoders.image import ImageDecoder
from quantgate.decoders.protocol import Port
from quantgate.engine.evaluate import check_decoder
from quantgate.errors import DecoderError

PLAIN = Frame((8, 6), (8, 6), (1.0, 1.0), (0.0, 0.0))
BOXED = Frame((16, 8), (8, 8), (0.5, 0.5), (0.0, 2.0))


def one_hot(classes: Any, count: int) -> np.ndarray[Any, Any]:
    """Scores [1, h, w, count] whose best is the given class."""
    scores: np.ndarray[Any, Any] = np.eye(count, dtype=np.float32)[np.asarray(classes)][None]
    return scores


@pytest.mark.parametrize("resize", ["nearest", "linear"])
@pytest.mark.parametrize("first", [False, True])
def test_the_best_class_of_every_pixel_is_found(*, first: bool, resize: Any) -> None:
    """Scores of either layout become the class of every pixel."""
    truth = np.random.default_rng(0).integers(0, 5, (6, 8))
    scores = one_hot(truth, 5)
    outputs = {"out": scores.transpose(0, 3, 1, 2) if first else scores}
    found = ClassMapDecoder(resize=resize).decode(outputs, PLAIN)
    assert found.labels.dtype == np.uint8
    assert np.array_equal(found.labels, truth)


@pytest.mark.parametrize("resize", ["nearest", "linear"])
def test_a_map_returns_to_the_original_image(resize: Any) -> None:
    """Padding is left out, and the rest is stretched to the image."""
    classes = np.zeros((8, 8), int)
    classes[2:6, :4], classes[2:6, 4:], classes[:2], classes[6:] = 1, 2, 3, 3
    found = ClassMapDecoder(resize=resize).decode({"out": one_hot(classes, 4)}, BOXED)
    assert found.labels.shape == (8, 16)
    assert np.unique(found.labels[1:-1, :7]).tolist() == [1]
    assert np.unique(found.labels[1:-1, 9:]).tolist() == [2]


@pytest.mark.parametrize("shape", [(1, 6, 8), (1, 1, 6, 8), (1, 6, 8, 1)])
def test_a_map_of_classes_is_taken_as_it_is(shape: tuple[int, ...]) -> None:
    """An argmax inside the graph gives classes already."""
    truth = np.random.default_rng(0).integers(0, 20, (6, 8)).astype(np.float32)
    found = ClassMapDecoder().decode({"out": truth.reshape(shape)}, PLAIN)
    assert np.array_equal(found.labels, truth)


def test_class_ids_rename_and_ignore() -> None:
    """-1 makes pixels that count neither way; a class beyond the list is an error."""
    outputs = {"out": one_hot([[0, 1, 2]], 3)}
    frame = Frame((3, 1), (3, 1), (1.0, 1.0), (0.0, 0.0))
    found = ClassMapDecoder(class_ids=(-1, 0, 7), layout="nhwc").decode(outputs, frame)
    assert found.labels.tolist() == [[255, 0, 7]]
    with pytest.raises(DecoderError, match="names 2 classes, the model found class 2"):
        ClassMapDecoder(class_ids=(0, 1), layout="nhwc").decode(outputs, frame)


@pytest.mark.parametrize("value", [-1.0, 300.0])
def test_classes_outside_a_byte_are_refused(value: float) -> None:
    """A map of classes holds classes."""
    with pytest.raises(DecoderError, match="a map of classes holds"):
        ClassMapDecoder().decode({"out": np.full((1, 6, 8), value)}, PLAIN)


def test_only_one_map_is_read() -> None:
    """Two maps need a name."""
    ports = [Port("a", (1, 21, 65, 65)), Port("b", (1, 19, 65, 65))]
    with pytest.raises(DecoderError, match="decoder class-map expects one map"):
        ClassMapDecoder().check(ports)
    ClassMapDecoder(outputs=("b",)).check(ports)


@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (1, 4, 5, 3)])
def test_pictures_become_bgr_of_0_to_255(shape: tuple[int, ...]) -> None:
    """Layout, colour order and scale are undone; values are cut, not rounded."""
    values = np.zeros((4, 5, 3), np.float32)
    values[..., 0], values[..., 1], values[..., 2] = 0.25, 2.0, -1.0
    outputs = {"out": (values.transpose(2, 0, 1) if shape[1] == 3 else values)[None]}
    found = ImageDecoder(colour="rgb").decode(outputs, PLAIN).pixels
    assert found.dtype == np.float32
    assert found.shape == (4, 5, 3)
    assert found[0, 0].tolist() == [0.0, 255.0, 63.75]


def test_a_grey_picture_has_three_equal_channels() -> None:
    """Luma alone is shown grey."""
    found = ImageDecoder(scale=1.0).decode({"out": np.full((1, 1, 4, 5), 99.5)}, PLAIN).pixels
    assert found.shape == (4, 5, 3)
    assert np.unique(found).tolist() == [99.5]


def test_an_output_that_is_no_picture_is_refused() -> None:
    """21 channels are no colours; NaN is named."""
    with pytest.raises(DecoderError, match=r"decoder image expects one picture.*class-map"):
        check_decoder(ImageDecoder(), [Port("out", (1, 21, 65, 65))], "image_to_image")
    with pytest.raises(DecoderError, match="output out holds NaN"):
        ImageDecoder().decode({"out": np.full((1, 3, 4, 5), np.nan)}, PLAIN)


BOXES = [[0, 2, 4, 6], [4, 2, 8, 4]]


@pytest.mark.parametrize(
    "outputs",
    [
        {"boxes": [[*BOXES[0], 0.5], [*BOXES[1], 0.9]], "labels": [3, 1]},
        {"boxes": BOXES, "labels": [3, 1], "scores": [0.5, 0.9]},
        {"out": [[[*BOXES[0], 0.5, 3], [*BOXES[1], 0.9, 1]]]},
    ],
)
def test_rows_of_objects_are_read_in_every_form(outputs: dict[str, Any]) -> None:
    """Scores and labels may stand in the table or beside it."""
    arrays = {name: np.array(value, np.float32) for name, value in outputs.items()}
    found = BoxesLabelsDecoder().decode(arrays, BOXED)
    assert found.labels.tolist() == [1, 3]
    assert found.boxes.tolist() == [[8.0, 0.0, 16.0, 4.0], [0.0, 0.0, 8.0, 8.0]]


def test_rows_without_labels_are_one_class_and_may_be_suppressed() -> None:
    """A class-agnostic detector finds label 0; `iou_threshold` suppresses what its graph left."""
    table = np.array([[0, 2, 4, 6, 0.5], [0, 2, 4, 6, 0.9], [0, 0, 0, 0, 0]], np.float32)
    assert BoxesLabelsDecoder().decode({"boxes": table}, BOXED).labels.tolist() == [0, 0]
    once = BoxesLabelsDecoder(iou_threshold=0.5).decode({"boxes": table}, BOXED)
    assert once.scores.tolist() == [pytest.approx(0.9)]


def test_boxes_may_come_with_y_first() -> None:
    """TensorFlow's order of edges is turned round."""
    rows = {"boxes": np.array([[2, 0, 6, 4]], np.float32)}
    rows |= {"scores": np.array([0.9], np.float32), "labels": np.array([2], np.float32)}
    found = BoxesLabelsDecoder(box_format="yxyx", label_offset=1).decode(rows, BOXED)
    assert (found.boxes.tolist(), found.labels.tolist()) == ([[0.0, 0.0, 8.0, 8.0]], [1])


def test_rows_with_unnamed_columns_need_their_order() -> None:
    """Two vectors that no name tells apart have to be named as scores, labels."""
    ports = [Port("a", (100, 4)), Port("b", (100,)), Port("c", (100,))]
    with pytest.raises(DecoderError, match="name them in `outputs`"):
        BoxesLabelsDecoder().check(ports)
    BoxesLabelsDecoder(outputs=("a", "b", "c")).check(ports)


def test_masks_have_a_threshold() -> None:
    """From it on a pixel is of class 1, in the output's unit, or in shares after a sigmoid."""
    frame = Frame((4, 2), (4, 2), (1.0, 1.0), (0.0, 0.0))
    shares = np.array([[[[0.1, 0.29, 0.3, 0.9]] * 2]], np.float32)

    def read(values: Any, **keys: Any) -> list[int]:
        found = ClassMapDecoder(layout="nchw", **keys).decode({"out": values}, frame)
        return [int(label) for label in found.labels[0]]

    assert read(shares) == [0, 0, 0, 1]
    assert read(shares, threshold=0.3) == [0, 0, 1, 1]
    assert read(255 * shares, threshold=70) == [0, 1, 1, 1]
    logits = np.log(shares / (1 - shares)) + np.array([0, 0, 1e-4, 0], np.float32)
    assert read(logits, threshold=0.3, activation="sigmoid") == [0, 0, 1, 1]
