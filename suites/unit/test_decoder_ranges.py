"""Answers that break what a decoder promises, and the settings that would keep it."""

from __future__ import annotations

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.core.predictions import ClassScores, Detections, LabelMap
from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from quantgate.decoders.class_map import ClassMapDecoder
from quantgate.decoders.image import ImageDecoder
from quantgate.decoders.protocol import Port
from quantgate.decoders.ranges import Expected, misreadings, picture_range
from quantgate.decoders.yolo_rows import YoloV8Decoder
from quantgate.engine.look.feeding import Answer
from quantgate.engine.look.readers import Outlook
from quantgate.engine.look.views import read
from quantgate.errors import DecoderError

SIZE = (64, 48)
FRAME = Frame((128, 96), SIZE, (0.5, 0.5), (0.0, 0.0))


def objects(boxes: list[list[float]], score: float = 0.9, label: int = 0) -> Detections:
    """Objects of one score and class."""
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32), np.full(count, score, np.float32), np.full(count, label)
    )


GOOD = [[4.0, 4.0, 30.0, 20.0], [10.0, 10.0, 40.0, 44.0], [0.0, 0.0, 64.0, 48.0]]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (objects(GOOD), ""),
        (objects(GOOD, score=61.0), "scores run from 61 to 61, expected 0 to 1"),
        (objects(GOOD, score=-0.2), "scores run from -0.2 to -0.2, expected 0 to 1"),
        (objects(GOOD, label=3), "class 3 is found, and the dataset names 3 labels"),
        (objects((np.array(GOOD) / 64).tolist()), "fractions are taken for pixels"),
        (objects((np.array(GOOD) * 40).tolist()), "times as large as the picture"),
        (objects((np.array(GOOD) + 300).tolist()), "lie outside of the picture"),
        (ClassScores(np.array([-3.0, 7.0], np.float32)), "scores run from -3 to 7"),
        (LabelMap(np.full((4, 4), 7, np.uint8)), "class 7 is found, and the dataset names 3"),
    ],
)
def test_answers_outside_their_ranges_are_told(
    found: Detections | ClassScores | LabelMap, said: str
) -> None:
    """Each promise that is broken gives one sentence with what was found and expected."""
    broken = misreadings([found], SIZE, Expected(labels=3, most=100))
    assert said in "; ".join(each.sentence for each in broken)
    assert bool(broken) == bool(said)


def test_as_many_sure_objects_as_are_kept_on_every_image_are_none() -> None:
    """Key points in fractions pass for scores: all that is kept is sure, image for image."""
    crowd = objects(GOOD * 2)
    assert not misreadings([crowd] * 4, SIZE, Expected(most=100))
    (told,) = misreadings([crowd] * 4, SIZE, Expected(most=6))
    assert told.what == "crowd"


def test_a_picture_in_another_scale_is_told() -> None:
    """Outputs of 0..255 multiplied by 255, and outputs of 0..1 that are not, are both refused."""
    shades = np.linspace(0, 255, 100).astype(np.float32)
    assert not picture_range(shades, 1.0)
    assert picture_range((shades * 255).astype(np.float32), 1.0)
    assert picture_range((shades / 255).astype(np.float32), 1.0)


def pose(scale: float) -> dict[str, np.ndarray]:
    """A head of one class with seventeen key points, in pixels."""
    rng = np.random.default_rng(4)
    table = np.zeros((1, 56, 90), np.float32)
    table[0, :4] = rng.uniform(12, 40, (4, 90)) * scale
    table[0, 4] = rng.uniform(0, 1, 90)
    table[0, 5:] = rng.uniform(5, 60, (51, 90))
    return {"out": table}


@pytest.mark.parametrize(
    ("scale", "remedy"),
    [
        (1.0, '{ kind = "yolo-v8", coefficients = 51 }'),
        (1 / 64, '{ kind = "yolo-v8", units = "relative", coefficients = 51 }'),
    ],
)
def test_what_would_read_a_pose_head_is_tried_and_named(scale: float, remedy: str) -> None:
    """The settings that keep every promise on these very outputs are in the message."""
    answers = tuple(Answer(pose(scale), FRAME) for _ in range(3))
    outlook = Outlook("detection", answers, labels=0)
    decoder = YoloV8Decoder()
    found = [read(decoder, each.outputs, each.frame).prediction for each in answers]
    assert outlook.broken(decoder, found)
    assert remedy in outlook.remedy(decoder)


def test_decoders_of_the_task_that_read_the_outputs_are_named() -> None:
    """Boxes and scores apart are offered the decoder for them, and no other task's."""
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(2, 46, (1, 40, 2, 2)), axis=2).reshape(1, 40, 4)
    outputs = {
        "boxes": (corners / [64, 48, 64, 48]).astype(np.float32),
        "scores": rng.uniform(0, 1, (1, 40, 2)).astype(np.float32),
    }
    outlook = Outlook("detection", (Answer(outputs, FRAME),), labels=2)
    assert outlook.reads(BoxesScoresDecoder())
    said = outlook.remedy(BoxesScoresDecoder(units="pixels"))
    assert 'units = "relative"' in said
    assert "image" not in said


def test_classes_that_a_dataset_leaves_out_are_told_with_their_key() -> None:
    """A model of more classes than a filtered dataset needs a table, and no other decoder."""
    table = np.zeros((1, 8, 40), np.float32)
    table[0, :4] = 20.0
    table[0, 7] = 0.9
    decoder = YoloV8Decoder()
    outlook = Outlook("detection", (Answer({"out": table}, FRAME),), labels=2)
    found = [decoder.decode({"out": table}, FRAME)]
    assert [each.what for each in outlook.broken(decoder, found)] == ["classes"]
    assert "set decoder.class_ids to the label of each class" in outlook.remedy(
        decoder, classes=True
    )
    assert "decoder.class_ids" not in outlook.remedy(decoder)


def test_logits_of_one_channel_are_no_classes() -> None:
    """A map of logits is refused with the key to set, and read with it."""
    logits = {"out": np.array([[[[-5.2, 3.1], [0.4, -0.1]]]], np.float32)}
    frame = Frame((2, 2), (2, 2), (1.0, 1.0), (0.0, 0.0))
    with pytest.raises(DecoderError, match=r'neither classes nor shares.*activation = "sigmoid"'):
        ClassMapDecoder().decode(logits, frame)
    found = ClassMapDecoder(activation="sigmoid").decode(logits, frame)
    assert found.labels.tolist() == [[0, 1], [1, 0]]


def test_a_picture_without_channels_is_one() -> None:
    """[1,H,W] is a picture of one channel, and a table of few columns is not."""
    ports = [Port("out", (1, 24, 32))]
    ImageDecoder().check(ports)
    found = ImageDecoder().decode({"out": np.full((1, 24, 32), 0.5, np.float32)}, FRAME)
    assert found.pixels.shape == (24, 32, 3)
    assert not ImageDecoder.fits([Port("out", (1, 100, 6))])
