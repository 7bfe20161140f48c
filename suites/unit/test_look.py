"""The look at a parent: fed wrongly it is told so, with annotations and without; fed rightly it is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.core.predictions import ClassLabel, Rendering
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.db import DbDecoder
from quantgate.decoders.ssd import SsdDecoder
from quantgate.decoders.tensors import TensorsDecoder
from quantgate.decoders.yolo_rows import YoloV8Decoder
from quantgate.engine.artifact import load, save
from quantgate.engine.embed import embed
from quantgate.engine.evaluate import Bench
from quantgate.engine.look.calibration import health
from quantgate.engine.look.examine import examine
from quantgate.engine.look.plausible import implausible
from quantgate.engine.look.variants import is_near, other_feedings
from quantgate.engine.runtime import Target
from quantgate.entries import EvaluationPlan, ModelEntry, Preprocess
from quantgate.pipeline.feeding import reaching
from quantgate.pipeline.optimize import _lowered
from quantgate.sources.local import LocalSource
from quantgate.sources.opset import opset
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from quantgate.engine.artifact import Artifact

TARGET = Target(hint="latency")
LABELS = ("red", "yellow", "green", "cyan", "blue", "magenta")
#: Blue, green, red of each class.
COLOURS = np.array([[0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1]], np.float32)
RIGHT = Preprocess(colour="rgb", mean=127.5, scale=127.5)


def classifier() -> ov.Model:
    """Name the colour of a picture from the mean of its channels, red first; blind outside -1..1."""
    ops = opset()
    image = ops.parameter([1, 3, 16, 16], np.float32, name="image")
    mean = ops.reduce_mean(image, np.array([2, 3]), keep_dims=False)
    within = ops.less_equal(ops.abs(mean), ops.constant(np.float32(1)))
    near = ops.multiply(mean, ops.convert(within, "f32"))
    weights = ops.constant((COLOURS[:, ::-1] * 2 - 1).T * np.float32(6))
    scores = ops.softmax(ops.matmul(near, weights, False, False), axis=1)
    scores.output(0).set_names({"scores"})
    return ov.Model([scores], [image], "colours")


def samples(count: int = 60, *, annotated: bool = True, shifted: int = 0) -> tuple[Sample, ...]:
    """Grainy pictures of one colour each."""

    def painted(index: int) -> Callable[[], NDArray[np.uint8]]:
        def render() -> NDArray[np.uint8]:
            rng = np.random.default_rng(index)
            colour = COLOURS[index % 6] * rng.uniform(120, 200) + rng.uniform(10, 50)
            grain = rng.normal(0, 30, (40, 50, 3))
            return np.asarray(np.clip(colour + grain, 0, 255), np.uint8)

        return render

    return tuple(
        Sample(
            f"{k:03}.png",
            painted(k),
            f"digest {k}",
            ClassLabel((k + shifted) % 6) if annotated else None,
            group=k % 6,
        )
        for k in range(count)
    )


def bench(plan: Preprocess, *, annotated: bool = True, shifted: int = 0, **options: Any) -> Bench:
    """What the classifier is looked at on."""
    dataset = Dataset("colours", samples(annotated=annotated, shifted=shifted), LABELS, "digest")
    task = TASKS["classification"]
    return Bench(dataset, plan, ClassScoresDecoder(**options), task, "classification")


def parent(model: ov.Model, plan: Preprocess, folder: Path) -> Artifact:
    """Write a model with its preprocessing embedded."""
    save(embed(model, plan), folder)
    return load(folder)


@pytest.mark.parametrize("annotated", [True, False])
def test_a_parent_that_is_fed_as_it_was_trained_is_left_alone(
    tmp_path: Path, *, annotated: bool
) -> None:
    """Nothing is noted, and the first answers are there to be drawn."""
    found = examine(
        parent(classifier(), RIGHT, tmp_path), bench(RIGHT, annotated=annotated), TARGET
    )
    assert (found.problem, found.notes) == ("", ())
    assert len(found.seen) == 4
    assert found.seen[0][1].shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("lie", "annotated", "told"),
    [
        ({"colour": "bgr"}, True, 'with preprocess colour = "rgb"'),
        ({"mean": 0.0, "scale": 1.0}, True, "scale = 127.5"),
        ({"mean": 0.0, "scale": 3000.0}, True, "scale = 127.5"),
        ({"mean": 0.0, "scale": 3000.0}, False, "would follow the pictures better"),
        ({"mean": 900.0}, False, "would follow the pictures better"),
    ],
)
def test_a_parent_that_is_fed_otherwise_is_told(
    tmp_path: Path, lie: dict[str, Any], told: str, *, annotated: bool
) -> None:
    """What is wrong with colour, mean or scale is named with the keys that would be right."""
    plan = replace(RIGHT, **lie)
    found = examine(parent(classifier(), plan, tmp_path), bench(plan, annotated=annotated), TARGET)
    assert told in "; ".join(found.notes)


def test_feeding_is_not_blamed_for_classes_that_are_counted_otherwise(tmp_path: Path) -> None:
    """A feeding under which the parent is less sure of what is annotated wrongly is no better one."""
    found = examine(parent(classifier(), RIGHT, tmp_path), bench(RIGHT, shifted=1), TARGET)
    assert (found.problem, found.notes) == ("", ())


def test_scores_that_are_none_end_the_look(tmp_path: Path) -> None:
    """Logits under `softmax = false` are refused, with the setting that reads them."""
    ops = opset()
    image = ops.parameter([1, 3, 16, 16], np.float32, name="image")
    mean = ops.reduce_mean(image, np.array([2, 3]), keep_dims=False)
    weights = ops.constant(np.eye(3, 6, dtype=np.float32) * 9)
    logits = ops.matmul(mean, weights, False, False)
    logits.output(0).set_names({"logits"})
    model = ov.Model([logits], [image], "logits")
    found = examine(parent(model, RIGHT, tmp_path), bench(RIGHT, softmax=False), TARGET)
    assert "expected 0 to 1" in found.problem
    assert 'decoder = { kind = "class-scores", softmax = "auto" }' in found.problem


def test_answers_that_are_no_numbers_need_no_other_decoder(tmp_path: Path) -> None:
    """NaN is a matter of what the model is fed, or of its export."""
    ops = opset()
    image = ops.parameter([1, 3, 16, 16], np.float32, name="image")
    mean = ops.reduce_mean(image, np.array([2, 3]), keep_dims=False)
    nothing = ops.multiply(mean, ops.constant(np.float32(0)))
    scores = ops.softmax(ops.divide(nothing, nothing), axis=1)
    scores.output(0).set_names({"scores"})
    model = ov.Model([scores], [image], "nan")
    found = examine(parent(model, RIGHT, tmp_path), bench(RIGHT), TARGET)
    assert "output scores holds NaN or infinity in 3 of 3 values" in found.problem
    assert found.problem.endswith("; check preprocess (mean, scale) and the model's export")


def test_a_decoder_of_other_shapes_ends_the_look(tmp_path: Path) -> None:
    """Outputs that the decoder cannot read are told before anything is inferred."""
    artifact = parent(classifier(), RIGHT, tmp_path)
    other = replace(bench(RIGHT), decoder=SsdDecoder(), task_name="detection")
    found = examine(artifact, other, TARGET)
    assert found.images == 0
    assert "decoder ssd expects" in found.problem


def pose() -> ov.Model:
    """Give seventeen places, confidences among them, that depend on the picture's brightness."""
    ops = opset()
    image = ops.parameter([1, 3, 16, 16], np.float32, name="image")
    mean = ops.sigmoid(ops.reduce_mean(image, np.array([1, 2, 3]), keep_dims=True))
    spread = np.random.default_rng(0).uniform(0.4, 0.9, (1, 1, 17, 3)).astype(np.float32)
    places = ops.multiply(mean, ops.constant(spread))
    places.output(0).set_names({"places"})
    return ov.Model([places], [image], "pose")


