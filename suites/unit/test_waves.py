"""Images in flight: each is handed on once, whatever the length of a wave, and memory stays bounded."""

from __future__ import annotations

import weakref
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.core.geometry import Frame
from quantgate.engine import waves
from quantgate.engine.naming import model_ports
from quantgate.engine.waves import Waves, wave_length

try:
    from openvino import opset8 as op
except ImportError:  # OpenVINO 2024 keeps it elsewhere
    from openvino.runtime import opset8 as op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.decoders.protocol import Outputs

FRAME = Frame((4, 4), (4, 4), (1.0, 1.0), (0.0, 0.0))
INPUT_BYTES = 4 * 4 * 3


def adding(addend: float) -> ov.CompiledModel:
    """Compile u8 [1,4,4,3] to that plus a number, on two streams."""
    given = op.parameter([1, 4, 4, 3], np.uint8, name="image")
    total: Any = op.add(op.convert(given, "f32"), op.constant(np.float32(addend)))
    total.output(0).set_names({"total"})
    hint = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": "2"}
    return ov.Core().compile_model(ov.Model([total], [given]), "CPU", hint)


@pytest.fixture(scope="module")
def models() -> list[ov.CompiledModel]:
    """Two models that add 1 and 2 to every pixel."""
    return [adding(1.0), adding(2.0)]


def answers(models: Sequence[ov.CompiledModel], count: int) -> list[tuple[int, float, float]]:
    """Index and both models' answers of every image that was handed on, in order of the index."""
    found: list[tuple[int, float, float]] = []
    lock = Lock()

    def consume(index: int, frame: Frame, outputs: list[Outputs]) -> None:
        assert frame is FRAME
        first, second = (float(one["total"].mean()) for one in outputs)
        with lock:
            found.append((index, first, second))

    run = Waves(models, consume)
    for index in range(count):
        run.add(index, FRAME, np.full((4, 4, 3), index, np.uint8))
    run.settle()
    return sorted(found)


def many_outputs() -> ov.CompiledModel:
    """Compile u8 [1,4,4,3] to answers of many kinds; two of them are one node, two have no fixed shape."""
    given = op.parameter([1, 4, 4, 3], np.uint8, name="image")
    wide: Any = op.convert(given, "f32")
    bright: Any = op.greater(wide, op.constant(np.float32(2)))
    found = {
        "itself": given,
        "wide": wide,
        "twice": wide,
        "half": op.convert(wide, "f16"),
        "brain": op.convert(wide, "bf16"),
        "bright": bright,
        "sum": op.reduce_sum(wide, op.constant(np.array([0, 1, 2, 3])), keep_dims=False),
        "where": op.non_zero(op.convert(bright, "i32"), "i64"),
        "none": op.slice(wide, *(op.constant(np.array([n])) for n in (0, 0, 1, 1))),
    }
    results = []
    for name, node in found.items():
        result = op.result(node)
        result.set_friendly_name(name)
        results.append(result)
    model = ov.Model(results, [given])
    for name, output in zip(found, model.outputs, strict=True):
        output.set_names({name})
    hint = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": "2", "INFERENCE_PRECISION_HINT": "f32"}
    return ov.Core().compile_model(model, "CPU", hint)


def lengths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lengths of the waves that are sent from now on, as they are sent."""
    sent: list[int] = []
    send = Waves._send

    def counted(run: Waves) -> None:
        if run._wave:
            sent.append(len(run._wave))
        send(run)

    monkeypatch.setattr(Waves, "_send", counted)
    return sent


@pytest.mark.parametrize("count", [0, 1, 2, 33, 100])
def test_every_image_is_handed_on_once(models: list[ov.CompiledModel], count: int) -> None:
    """Neither the last images, fewer than a wave, are lost, nor is one handed on twice or mixed up."""
    assert answers(models, count) == [(i, i + 1.0, i + 2.0) for i in range(count)]


def test_short_waves_hand_on_the_same(
    models: list[ov.CompiledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an image takes as much memory as there is, images go one by one, with the same answers."""
    monkeypatch.setattr(waves, "MOST_BYTES", 1)

    assert answers(models, 20) == [(i, i + 1.0, i + 2.0) for i in range(20)]


