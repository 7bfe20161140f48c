"""NNCF's statistics on all cores: the next images are inferred while it looks at one, and it sees them in order.

NNCF gives one image after the other to all cores, and then looks at the answers on one of them. Here several
images are under way, each on its share of the cores. What NNCF makes of them are the same operations in the
same order, so the same numbers.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from quantgate.machine import logical_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

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

        own = getattr(aggregator, "factory", None)
        if not hasattr(own, "EngineFactory"):
            yield
            return
        changed = SimpleNamespace(**{**vars(own), "EngineFactory": self})
        aggregator.factory = changed  # a name that it imported
        try:
            yield
        finally:
            aggregator.factory = own


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
        found = {
            name: value for port, value in request.results.items() for name in port.get_names()
        }
        self._idle.append(request)
        return found
