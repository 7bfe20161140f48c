"""NNCF's statistics on all cores: the next images are inferred while it looks at one, and it sees them in order.

NNCF gives one image after the other to all cores, and then looks at the answers on one of them. Here several
images are under way, each on its share of the cores. What NNCF makes of them are the same operations in the
same order, so the same numbers; where each number goes is found out once and not for every image.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from quantgate.machine import logical_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.engine.calibration import Stream

    Image = NDArray[np.uint8]

#: Images at a time: each has all activations of the model in memory.
MOST_IMAGES = 8


class Ahead:
    """Calibration images whose inference begins before NNCF asks for it.

    Parameters
    ----------
    images
        Gives them in the same order each time.
    """

    def __init__(self, images: Stream) -> None:
        self._images = images
        self._engine: _Engine | None = None

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[Image]:
        """Yield uint8 [1, height, width, channels] for every readable sample, in order."""
        engine, waiting = self._engine, deque[Any]()
        for image in self._images:
            waiting.append(image)
            if engine is None:
                yield waiting.popleft()
                continue
            engine.start(image)
            if len(waiting) == engine.room:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    def create(self, model: ov.Model) -> Any:
        """Make what NNCF collects statistics with; its own where images depend on those before."""
        from nncf.common.factory import EngineFactory
        from nncf.openvino.graph.model_utils import model_has_state

        if model_has_state(model):
            self._engine = None
            return EngineFactory.create(model)
        self._engine = _Engine(model)
        return self._engine

    @contextmanager
    def for_statistics(self) -> Iterator[None]:
        """Let NNCF collect statistics with :meth:`create` in the body; a version built differently does as ever."""
        from nncf.common.tensor_statistics import aggregator
        from nncf.openvino.statistics import aggregator as of_openvino

        own = getattr(aggregator, "factory", None)
        if not hasattr(own, "EngineFactory"):
            yield
            return
        plain = of_openvino.OVStatisticsAggregator
        # Names that it imported, or imports as it needs them.
        aggregator.factory = SimpleNamespace(**{**vars(own), "EngineFactory": self})
        of_openvino.OVStatisticsAggregator = _planned(plain)
        try:
            yield
        finally:
            aggregator.factory = own
            of_openvino.OVStatisticsAggregator = plain


def _planned(plain: Any) -> Any:
    """Derive from NNCF's class for OpenVINO one that finds out once where every output of the model goes."""

    class Planned(plain):  # type: ignore[misc] # NNCF has no types
        _plan: tuple[_Branch, ...] | None = None

        def collect_statistics(self, model: ov.Model, graph: Any) -> None:
            self._plan = None
            super().collect_statistics(model, graph)
            planned: tuple[_Branch, ...] = self._plan or ()
            for branch in planned:
                branch.end()

        @staticmethod
        def _process_outputs(outputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
            return outputs

        def _register_statistics(self, outputs: Mapping[str, NDArray[Any]], points: Any) -> None:
            if self._plan is None:
                self._plan = tuple(_branches(points, self._translate_to_post_layer_operation))
            for branch in self._plan:
                branch.register(outputs)

    return Planned


def _branches(points: Any, place_of: Callable[[Any], tuple[str, int, Any]]) -> Iterator[_Branch]:
    """List what NNCF registers for every image, as ``OVStatisticsAggregator`` does."""
    from nncf.openvino.graph.node_utils import get_reducer_output_node_names

    for _, point, collector in points.get_tensor_collectors():
        if not collector.enabled:
            continue
        node, port, _ = place_of(point)
        for reducer in collector.reducers:
            names = get_reducer_output_node_names(
                reducer.name, node, port, reducer.output_port_id, reducer.inplace
            )
            fed = [
                (output, aggregator)
                for (of, output, _), aggregator in collector.aggregators.items()
                if of == hash(reducer)
            ]
            yield _Branch(reducer, tuple(names), fed)


class _Branch:
    """One reduction of one activation, and the aggregators that it feeds.

    Parameters
    ----------
    reducer
        NNCF's; one in place is computed by the model itself.
    names
        The outputs that it reads.
    fed
        Each aggregator with the number of the reduced tensor that it takes.
    """

    def __init__(self, reducer: Any, names: tuple[str, ...], fed: list[tuple[int, Any]]) -> None:
        from nncf.tensor import Tensor

        self._tensor = Tensor
        self._reducer = reducer
        self._names = names
        self._fed = [(port, aggregator, _extreme(aggregator)) for port, aggregator in fed]

    def register(self, outputs: Mapping[str, NDArray[Any]]) -> None:
        """Register one image's outputs, [any shape] by name."""
        given = [outputs[name] for name in self._names]
        if self._reducer.inplace:
            if not all(value.size for value in given):
                return
        else:
            reduced = self._reducer([self._tensor(value) for value in given])
            if reduced is None:
                return
            given = [each.data for each in reduced]
        for port, aggregator, extreme in self._fed:
            if extreme is None:
                aggregator.register_reduced_input(self._tensor(given[port]))
            else:
                extreme.add(given[port])

    def end(self) -> None:
        """Hand over the extremes of all images."""
        for _, aggregator, extreme in self._fed:
            if extreme is not None and extreme.value is not None:
                aggregator.register_reduced_input(self._tensor(extreme.value))


class _Extreme:
    """The least or greatest numbers of so many images at most; of images one after the other as of all at once."""

    def __init__(self, of: np.ufunc, most: int | None) -> None:
        self._of = of
        self._left = most
        self.value: NDArray[Any] | None = None

    def add(self, value: NDArray[Any]) -> None:
        """Take one image's, [any shape]."""
        if self._left == 0:
            return
        if self._left is not None:
            self._left -= 1
        self.value = value if self.value is None else self._of(value, self.value)


def _extreme(aggregator: Any) -> _Extreme | None:
    """Stand in for an aggregator that keeps the extremes of all images; None for any other."""
    import numpy as np

    # By name: the module is another one in each version.
    of = {"MinAggregator": np.minimum, "MaxAggregator": np.maximum}.get(type(aggregator).__name__)
    if of is None or 0 not in getattr(aggregator, "_aggregation_axes", ()):
        return None
    return _Extreme(of, aggregator.num_samples)


class _Engine:
    """A compiled model with several images under way; offers what NNCF's engines do.

    Attributes
    ----------
    room
        How many images may be under way.
    """

    def __init__(self, model: ov.Model) -> None:
        import openvino as ov

        cores = logical_cores()
        streams = min(cores, MOST_IMAGES)
        config = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": cores,
        }
        self._compiled = ov.Core().compile_model(model, "CPU", config)
        self._names = [tuple(port.get_names()) for port in self._compiled.outputs]
        self.room = streams + 1
        self._idle = [self._compiled.create_infer_request() for _ in range(self.room)]
        self._flying: dict[int, tuple[Any, Image]] = {}

    def start(self, image: Image) -> None:
        """Begin with an image, [1, height, width, channels], that will be asked for."""
        request = self._idle.pop()
        # The image stays with its request, so that no other one can have its identity.
        self._flying[id(image)] = (request, image)
        request.start_async(image, share_inputs=True)

    def infer(self, image: Image) -> dict[str, NDArray[Any]]:
        """Give every output [any shape] for an image [1, height, width, channels], by each of its names."""
        if id(image) not in self._flying:
            self.start(image)
        request, _ = self._flying.pop(id(image))
        request.wait()
        found = {}
        for names, tensor in zip(self._names, request.output_tensors, strict=True):
            value = tensor.data.copy()  # the request is used again
            found.update(dict.fromkeys(names, value))
        self._idle.append(request)
        return found