def test_raw_outputs_are_told_which_task_they_are_meant_for(tmp_path: Path) -> None:
    """Compared without their meaning, key points are recognized; a plain vector may be anything, and is not."""
    raw = replace(
        bench(RIGHT), decoder=TensorsDecoder(), task=TASKS["generic"], task_name="generic"
    )

    told = "; ".join(examine(parent(pose(), RIGHT, tmp_path / "pose"), raw, TARGET).notes)
    untold = examine(parent(classifier(), RIGHT, tmp_path / "classes"), raw, TARGET).notes

    assert "decoders of other tasks read them as they promise: keypoints (movenet); limits" in told
    assert not [note for note in untold if "other tasks" in note]


def pictures(value: Callable[[int], NDArray[np.uint8]], count: int = 20) -> Dataset:
    """A calibration set of pictures that a function draws."""
    made = tuple(
        Sample(f"{k}.png", (lambda k=k: value(k)), f"digest {k}")  # type: ignore[misc]
        for k in range(count)
    )
    return Dataset("calibration", made, (), "digest")


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda _: np.zeros((20, 20, 3), np.uint8), "are of one colour"),
        (
            lambda _: np.random.default_rng(7).integers(0, 255, (40, 40, 3), np.uint8),
            "show the same as another",
        ),
        (lambda k: np.random.default_rng(k).integers(0, 255, (40, 40, 3), np.uint8), ""),
    ],
)
def test_calibration_pictures_that_teach_nothing_are_suspected(draw: Any, told: str) -> None:
    """Black pictures and one picture many times are told, different ones are not."""
    said = "; ".join(health(pictures(draw)))
    assert told in said
    assert bool(said) == bool(told)


