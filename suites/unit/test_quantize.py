from __future__ import annotations

import logging
import re
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.datasets.sample import Sample
from quantgate.engine import statistics
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.calibration import Aim, Calibration
from quantgate.engine.interface import integrity
from quantgate.engine.quantize import quantize
from quantgate.engine.quantizers import layers, quantizers
from quantgate.entries import (
    Advanced,
    IgnoredScope,
    Preprocess,
    RangeEnd,
    RangeEstimator,
    Recipe,
    Unquantized,
)
from quantgate.errors import DatasetError, QuantizationError
from quantgate.pair import Pair
from quantgate.sources.local import LocalSource
from quantgate.stack import version
from quantgate.store import Store

try:
    from openvino import opset8 as op
except ImportError:  # OpenVINO 2024 keeps it elsewhere
    from openvino.runtime import opset8 as op

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.engine.artifact import Artifact

F32 = {"INFERENCE_PRECISION_HINT": "f32"}
RECIPE = Recipe(dataset="pictures", subset=4)
#: Ranges of activations as the least and greatest of all images, not as means over them.
EXTREMES = Advanced(
    activations_range_estimator_params=RangeEstimator(
        RangeEnd("min", "min"), RangeEnd("max", "max")
    )
)


class Listener:
    """Notes what a progress is told."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.steps = 0

    def start(self, name: str, total: int) -> None:
        """Note it."""
        self.started.append((name, total))

    def advance(self, steps: int = 1) -> None:
        """Count it."""
        self.steps += steps

    def close(self) -> None:
        """Nothing to do."""


def picture(sample: Sample) -> NDArray[np.uint8]:
    """Render the input that belongs to a sample's digest."""
    seed = int.from_bytes(sample.digest.encode())
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)


