"""Both roles over one evaluation set: decoded once, compared image by image, kept in the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.tensors import tensor_distance
from quantgate.decoders.ports import MisfitError, with_own_names
from quantgate.engine.naming import model_ports
from quantgate.engine.parts import Pace, Stretch
from quantgate.engine.streaming import Feed, stream
from quantgate.errors import DatasetError, DecoderError, HarnessError, MeasurementError
from quantgate.machine import LIBRARIES
from quantgate.pair import Pair
from quantgate.progress import SILENT
from quantgate.sourcecode import code_digest
from quantgate.stack import version
from quantgate.store.entry import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import openvino as ov

    from quantgate.core.comparison import TensorDistance
    from quantgate.core.geometry import Frame
    from quantgate.datasets.sample import Dataset, Sample
    from quantgate.decoders.protocol import Decoder, Outputs, Port
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.runtime import Target
    from quantgate.entries import Preprocess
    from quantgate.progress import Progress
    from quantgate.tasks.protocol import Task

#: Raised whenever the same models and images would give another comparison.
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Bench:
    """What both roles are judged on, and how their outputs are read.

    Parameters
    ----------
    dataset
        The evaluation set, after subset and hold-out.
    task_name
        Key of ``task`` in the catalog of tasks.
    """

    dataset: Dataset
    preprocess: Preprocess
    decoder: Decoder
    task: Task
    task_name: str

    def key(self) -> Mapping[str, Any]:
        """JSON-able: everything here that can change a comparison."""
        return {
            "schema": SCHEMA,
            "dataset": self.dataset.digest,
            "preprocess": asdict(self.preprocess),
            "decoder": {"kind": self.decoder.kind, **_settings(self.decoder)},
            "task": self.task_name,
            "code": code_digest("core", "decoders", "tasks"),
            "versions": {name: version(name) for name in LIBRARIES if name != "nncf"},
        }


def _settings(decoder: Any) -> dict[str, Any]:
    """Return a decoder's parameters; a file counts by its content, not its path."""
    found = asdict(decoder)
    for key, value in found.items():
        if isinstance(value, Path):
            try:
                found[key] = digest_of_file(value)
            except OSError as error:
                raise DecoderError(f"decoder.{key}: {value} cannot be read: {error}") from error
    return found


def comparison_key(
    artifacts: Pair[Artifact], bench: Bench, target: Target, isa: str
) -> dict[str, Any]:
    """Collect everything that can change what ``comparing.compare`` finds, JSON-able."""
    return {
        **bench.key(),
        "parent": artifacts.parent.digest,
        "optimized": artifacts.optimized.digest,
        "target": asdict(target),
        "isa": isa,
    }


def compare_three(
    models: Sequence[ov.CompiledModel],
    bench: Bench,
    progress: Progress = SILENT,
    stretch: Stretch[Comparison[Any]] | None = None,
) -> Pair[Comparison[Any]]:
    """Run parent, optimized and baseline at once; compare the optimized with both, the parent first."""
    bench = settled(bench, models)
    refuse_other_input(models)
    stretch = stretch or Stretch(bench.dataset.samples)
    samples = stretch.samples
    results = Pair(_Results(stretch, bench), _Results(stretch, bench, "baseline"))
    pace = Pace(len(samples), _keeping(stretch, tuple(results)))

    def consume(index: int, frame: Frame, outputs: list[Outputs]) -> None:
        parent, optimized, baseline = outputs
        known = results.parent.add_pair(index, frame, [parent, optimized])
        results.optimized.add_pair(index, frame, [baseline, optimized], optimized=known)
        pace.done(index)

    def leave_out(index: int, reason: str) -> None:
        for one in results:
            one.leave_out(index, reason)
        pace.done(index)

    stream(models, Feed(samples, bench.preprocess, consume, progress, stretch.before, leave_out))
    return results.map(lambda found: found.comparison())


def _keeping(
    stretch: Stretch[Comparison[Any]], results: Sequence[_Results]
) -> Callable[[int, int], None] | None:
    """Hand on what is done of a stretch, where somebody keeps it."""
    keep = stretch.keep
    if keep is None:
        return None
    return lambda start, stop: keep(start, [one.part(start, stop) for one in results])


def refuse_other_input(models: Iterable[ov.Model | ov.CompiledModel]) -> None:
    """Refuse models that cannot be given the same images.

    Raises
    ------
    MeasurementError
        Where their inputs differ in shape.
    """
    shapes = [str(model.input(0).partial_shape) for model in models]
    other = next((shape for shape in shapes if shape != shapes[0]), None)
    if other is not None:
        raise MeasurementError(
            f"the models to compare take inputs of {shapes[0]} and {other}: they are judged on the same "
            "images, so give an optimized model and a baseline of the same size"
        )


def compare_models(
    models: Pair[ov.CompiledModel],
    bench: Bench,
    progress: Progress = SILENT,
    stretch: Stretch[Comparison[Any]] | None = None,
) -> Comparison[Any]:
    """Run both compiled roles over the evaluation set, or a stretch of it; as ``comparing.compare``, without the store."""
    bench = settled(bench, models)
    refuse_other_input(models)
    stretch = stretch or Stretch(bench.dataset.samples)
    results = _Results(stretch, bench)
    pace = Pace(len(stretch.samples), _keeping(stretch, [results]))

    def consume(index: int, frame: Frame, outputs: list[Outputs]) -> None:
        results.add_pair(index, frame, outputs)
        pace.done(index)

    def leave_out(index: int, reason: str) -> None:
        results.leave_out(index, reason)
        pace.done(index)

    feed = Feed(stretch.samples, bench.preprocess, consume, progress, stretch.before, leave_out)
    stream(list(models), feed)
    return results.comparison()