def drawn(brightness: float, colour: float) -> Callable[[int], NDArray[np.uint8]]:
    """Draw pictures of a certain brightness and colour that differ in what they show."""

    def draw(number: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng(number)
        grey = rng.normal(brightness, 30, (8, 8, 1)) + rng.normal(0, 15)
        small = np.clip(grey + rng.uniform(-colour, colour, 3), 0, 255).astype(np.uint8)
        return small.repeat(5, axis=0).repeat(5, axis=1)

    return draw


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (drawn(130, 60), ""),
        (drawn(110, 60), ""),
        (drawn(30, 60), "brightness"),
        (drawn(130, 0), "colourfulness"),
    ],
)
def test_foreign_calibration_pictures_are_named(shown: Any, told: str) -> None:
    """Dark or grey pictures where bright or coloured ones are judged are told by the difference and by name."""
    judged = replace(pictures(drawn(130, 60), 40), name="evaluation")
    said = "; ".join(health(pictures(shown), judged=judged))
    assert bool(said) == bool(told)
    if told:
        assert f"are unlike those of datasets.evaluation (evaluate.dataset): {told} " in said
        assert ".png, …): calibrate on pictures like those" in said


def test_a_decoder_keeps_what_the_hysteresis_looks_for() -> None:
    """Its threshold is lowered to the judge's less the hysteresis, and never raised."""
    plan = EvaluationPlan("images", score_threshold=0.5, hysteresis=0.1)
    lowered = reaching(YoloV8Decoder(score_threshold=0.5), plan)
    assert getattr(lowered, "score_threshold", None) == pytest.approx(0.4)
    low = YoloV8Decoder(score_threshold=0.01)
    assert reaching(low, plan) is low


@pytest.mark.parametrize(("threshold", "told"), [(0.5, 0), (0.6, 1), (0.1, 0)])
def test_a_threshold_that_somebody_set_is_said_where_it_is_lowered(
    threshold: float, told: int
) -> None:
    """Not the decoder's own, which nobody wrote down."""
    decoder = DbDecoder(score_threshold=threshold)
    plan = EvaluationPlan("images")
    entry = ModelEntry("m", "quads", LocalSource(Path("net.xml")), decoder, plan)

    notes = _lowered(entry)

    assert len(notes) == told
    assert all("score_threshold 0.6 is taken as 0.45" in note for note in notes)


def test_objects_that_a_crop_cuts_away_are_counted() -> None:
    """What lies outside of the input cannot be found, and is said with its number."""
    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Objects
    from quantgate.engine.look.plausible import cut_away

    boxes = np.array([[0, 0, 8, 8], [20, 20, 30, 30]], np.float32)
    truth = Objects(boxes, np.zeros(2, int), np.zeros(2, bool), np.ones(2, np.float32))
    sample = replace(samples(1)[0], truth=truth)
    frame = Frame((50, 40), (30, 30), (1.0, 1.0), (-10.0, -5.0))
    (said,) = cut_away([sample], [frame])
    assert "leaves 25% or more of 1 of 2 annotated objects out of the input" in said
    assert not cut_away([sample], [Frame((50, 40), (50, 40), (1.0, 1.0), (0.0, 0.0))])


def test_grey_targets_of_a_model_that_paints_in_colour_are_told() -> None:
    """Depth is grey on both sides; colours that no target has are of other targets."""
    rng = np.random.default_rng(0)
    colour = [Rendering(rng.integers(0, 255, (9, 9, 3)).astype(np.float32)) for _ in range(8)]
    grey = [Rendering(np.repeat(one.pixels[..., :1], 3, axis=2)) for one in colour]
    (note,) = implausible(colour, grey, ())
    assert "gives pictures in colour, and the targets of 8 images are grey" in note
    assert implausible(colour, colour, ()) == implausible(grey, grey, ()) == []


def test_annotations_of_one_class_praise_no_feeding(tmp_path: Path) -> None:
    """Under which all pictures look alike is no better way to feed, although it fits one class for all."""
    plan = replace(RIGHT, mean=900.0)
    made = bench(plan)
    same = tuple(replace(one, truth=ClassLabel(0)) for one in made.dataset.samples)
    made = replace(made, dataset=replace(made.dataset, samples=same))
    notes = "; ".join(examine(parent(classifier(), plan, tmp_path), made, TARGET).notes)
    assert "would fit the annotations better" not in notes
    assert "would follow the pictures better" in notes


def test_a_like_range_is_tried_without_a_suspicion() -> None:
    """0..1 for -1..1 may cost little enough to look right: these are always compared."""
    unit = Preprocess(colour="rgb", scale=255)
    near = [other for other in other_feedings(unit) if is_near(unit, other)]
    assert [one.mean for one in near] == [127.5, (123.675, 116.28, 103.53)]
    assert not any(is_near(Preprocess(), other) for other in near)
