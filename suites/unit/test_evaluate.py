from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.core.predictions import ClassLabel, ClassScores
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.ssd_raw import SsdRawDecoder
from quantgate.engine import parts
from quantgate.engine.artifact import load, save
from quantgate.engine.comparing import compare, compare_with_baseline, stored
from quantgate.engine.evaluate import Bench, evaluate_role
from quantgate.engine.naming import model_ports
from quantgate.engine.runtime import Target, compile_model
from quantgate.entries import Preprocess
from quantgate.errors import DatasetError, DecoderError, HarnessError, MeasurementError, StoreError
from quantgate.pair import Pair
from quantgate.pipeline.baseline import said_of_baseline
from quantgate.store import Store
from quantgate.tasks.catalog import TASKS

try:
    from openvino import opset8 as op
except ImportError:  # OpenVINO 2024 keeps it elsewhere
    from openvino.runtime import opset8 as op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs, Port
    from quantgate.engine.artifact import Artifact

TARGET = Target()
SIDE = 8


def colour_model(*, gain: float = 1.0, square_root: bool = False, classes: int = 3) -> Any:
    """Build u8 [1,8,8,3] → mean of each channel: class 0 is blue, 1 green, 2 red.

    With ``square_root`` a black picture gives NaN, the root of a number below 0; with fewer ``classes`` the
    last ones are left out.
    """
    image = op.parameter([1, SIDE, SIDE, 3], np.uint8, name="image")
    image.output(0).set_names({"image"})
    mean: Any = op.reduce_mean(op.convert(image, "f32"), op.constant([1, 2]))
    scaled = op.multiply(mean, op.constant(np.float32(gain / 25)))
    if square_root:
        scaled = op.sqrt(op.subtract(scaled, op.constant(np.float32(0.001))))
    scaled = op.gather(scaled, op.constant(np.arange(classes)), op.constant(1))
    scores = op.add(scaled, op.constant(np.float32(0)), name="scores")
    scores.output(0).set_names({"scores"})
    return ov.Model([scores], [image])


class Renderer:
    """Gives pictures of one colour and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0
        self._lock = threading.Lock()

    def sample(self, index: int) -> Sample:
        """Give the sample of a number: its class is the number modulo 3."""

        def render() -> NDArray[np.uint8]:
            with self._lock:
                self.calls += 1
            image = np.full((20 + index, 30, 3), 20, np.uint8)
            image[..., index % 3] = 200
            return image

        return Sample(f"{index:03}.png", render, f"digest {index}", ClassLabel(index % 3))


def dataset_of(samples: Sequence[Sample]) -> Dataset:
    """Wrap samples."""
    digest = " ".join(sample.digest for sample in samples)
    return Dataset("colours", tuple(samples), ("blue", "green", "red"), digest)


def bench_of(samples: Sequence[Sample], decoder: Any = ClassScoresDecoder()) -> Bench:  # noqa: B008
    """Judge classification on samples."""
    return Bench(
        dataset_of(samples), Preprocess(), decoder, TASKS["classification"], "classification"
    )


@pytest.fixture
def renderer() -> Renderer:
    """Give a renderer that nobody has asked yet."""
    return Renderer()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty store."""
    return Store(tmp_path / "store")


def kept(folder: Path, **options: Any) -> Artifact:
    """Save a variant of the model."""
    folder.mkdir(parents=True)
    save(colour_model(**options), folder)
    return load(folder)


@pytest.fixture
def artifacts(tmp_path: Path) -> Pair[Artifact]:
    """Give two roles that answer almost the same."""
    return Pair(kept(tmp_path / "parent"), kept(tmp_path / "optimized", gain=1.01))


def plain(comparison: Comparison[Any]) -> list[Any]:
    """Turn a comparison into plain values, truths and distances included."""
    return [
        (
            image.name,
            image.size,
            image.truth,
            image.distances,
            [
                (record.labels.tolist(), record.scores.tolist(), record.truth_rank)
                for record in image.record
            ],
        )
        for image in comparison.images
    ]