def evaluate_role(
    model: ov.CompiledModel,
    bench: Bench,
    samples: Sequence[Sample] | None = None,
    progress: Progress = SILENT,
) -> Comparison[Any]:
    """Run one model over the evaluation set, or over some of its samples, as both roles at once.

    The comparison's metrics are then the model's own; nothing differs and no distance is measured.
    """
    chosen = bench.dataset.samples if samples is None else samples
    bench = settled(bench, [model])
    results = _Results(Stretch(chosen), bench)
    feed = Feed(chosen, bench.preprocess, results.add_single, progress, leave_out=results.leave_out)
    stream([model], feed)
    return results.comparison()


def settled(bench: Bench, models: Iterable[ov.CompiledModel]) -> Bench:
    """Check that the decoder fits every model, and resolve the names of its outputs."""
    ports = [model_ports(model.outputs) for model in models]
    decoder = with_own_names(bench.decoder, ports[0])
    for found in ports:
        check_decoder(decoder, found, bench.task_name)
    return replace(bench, decoder=decoder)


def check_decoder(decoder: Decoder, ports: Sequence[Port], task: str) -> None:
    """Refuse outputs that a decoder cannot read, and name the decoders that could.

    Raises
    ------
    DecoderError
        Says what was found and expected, and which decoders would fit.
    """
    from quantgate.decoders.catalog import would_fit

    try:
        decoder.check(ports)
    except MisfitError as error:
        raise DecoderError(f"{error}; {would_fit(error, task)}") from error


class _Results:
    """Image results by index, filled from callbacks in any order."""

    def __init__(
        self, stretch: Stretch[Comparison[Any]], bench: Bench, first: str = "parent"
    ) -> None:
        if not stretch.samples:
            raise DatasetError(
                f"datasets.{bench.dataset.name} has no image to evaluate: at least one is needed"
            )
        self._samples = stretch.samples
        self._alone = stretch.keep is None
        self._bench = bench
        self._first = first
        self._found: list[ImageResult[Any] | None] = [None] * len(stretch.samples)
        self._unread: dict[int, str] = {}

    def leave_out(self, index: int, reason: str) -> None:
        """Take note of an image that cannot be read."""
        self._unread[index] = reason

    def add_pair(
        self, index: int, frame: Frame, outputs: list[Outputs], *, optimized: Any = None
    ) -> Any:
        """Decode and compare one image of both roles; give the optimized model's prediction.

        ``optimized`` is that prediction where it is known already.
        """
        pair = Pair(*outputs)
        name = self._samples[index].name
        parent = self._decode(name, self._first, pair.parent, frame)
        known = optimized
        if known is None:
            known = self._decode(name, "optimized", pair.optimized, frame)
        self._keep(index, frame, Pair(parent, known), _distances(name, pair))
        return known

    def add_single(self, index: int, frame: Frame, outputs: list[Outputs]) -> None:
        """Decode one image of one model."""
        prediction = self._decode(self._samples[index].name, "parent", outputs[0], frame)
        self._keep(index, frame, Pair(prediction, prediction), ())

    def comparison(self) -> Comparison[Any]:
        """Everything found, in the dataset's order."""
        found = self.part(0, len(self._samples))
        if self._alone and not found.images:
            raise DatasetError(f"no image of datasets.{self._bench.dataset.name} could be read")
        return found

    def part(self, start: int, stop: int) -> Comparison[Any]:
        """Give what was found on some of the images, all of which are done."""
        dataset = self._bench.dataset
        images = tuple(image for image in self._found[start:stop] if image is not None)
        unread = sorted(index for index in self._unread if start <= index < stop)
        skipped = tuple((self._samples[index].name, self._unread[index]) for index in unread)
        return dataset.compared(images, skipped)

    def _decode(self, name: str, role: str, outputs: Outputs, frame: Frame) -> Any:
        try:
            return self._bench.decoder.decode(outputs, frame)
        except DecoderError as error:
            raise DecoderError(f"{name}, {role} model: {error}") from error

    def _keep(
        self,
        index: int,
        frame: Frame,
        predictions: Pair[Any],
        distances: tuple[TensorDistance, ...],
    ) -> None:
        sample = self._samples[index]
        try:
            record = self._bench.task.compact(predictions, sample.truth, sample.name)
        except HarnessError as error:
            raise type(error)(str(error).replace("the parent", f"the {self._first}")) from error
        self._found[index] = ImageResult(sample.name, frame.image, sample.truth, record, distances)


def _distances(name: str, outputs: Pair[Outputs]) -> tuple[TensorDistance, ...]:
    """Compare outputs of equal shape; where the number of rows is data, there is no distance."""
    try:
        return tuple(
            tensor_distance(output, tensor, outputs.optimized[output])
            for output, tensor in outputs.parent.items()
            if tensor.size
            and output in outputs.optimized
            and tensor.shape == outputs.optimized[output].shape
        )
    except DecoderError as error:
        raise DecoderError(f"{name}: {error}") from error