def samples(count: int) -> tuple[Sample, ...]:
    """Give samples that differ in name and content."""
    return tuple(
        Sample(f"{n}.png", lambda: np.zeros((1, 1, 3), np.uint8), f"d{n}") for n in range(count)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store that the tests of this file share, as users' runs do."""
    return tmp_path_factory.mktemp("quantize")


@pytest.fixture
def store(folder: Path) -> Store:
    """Give a store."""
    return Store(folder / "store")


@pytest.fixture(scope="module")
def parent(folder: Path) -> Artifact:
    """Make a small network with two convolutions, its preprocessing embedded."""
    rng = np.random.default_rng(0)
    node: Any = op.parameter([1, 3, 16, 16], np.float32, name="image")
    inputs = [node]
    inputs[0].output(0).set_names({"image"})
    for name, channels in (("first", 3), ("second", 8)):
        kernel = op.constant(rng.normal(size=(8, channels, 3, 3)).astype(np.float32) / 5)
        node = op.convolution(node, kernel, [1, 1], [1, 1], [1, 1], [1, 1], name=f"{name}_conv")
        node = op.relu(node, name=f"{name}_relu")
    node = op.reduce_mean(node, op.constant([2, 3]), name="scores")
    node.output(0).set_names({"scores"})
    ov.save_model(ov.Model([node], inputs), folder / "net.xml", compress_to_fp16=False)
    source = LocalSource(folder / "net.xml")
    return parent_artifact(source, Preprocess(scale=255.0), folder, Store(folder / "store"))


def test_quantizes_once(parent: Artifact, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The optimized model holds FakeQuantize, keeps the interface, and is made once."""
    listener = Listener()
    calibration = Calibration(samples(4), picture, listener)
    made = quantize(parent, RECIPE, calibration, store)
    steps = listener.steps
    again = quantize(parent, RECIPE, calibration, store)

    found = integrity(Pair(parent, made.artifact))
    assert found.trace.fake_quantize >= 2
    assert found.trace.integer_weights == 2
    assert found.differences == ()
    assert made == again
    assert made.calibrated_on == ("0.png", "1.png", "2.png", "3.png")
    assert made.reached is None
    assert set(listener.started) == {("calibrate", 4)}
    assert steps == listener.steps == 4 * len(listener.started)
    assert capsys.readouterr() == ("", "")


def test_everything_that_counts_is_in_the_key(parent: Artifact, store: Store) -> None:
    """Another preset, other images and another order of images are other models."""
    chosen = samples(4)
    made = {
        quantize(parent, recipe, Calibration(drawn, picture), store).artifact.path
        for recipe, drawn in (
            (RECIPE, chosen),
            (Recipe("pictures", subset=4, preset="mixed"), chosen),
            (RECIPE, chosen[:3]),
            (RECIPE, chosen[::-1]),
        )
    }

    assert len(made) == 4


def test_quantization_repeats_exactly(parent: Artifact, tmp_path: Path) -> None:
    """The same parent, images and recipe give the same model in any store."""
    digests = {
        quantize(
            parent, RECIPE, Calibration(samples(4), picture), Store(tmp_path / name)
        ).artifact.digest
        for name in ("one", "other")
    }

    assert len(digests) == 1


WRONG = {
    "name": (IgnoredScope(names=("first_konv",)), "no 'first_konv'; did you mean 'first_conv'"),
    "type": (
        IgnoredScope(types=("Convolutions",)),
        "no 'Convolutions'; did you mean 'Convolution'",
    ),
    "pattern": (IgnoredScope(patterns=("conv",)), "'conv' matches the start of no layer's name"),
    "expression": (IgnoredScope(patterns=("(",)), "is not a regular expression"),
}


@pytest.mark.parametrize("case", WRONG)
def test_ignored_scope_that_fits_nothing(case: str, parent: Artifact, tmp_path: Path) -> None:
    """A layer name that does not exist is an error with the name that was meant."""
    ignored, said = WRONG[case]
    recipe = Recipe("pictures", ignored=ignored)
    store = Store(tmp_path / "store")

    with pytest.raises(QuantizationError, match=said):
        quantize(parent, recipe, Calibration(samples(2), picture), store)
    assert list((store.root / "building").iterdir()) == []


@pytest.mark.parametrize(
    "ignored",
    [
        IgnoredScope(names=("second_conv",)),
        IgnoredScope(patterns=("second_.*",)),
        IgnoredScope(types=("Convolution",)),
    ],
)
def test_ignored_layers_stay_in_floating_point(
    ignored: IgnoredScope, parent: Artifact, store: Store
) -> None:
    """An ignored scope leaves fewer quantizers than none does."""
    calibration = Calibration(samples(4), picture)
    counts = [
        integrity(
            Pair(parent, quantize(parent, recipe, calibration, store).artifact)
        ).trace.fake_quantize
        for recipe in (RECIPE, Recipe("pictures", subset=4, ignored=ignored))
    ]

    assert counts[1] < counts[0]


@pytest.mark.parametrize(
    "scope",
    [
        Unquantized(names=("second_conv",)),
        Unquantized(patterns=("second_c",)),
        Unquantized(names=("first_relu/fq_output_0",)),
    ],
)
def test_a_quantizer_taken_out_leaves_the_others(
    scope: Unquantized, parent: Artifact, store: Store
) -> None:
    """By operation, pattern or quantizer: that layer computes in floats, the grid of the other one stays."""
    calibration = Calibration(samples(4), picture)
    whole, found = (
        ov.Core().read_model(quantize(parent, recipe, calibration, store).artifact.path)
        for recipe in (RECIPE, Recipe("pictures", subset=4, unquantized=scope))
    )

    assert [layer.name for layer in layers(found)] == ["first_conv", "scores"]
    assert quantizers(found)[0] == quantizers(whole)[0]


def test_every_layer_of_a_type_taken_out_is_the_parent(parent: Artifact, store: Store) -> None:
    """Weights and biases are the parent's again, so that the answers are."""
    recipe = Recipe(
        "pictures", subset=4, unquantized=Unquantized(types=("Convolution", "ReduceMean"))
    )
    made = quantize(parent, recipe, Calibration(samples(4), picture), store).artifact

    assert _likeness(parent)(ov.Core().compile_model(made.path, "CPU", F32), samples(4)) == 1.0


NOT_QUANTIZED = {
    "name": (
        Unquantized(names=("second_konv",)),
        "no quantized operation or quantizer 'second_konv'; did",
    ),
    "float": (
        Unquantized(names=("first_relu",)),
        "no quantized operation or quantizer 'first_relu'",
    ),
    "type": (Unquantized(types=("Relu",)), "type 'Relu'; quantized are 'Convolution'"),
    "pattern": (Unquantized(patterns=("conv",)), "'conv' matches the start of no quantized"),
    "expression": (Unquantized(patterns=("(",)), "is not a regular expression"),
}


@pytest.mark.parametrize("case", NOT_QUANTIZED)
def test_unquantized_that_fits_nothing(case: str, parent: Artifact, tmp_path: Path) -> None:
    """What is not quantized cannot be taken out: an error that says what is."""
    scope, said = NOT_QUANTIZED[case]
    recipe = Recipe("pictures", unquantized=scope)

    with pytest.raises(QuantizationError, match=re.escape(said)):
        quantize(parent, recipe, Calibration(samples(2), picture), Store(tmp_path / "store"))


def test_no_image_at_all() -> None:
    """Without a calibration image there is nothing to quantize with."""
    with pytest.raises(QuantizationError, match="no calibration image"):
        Calibration((), picture)


def test_crash_of_nncf_is_one_sentence(parent: Artifact, tmp_path: Path) -> None:
    """What NNCF raises becomes one sentence that names the model and the version."""

    def wrong(_: Sample) -> NDArray[np.uint8]:
        return np.zeros((5, 5, 3), np.uint8)

    with pytest.raises(
        QuantizationError, match=r"model\.xml: NNCF \d.* could not quantize"
    ) as caught:
        quantize(parent, RECIPE, Calibration(samples(2), wrong), Store(tmp_path))
    assert "\n" not in str(caught.value)


def test_quantizing_twice_is_refused(parent: Artifact, store: Store) -> None:
    """A quantized model is not quantized again, as NNCF would do without a word."""
    calibration = Calibration(samples(2), picture)
    made = quantize(parent, RECIPE, calibration, store)

    with pytest.raises(QuantizationError, match=r"is quantized \(.*\) already"):
        quantize(made.artifact, RECIPE, calibration, store)


def _some_damaged(*damaged: str) -> Calibration:
    def read(sample: Sample) -> NDArray[np.uint8]:
        if sample.name in damaged:
            raise DatasetError(f"{sample.name} cannot be read")
        return picture(sample)

    return Calibration(samples(101), read)


def test_unreadable_calibration_image_is_left_out(parent: Artifact, store: Store) -> None:
    """One unreadable image in a hundred is left out, and the list says so."""
    made = quantize(parent, RECIPE, _some_damaged("7.png"), store)

    assert len(made.calibrated_on) == 100
    assert "7.png" not in made.calibrated_on


def test_many_unreadable_calibration_images(parent: Artifact, tmp_path: Path) -> None:
    """Above 1 % the dataset is refused, with the count and the first of them."""
    with pytest.raises(DatasetError, match=r"2 of 101 images cannot be read.*the first: 7\.png"):
        quantize(parent, RECIPE, _some_damaged("7.png", "9.png"), Store(tmp_path))


def test_log_of_nncf_arrives_in_ours(
    parent: Artifact, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What NNCF logs can be handled like any other log."""
    recipe = Recipe("pictures", ignored=IgnoredScope(names=("second_conv",)))
    with caplog.at_level(logging.INFO, "nncf"):
        quantize(parent, recipe, Calibration(samples(2), picture), Store(tmp_path))

    assert "1 ignored nodes were found by name" in caplog.text


def _likeness(parent: Artifact) -> Any:
    """Measure how near a model's answers are to the parent's: 1 where they are equal."""
    reference = ov.Core().compile_model(parent.path, "CPU", F32)

    def measure(compiled: Any, drawn: Sequence[Sample]) -> float:
        errors = []
        for sample in drawn:
            image = picture(sample)[None]
            answer, truth = compiled(image)[0], reference(image)[0]
            errors.append(float(np.abs(answer - truth).mean() / np.abs(truth).mean()))
        return 1.0 - float(np.mean(errors))

    return measure


AWARE = Recipe("pictures", subset=4, method="accuracy-aware", max_iterations=1)


def test_accuracy_aware_needs_an_aim(parent: Artifact, store: Store) -> None:
    """Without a drop to aim at, the method means nothing."""
    with pytest.raises(QuantizationError, match=r"set calibrate\.max_drop"):
        quantize(parent, AWARE, Calibration(samples(4), picture), store)


@pytest.mark.parametrize(("max_drop", "reached"), [(0.5, True), (1e-7, False)])
def test_accuracy_aware_says_whether_it_got_there(
    max_drop: float, *, reached: bool, parent: Artifact, store: Store
) -> None:
    """A target that was not reached is known: NNCF raises nothing, so it is measured again."""
    aim = Aim(samples(8), _likeness(parent), max_drop, {"metric": "likeness"})
    made = quantize(parent, AWARE, Calibration(samples(4), picture), store, aim=aim)

    assert made.reached is not None
    assert made.reached.parent == pytest.approx(1.0)
    assert made.reached.optimized < 1.0
    assert made.reached.target is reached
    assert bool(made.put_back) is not reached
    named = {op.get_friendly_name() for op in ov.Core().read_model(parent.path).get_ops()}
    assert named.issuperset(made.put_back)
    left = {layer.name for layer in layers(ov.Core().read_model(made.artifact.path))}
    assert left.isdisjoint(made.put_back)
    assert made == quantize(parent, AWARE, Calibration(samples(4), picture), store, aim=aim)


@pytest.mark.usefixtures("parent")
def test_the_same_model_is_written_in_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """However many nodes the process made before: both roles' files, and so their sizes, are equal."""
    calibration = Calibration(samples(4), picture)
    source, preprocess = LocalSource(folder / "net.xml"), Preprocess(mean=9.0)
    written = []
    for again in (1, 2):
        _ = [op.constant(np.float32(0)) for _ in range(10**again)]
        own = Store(tmp_path / f"store-{again}")
        made = parent_artifact(source, preprocess, folder, own)
        optimized = quantize(made, RECIPE, calibration, own).artifact
        written.append([item.path.read_bytes() for item in (made, optimized)])

    assert written[0] == written[1]
    assert b'name="first_conv"' in written[0][1]


@pytest.mark.parametrize("advanced", [RECIPE.advanced, EXTREMES], ids=["means", "extremes"])
def test_statistics_are_those_of_one_image_after_the_other(
    parent: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, advanced: Advanced
) -> None:
    """Images inferred ahead on all cores, in whatever order they are finished, give NNCF's own model bit for bit."""
    drawn, recipe = samples(24), replace(RECIPE, advanced=advanced)
    begun: list[object] = []
    most = 0
    start = statistics._Engine.start

    def noted(engine: statistics._Engine, image: NDArray[np.uint8]) -> None:
        nonlocal most
        start(engine, image)
        begun.append(image)
        most = max(most, len(engine._flying))

    monkeypatch.setattr(statistics._Engine, "start", noted)
    monkeypatch.setattr(statistics, "logical_cores", lambda: 3)
    ahead = quantize(parent, recipe, Calibration(drawn, picture), Store(tmp_path / "ahead"))
    assert len(begun) >= len(drawn)
    assert most == 4
    monkeypatch.setattr(statistics.Ahead, "for_statistics", lambda _: nullcontext())
    begun.clear()
    alone = quantize(parent, recipe, Calibration(drawn, picture), Store(tmp_path / "alone"))

    assert not begun
    for suffix in (".xml", ".bin"):
        one, other = (m.artifact.path.with_suffix(suffix).read_bytes() for m in (ahead, alone))
        assert one == other


@pytest.mark.parametrize("kind", ["MinAggregator", "MaxAggregator"])
def test_extremes_are_those_that_nncf_aggregates(kind: str) -> None:
    """The least and greatest of so many images, as NNCF folds them one after the other."""
    from nncf.tensor import Tensor

    room = "experimental.common" if version("nncf").startswith("2.") else "common"
    made = getattr(import_module(f"nncf.{room}.tensor_statistics.collectors"), kind)
    own, ours = (made(aggregation_axes=(0,), num_samples=5) for _ in range(2))
    branch = statistics._Branch(SimpleNamespace(inplace=True), ("seen",), [(0, ours)])
    for value in np.random.default_rng(3).normal(size=(9, 1, 4)).astype(np.float32):
        own.register_reduced_input(Tensor(value))
        branch.register({"seen": value})
    branch.end()

    assert np.array_equal(ours.aggregate().data, own.aggregate().data)


def test_another_versions_collection_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where NNCF keeps its engines elsewhere, it infers and registers as it always does."""
    from nncf.common.tensor_statistics import aggregator
    from nncf.openvino.statistics import aggregator as of_openvino

    own = of_openvino.OVStatisticsAggregator
    ahead = statistics.Ahead(Calibration(samples(4), picture).stream())
    with monkeypatch.context() as patched:
        patched.setattr(aggregator, "factory", SimpleNamespace())
        with ahead.for_statistics():
            assert aggregator.factory == SimpleNamespace()
            assert of_openvino.OVStatisticsAggregator is own
    with ahead.for_statistics():
        assert aggregator.factory.EngineFactory is ahead
        assert of_openvino.OVStatisticsAggregator is not own
    assert of_openvino.OVStatisticsAggregator is own
    assert aggregator.factory.EngineFactory is not ahead
    assert len(list(ahead)) == 4