def test_results_come_in_the_dataset_order(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """Whatever finishes first, image i of the comparison is sample i, with its size and truth."""
    bench = bench_of([renderer.sample(i) for i in range(60)])
    found = compare(artifacts, bench, store, target=TARGET, isa="avx2")

    assert [image.name for image in found.images] == [f"{i:03}.png" for i in range(60)]
    assert [image.size for image in found.images] == [(30, 20 + i) for i in range(60)]
    assert [image.record.optimized.labels[0] for image in found.images] == [0, 1, 2] * 20
    assert TASKS["classification"].metrics(found).parent["top1"] == 1.0


def test_images_are_decoded_once_for_both_roles(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """Two roles and 40 images are 40 decodings; asked again, there is none at all."""
    bench = bench_of([renderer.sample(i) for i in range(40)])
    first = compare(artifacts, bench, store, target=TARGET, isa="avx2")
    again = compare(artifacts, bench, store, target=TARGET, isa="avx2")

    assert renderer.calls == 40
    assert plain(first) == plain(again)


def test_gathered_names_stay_open_in_fresh_and_stored_comparisons(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """Three classes for one gathered name are judged, now and from the store; declared ones bound."""
    bench = bench_of([renderer.sample(3 * i) for i in range(3)])
    for labels_open in (True, True, False):
        dataset = replace(bench.dataset, labels=("blue",), labels_open=labels_open)
        judged = replace(bench, dataset=dataset)
        found = compare(artifacts, judged, store, target=TARGET, isa="avx2")
        if labels_open:
            assert TASKS["classification"].metrics(found).parent["top1"] == 1.0
        else:
            with pytest.raises(DatasetError, match="the model gives 3 classes"):
                TASKS["classification"].metrics(found)
    assert renderer.calls == 3


def test_damaged_result_is_made_again(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """A result that was cut off on disk is never read: the images are evaluated again."""
    bench = bench_of([renderer.sample(i) for i in range(5)])
    first = compare(artifacts, bench, store, target=TARGET, isa="avx2")
    (path,) = store.root.glob("v*/comparison/*/*/comparison.npz")
    path.write_bytes(path.read_bytes()[:-30])
    again = compare(artifacts, bench, Store(store.root), target=TARGET, isa="avx2")

    assert renderer.calls == 10
    assert plain(first) == plain(again)


def test_everything_that_counts_is_in_the_key(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """Other models, data, preprocessing, decoder, precision or ISA are another evaluation."""
    bench = bench_of([renderer.sample(0)])
    variants: list[tuple[Pair[Artifact], Bench, Target, str]] = [
        (artifacts, bench, TARGET, "avx2"),
        (Pair(artifacts.parent, artifacts.parent), bench, TARGET, "avx2"),
        (artifacts, bench_of([renderer.sample(1)]), TARGET, "avx2"),
        (artifacts, replace(bench, preprocess=Preprocess(resize="fit")), TARGET, "avx2"),
        (
            artifacts,
            bench_of([renderer.sample(0)], ClassScoresDecoder(softmax=False)),
            TARGET,
            "avx2",
        ),
        (artifacts, bench, Target(precision="default"), "avx2"),
        (artifacts, bench, TARGET, "amx"),
    ]
    for pair, judged, target, isa in variants * 2:
        compare(pair, judged, store, target=target, isa=isa)

    assert renderer.calls == len(variants)


def test_a_file_of_the_decoder_counts_by_its_content(tmp_path: Path) -> None:
    """Prior boxes moved elsewhere are the same evaluation, others in their place are another."""
    first, second = tmp_path / "a.npy", tmp_path / "b.npy"
    keys = []
    for path, value in ((first, 1), (second, 1), (first, 2)):
        np.save(path, np.full((1, 4), value))
        keys.append(json.dumps(bench_of([], SsdRawDecoder(path)).key()))

    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_distances_are_of_the_raw_outputs(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """One per cent more in every output is a relative squared error of 0.0001, before any softmax."""
    bench = bench_of([renderer.sample(i) for i in range(4)])
    found = compare(artifacts, bench, store, target=TARGET, isa="avx2")

    assert [len(image.distances) for image in found.images] == [1] * 4
    for image in found.images:
        assert image.distances[0].output == "scores"
        assert image.distances[0].relative == pytest.approx(1e-4, rel=1e-3)
        assert image.distances[0].sqnr_db == pytest.approx(40, abs=0.01)


def test_one_role_alone_has_the_same_metric(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """Evaluating one model gives the metric that it has in the comparison."""
    bench = bench_of([renderer.sample(i) for i in range(30)])
    both = TASKS["classification"].metrics(
        compare(artifacts, bench, store, target=TARGET, isa="avx2")
    )
    alone = evaluate_role(compile_model(artifacts.parent, TARGET), bench)
    part = evaluate_role(compile_model(artifacts.parent, TARGET), bench, bench.dataset.samples[:3])

    assert TASKS["classification"].metrics(alone).parent == both.parent
    assert [image.name for image in part.images] == ["000.png", "001.png", "002.png"]


def _damaged(folder: Path, index: int) -> Sample:
    path = folder / f"{index:03}.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return Sample(path.name, path, f"damaged {index}", ClassLabel(0))


def test_unreadable_image_is_left_out(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer, tmp_path: Path
) -> None:
    """One image in a hundred that turns out unreadable is listed, the others are judged."""
    samples = [renderer.sample(i) for i in range(100)]
    samples[40] = _damaged(tmp_path, 40)
    bench = bench_of(samples)
    for _ in range(2):
        found = compare(artifacts, bench, store, target=TARGET, isa="avx2")

        assert len(found) == 99
        assert "040.jpg" not in {image.name for image in found.images}
        assert [name for name, _ in found.skipped] == ["040.jpg"]
        assert "040.jpg cannot be read" in found.skipped[0][1]


def test_many_unreadable_images_end_it(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer, tmp_path: Path
) -> None:
    """Above 1 % the count and the first are said, and nothing is kept."""
    samples = [renderer.sample(i) for i in range(100)]
    samples[40], samples[60] = _damaged(tmp_path, 40), _damaged(tmp_path, 60)

    with pytest.raises(
        DatasetError, match=r"2 of 100 images cannot be read.*the first: .*040\.jpg"
    ):
        compare(artifacts, bench_of(samples), store, target=TARGET, isa="avx2")
    assert list((store.root / "building").iterdir()) == []


def test_no_image_is_an_error(artifacts: Pair[Artifact], store: Store) -> None:
    """An evaluation of nothing has no result."""
    with pytest.raises(DatasetError, match=r"datasets\.colours has no image"):
        compare(artifacts, bench_of([]), store, target=TARGET, isa="avx2")


def test_nan_names_image_and_role(tmp_path: Path, store: Store, renderer: Renderer) -> None:
    """A model that answers NaN on one image is an error that names the image and the role."""
    pair = Pair(kept(tmp_path / "good"), kept(tmp_path / "bad", square_root=True))
    black = Sample("black.png", lambda: np.zeros((9, 9, 3), np.uint8), "black", ClassLabel(0))
    samples = [*(renderer.sample(i) for i in range(10)), black]

    with pytest.raises(DecoderError, match=r"black\.png, optimized model: .*scores.*NaN"):
        compare(pair, bench_of(samples), store, target=TARGET, isa="avx2")


def test_outputs_that_do_not_fit_are_refused_first(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer
) -> None:
    """A decoder of another kind says what it found before any image is read."""
    from quantgate.decoders.ssd import SsdDecoder

    bench = bench_of([renderer.sample(0)], SsdDecoder())
    with pytest.raises(DecoderError, match=r"scores.*\[1,\s?3\]"):
        compare(artifacts, bench, store, target=TARGET, isa="avx2")
    assert renderer.calls == 0


@pytest.mark.parametrize("wanted", ["detection_scores", "detection_scores:0", "add:0", "scores"])
def test_an_output_is_found_by_each_of_its_names(
    tmp_path: Path, renderer: Renderer, wanted: str
) -> None:
    """TensorFlow's operations in a row leave one output several names, with or without ``:0``."""
    model = colour_model()
    model.output(0).set_names({"add:0", "detection_scores:0", "scores"})
    model.output(0).get_node().set_friendly_name("detection_scores:0")
    tmp_path.mkdir(exist_ok=True)
    save(model, tmp_path)
    compiled = compile_model(load(tmp_path), TARGET)
    found = evaluate_role(
        compiled, bench_of([renderer.sample(0)], ClassScoresDecoder(outputs=(wanted,)))
    )
    assert len(found.images) == 1


def test_an_output_is_called_as_its_maker_named_it() -> None:
    """Of several names an output keeps that of its result, not the shortest of the operations'."""
    model = colour_model()
    model.output(0).set_names({"add:0", "detection_scores:0"})
    model.output(0).get_node().set_friendly_name("detection_scores:0")
    (port,) = model_ports(model.outputs)
    assert (port.name, port.aliases) == ("detection_scores:0", ("add:0",))


@dataclass(frozen=True, slots=True)
class BreakingDecoder:
    """Raises on the third image that it sees at the given size."""

    error: str
    kind: str = "breaking"
    outputs: None = None

    def check(self, ports: Sequence[Port]) -> None:
        """Accept everything."""

    def decode(self, outputs: Outputs, frame: Frame) -> ClassScores:
        """Break on the image that is 25 px high."""
        if frame.image[1] == 25:
            raise HarnessError("ours") if self.error == "ours" else ValueError("foreign")
        return ClassScores(outputs["scores"][0])


@pytest.mark.parametrize(("error", "kind"), [("ours", HarnessError), ("foreign", ValueError)])
def test_error_in_a_callback_comes_out(
    error: str, kind: type[Exception], artifacts: Pair[Artifact], store: Store
) -> None:
    """What is raised while an answer is decoded ends the evaluation as itself, not as a hang."""
    bench = bench_of([Renderer().sample(i) for i in range(200)], BreakingDecoder(error))

    with pytest.raises(kind, match=error):
        compare(artifacts, bench, store, target=TARGET, isa="avx2")
    assert not list(store.root.glob("v*/comparison/*/*"))


def test_failing_device_is_one_sentence() -> None:
    """What OpenVINO raises in the middle of inferring becomes one sentence."""
    from quantgate.engine.waves import inferring

    with (
        pytest.raises(MeasurementError, match=r"the device failed to infer \(out of memory\)$"),
        inferring(),
    ):
        raise RuntimeError("Exception from src/inference/src/cpp/core.cpp:1:\nout of memory\n")


def test_error_while_reading_comes_out(artifacts: Pair[Artifact], store: Store) -> None:
    """An error that is no unreadable image ends the evaluation as itself."""

    def render() -> NDArray[np.uint8]:
        raise MemoryError("no room")

    samples = [Sample("a.png", render, "a", ClassLabel(0))]
    with pytest.raises(MemoryError, match="no room"):
        compare(artifacts, bench_of(samples), store, target=TARGET, isa="avx2")


class Listener:
    """Counts the steps it is told, from any thread."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, name: str, total: int) -> None:
        """Note it."""
        self.told.append((name, total))

    def advance(self, steps: int = 1) -> None:
        """Note it."""
        self.told.append(steps)

    def close(self) -> None:
        """Note it."""
        self.told.append("closed")


def test_progress_is_told_of_every_image(
    artifacts: Pair[Artifact], store: Store, renderer: Renderer, tmp_path: Path
) -> None:
    """Every image is one step, unreadable ones too."""
    samples = [renderer.sample(i) for i in range(100)]
    samples[3] = _damaged(tmp_path, 3)
    listener = Listener()
    compare(artifacts, bench_of(samples), store, target=TARGET, isa="avx2", progress=listener)

    assert listener.told == [("evaluate", 100), *[1] * 100, "closed"]


def test_outputs_of_different_length_have_no_distance() -> None:
    """Where the number of rows is itself an answer, rows are not subtracted from each other."""
    from quantgate.engine.evaluate import _distances

    parent = {"boxes": np.zeros((3, 5)), "labels": np.zeros(3), "mask": np.zeros((0, 2))}
    optimized = {"boxes": np.zeros((2, 5)), "labels": np.zeros(3), "mask": np.zeros((0, 2))}
    found = _distances("a.png", Pair(parent, optimized))

    assert [distance.output for distance in found] == ["labels"]


# A background job inherits that SIGINT is ignored; a person at a terminal does not.
INTERRUPTED = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
import numpy as np
from quantgate.core.predictions import ClassLabel
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.engine.artifact import load
from quantgate.engine.comparing import compare
from quantgate.engine.evaluate import Bench
from quantgate.engine.runtime import Target
from quantgate.entries import Preprocess
from quantgate.pair import Pair
from quantgate.store import Store
from quantgate.tasks import classification

def slow():
    os.write(1, b"reading\\n")
    time.sleep(0.05)
    return np.zeros((8, 8, 3), np.uint8)

samples = tuple(Sample(str(n), slow, str(n), ClassLabel(0)) for n in range(5000))
dataset = Dataset("slow", samples, ("a", "b", "c"), "slow")
bench = Bench(dataset, Preprocess(), ClassScoresDecoder(), classification, "classification")
artifact = load(Path(sys.argv[1]))
try:
    compare(Pair(artifact, artifact), bench, Store(Path(sys.argv[2])), target=Target(), isa="x")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_interrupt_ends_it_at_once(artifacts: Pair[Artifact], store: Store) -> None:
    """Ctrl-C in the middle of thousands of images ends within seconds and leaves nothing behind."""
    command = [
        sys.executable,
        "-c",
        INTERRUPTED,
        str(artifacts.parent.path.parent),
        str(store.root),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        for _ in range(20):
            assert child.stdout.readline() == "reading\n"
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
        child.wait(30)

    assert rest.splitlines()[-1] == "interrupted"
    assert rest.count("reading") < 500
    assert list((store.root / "building").iterdir()) == []
    assert not list(store.root.glob("v*/comparison/*/*"))


def test_a_kept_comparison_is_read_when_it_is_asked_for(
    artifacts: Pair[Artifact], renderer: Renderer, store: Store
) -> None:
    """It goes to another process without what was read, and is the same there."""
    bench = bench_of([renderer.sample(i) for i in range(3)])
    made = stored(artifacts, bench, store, target=TARGET, isa="vnni")
    found = made.comparison
    make, told = made.__reduce__()
    shutil.rmtree(made.folder)

    assert plain(found) == plain(compare(artifacts, bench, store, target=TARGET, isa="vnni"))
    assert made.comparison is found
    shutil.rmtree(made.folder)
    assert make(*told) == made
    with pytest.raises(StoreError, match="cannot be read any more"):
        len(make(*told).comparison)


def test_one_pass_serves_parent_and_baseline(
    artifacts: Pair[Artifact], renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    """With a baseline each image is read once, and both comparisons are what each alone would be."""
    baseline = kept(tmp_path / "baseline", gain=0.9)
    bench = bench_of([renderer.sample(i) for i in range(9)])
    three = (artifacts.parent, artifacts.optimized, baseline)
    compare_with_baseline(three, bench, store, target=TARGET, isa="vnni")
    assert renderer.calls == 9
    pairs = (artifacts, Pair(baseline, artifacts.optimized))
    found = [plain(compare(pair, bench, store, target=TARGET, isa="vnni")) for pair in pairs]
    assert renderer.calls == 9
    other = Store(tmp_path / "other")
    alone = [plain(compare(pair, bench, other, target=TARGET, isa="vnni")) for pair in pairs]
    assert found == alone
    assert found[0] != found[1]


def test_a_broken_baseline_is_called_so(
    artifacts: Pair[Artifact], renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    """An image that the baseline cannot answer names the baseline, not the parent."""
    baseline = kept(tmp_path / "baseline", square_root=True)
    black = replace(renderer.sample(0), image=lambda: np.zeros((8, 8, 3), np.uint8))
    bench = bench_of([black, renderer.sample(1)])
    three = (artifacts.parent, artifacts.optimized, baseline)
    with pytest.raises(DecoderError, match=r"000\.png, baseline model: .*NaN"):
        compare_with_baseline(three, bench, store, target=TARGET, isa="vnni")


def test_a_baseline_of_other_classes_is_called_so(
    artifacts: Pair[Artifact], renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    """Alone or in the pass that serves all three, nothing is said of a parent that is not to blame."""
    baseline = kept(tmp_path / "baseline", classes=2)
    bench = bench_of([renderer.sample(1)])
    said = r"001\.png: the baseline gives 2 class scores, the optimized model 3"
    with pytest.raises(DecoderError, match=said):
        compare_with_baseline((*artifacts, baseline), bench, store, target=TARGET, isa="vnni")
    with pytest.raises(DecoderError, match=said), said_of_baseline():
        compare(Pair(baseline, artifacts.optimized), bench, store, target=TARGET, isa="vnni")


def entry_bytes(store: Store) -> dict[str, bytes]:
    """Read the files of the one comparison in a store."""
    (entry,) = store.root.glob("v*/comparison/*/*")
    return {path.name: path.read_bytes() for path in entry.glob("comparison.*")}


def parts_left(store: Store) -> int:
    """Count the parts of comparisons in a store."""
    return len(list(store.root.glob("v*/comparison-part/*/*")))


def test_parts_make_the_same_record(
    artifacts: Pair[Artifact], renderer: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joined parts are bit for bit what one pass keeps, with images left out, and no part stays."""
    missing = [Sample(f"{i}.png", tmp_path / f"{i}.png", str(i), ClassLabel(0)) for i in (1, 2)]
    samples = [*missing, *(renderer.sample(i % 9) for i in range(250))]
    samples = [replace(sample, name=f"{i}.png") for i, sample in enumerate(samples)]
    split, whole = Store(tmp_path / "split"), Store(tmp_path / "whole")

    compare(artifacts, bench_of(samples), whole, target=TARGET, isa="vnni")
    assert not (whole.root / "v1" / "comparison-part").exists()
    monkeypatch.setattr(parts, "WORTH_S", 0.0)
    with monkeypatch.context() as kept:
        kept.setattr(parts.Parts, "forget", lambda _: None)
        kept.setattr(parts.Pace, "done", _until(200, parts.Pace.done))
        with pytest.raises(KeyboardInterrupt):
            compare(artifacts, bench_of(samples), split, target=TARGET, isa="vnni")
    assert parts_left(split) > 1
    compare(artifacts, bench_of(samples), split, target=TARGET, isa="vnni")

    assert entry_bytes(split) == entry_bytes(whole)
    assert len(json.loads(entry_bytes(split)["comparison.json"])["skipped"]) == 2
    assert parts_left(split) == 0


def _until(image: int, done: Any) -> Any:
    """Let images be done up to one of them, which interrupts."""

    def interrupted(pace: Any, index: int) -> None:
        if index == image:
            raise KeyboardInterrupt
        done(pace, index)

    return interrupted


def test_unreadable_images_are_counted_over_all_parts(
    artifacts: Pair[Artifact], renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    """One per cent is of the whole set, wherever in it they lie."""
    samples = [renderer.sample(i) for i in range(200)]
    for place in (3, 70, 150):
        samples[place] = replace(samples[place], image=tmp_path / "no.png")

    with pytest.raises(DatasetError, match="3 of 200 images cannot be read"):
        compare(artifacts, bench_of(samples), store, target=TARGET, isa="vnni")


#: Evaluates the samples of a test, and is killed as an image is read.
KILLED = """
import os, signal, sys
from pathlib import Path
from quantgate.engine import parts
from quantgate.engine.artifact import load
from quantgate.engine.comparing import compare
from quantgate.pair import Pair
from quantgate.store import Store
from suites.unit.test_evaluate import TARGET, Renderer, bench_of

class Killer(Renderer):
    calls = property(lambda self: self.count, lambda self, value: self.set(value))
    count = 0
    def set(self, value):
        self.count = value
        if value > 160:
            os.kill(os.getpid(), signal.SIGKILL)

parts.WORTH_S = 0.0
renderer = Killer()
pair = Pair(load(Path(sys.argv[1])), load(Path(sys.argv[2])))
bench = bench_of([renderer.sample(i) for i in range(200)])
compare(pair, bench, Store(Path(sys.argv[3])), target=TARGET, isa="vnni")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_evaluation_goes_on_where_it_was(
    artifacts: Pair[Artifact], renderer: Renderer, store: Store, tmp_path: Path
) -> None:
    """Only the images of unfinished parts are evaluated again, and the record is the undisturbed one's."""
    folders = [str(artifact.path.parent) for artifact in artifacts]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *folders, str(store.root)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert parts_left(store) >= 1
    bench = bench_of([renderer.sample(i) for i in range(200)])

    compare(artifacts, bench, store, target=TARGET, isa="vnni")

    assert 40 <= renderer.calls < 200
    other = Store(tmp_path / "other")
    compare(artifacts, bench, other, target=TARGET, isa="vnni")
    assert entry_bytes(store) == entry_bytes(other)
    assert parts_left(store) == 0