def test_images_in_flight_are_bounded_by_memory(
    models: list[ov.CompiledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs of an image count as well: waves get shorter by what both models answered."""
    image_bytes = INPUT_BYTES + 2 * 4 * INPUT_BYTES  # a byte a pixel in, a float a pixel out, twice
    monkeypatch.setattr(waves, "MOST_BYTES", 3 * image_bytes)
    sent = lengths(monkeypatch)
    answers(models, 200)

    assert sum(sent) == 200
    assert sent[0] == 1
    assert max(sent) == 3


def test_requests_in_flight_are_bounded_by_memory(
    models: list[ov.CompiledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of images that take as much memory as there is, one waits beside those the device works on."""
    working = int(models[0].get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    most: list[int] = []
    land = Waves._land

    def watched(run: Waves) -> None:
        most.append(max(lane.busy for lane in run._lanes))
        land(run)

    monkeypatch.setattr(Waves, "_land", watched)
    answers(models, 100)
    assert max(most) == working + waves._WAITING

    most.clear()
    monkeypatch.setattr(waves, "MOST_BYTES", 1)
    answers(models, 100)
    assert max(most) == working + 1


def test_waves_of_slow_models_are_short(
    models: list[ov.CompiledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a wave may take no time, images go one by one, so that progress is seen."""
    sent = lengths(monkeypatch)
    answers(models, 250)
    assert max(sent) > 1

    sent.clear()
    monkeypatch.setattr(waves, "WAVE_S", 1e-9)
    answers(models, 250)
    assert set(sent) == {1}


def test_length_of_a_wave() -> None:
    """As many images as memory allows, at least one, at most what still gains."""
    assert wave_length(waves.MOST_BYTES * 5, models=2) == 1
    assert wave_length(waves.MOST_BYTES // 4, models=2) == 4
    assert wave_length(1, models=2) == waves.MOST_IMAGES
    assert wave_length(1, models=1) == waves.MOST_ALONE


def test_nothing_holds_a_model_after_the_end(models: list[ov.CompiledModel]) -> None:
    """Requests are let go of with the waves, or each evaluated model would stay in memory for good."""
    run = Waves(models, lambda _index, _frame, _outputs: None)
    run.add(0, FRAME, np.zeros((4, 4, 3), np.uint8))
    run.settle()
    run.close()
    left = weakref.ref(run)

    del run

    assert left() is None


def test_models_may_go_as_soon_as_the_last_answer_is_there() -> None:
    """Deleting a model right after its last image waits for no thread that waits for Python."""
    for _ in range(30):
        model = adding(1.0)
        run = Waves([model], lambda _index, _frame, _outputs: None)
        for index in range(5):
            run.add(index, FRAME, np.zeros((4, 4, 3), np.uint8))
        run.settle()
        del run, model


def test_answers_of_every_kind_are_those_of_one_inference() -> None:
    """Each image keeps answers of its own, of fixed shape or not, in any type, also from one node."""
    model = many_outputs()
    images = [
        np.full((4, 4, 3), i % 7, np.uint8) + np.eye(4, dtype=np.uint8)[..., None]
        for i in range(40)
    ]
    found: dict[int, Outputs] = {}
    run = Waves([model], lambda index, _frame, outputs: found.update({index: outputs[0]}))
    for index, image in enumerate(images):
        run.add(index, FRAME, image)
    run.settle()

    assert sorted(found) == list(range(40))
    for index, image in enumerate(images):
        request = model.create_infer_request()
        request.infer([image[None]])
        names = [port.name for port in model_ports(model.outputs)]
        assert list(found[index]) == list(dict.fromkeys(names))
        for position, name in enumerate(names):
            expected = request.get_output_tensor(position).data
            np.testing.assert_array_equal(found[index][name], expected, name, strict=True)


def test_closing_early_waits_for_the_devices(models: list[ov.CompiledModel]) -> None:
    """After an error no request is left that would still write into memory that is gone."""
    run = Waves(models, lambda _index, _frame, _outputs: None)
    for index in range(5):
        run.add(index, FRAME, np.zeros((4, 4, 3), np.uint8))
    assert run._flying

    run.close()
    assert not run._flying
