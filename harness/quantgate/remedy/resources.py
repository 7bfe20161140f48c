"""What a graph costs, whatever it answers: a rough speed, its size, and how much of it is in INT8."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.attribution.execution import refusals

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import openvino as ov

    from quantgate.core.timing import ArmName
    from quantgate.entries import Benchmark

#: Windows of either model in a rough measurement of speed, and how long each lasts.
_LEAST_WINDOWS, _MOST_WINDOWS, _WINDOW_S = 3, 25, 0.03
#: The shortest inference counts once another window came so near: other processes only lengthen them.
_AGAIN = 1.01


@dataclass(frozen=True, slots=True)
class Pace:
    """Measures roughly how much faster models are than others; for an order, not for a verdict.

    What models are held against is compiled once.
    """

    _others: dict[int, Any] = field(default_factory=dict)

    def __call__(
        self, candidate: ov.Model, parent: ov.Model, benchmark: Benchmark, image: Any
    ) -> float:
        """Take turns until the shortest time of either model was seen twice.

        Parameters
        ----------
        image
            A real input, [1, ...].

        Raises
        ------
        MeasurementError
            Where one of them does not compile.
        """
        other = id(parent)
        with refusals():
            if other not in self._others:
                # The graph is kept too, so that no other one is given its identity.
                self._others[other] = parent, _request(parent, benchmark, "parent_f32", image)
            requests = _request(candidate, benchmark, "optimized", image), self._others[other][1]
            turns: list[list[float]] = []
            while len(turns) < _MOST_WINDOWS and not _settled(turns):
                turns.append([_cost(request) for request in requests])
        candidates, parents = (min(costs) for costs in zip(*turns, strict=True))
        return float(parents / candidates)


def _request(model: ov.Model, benchmark: Benchmark, name: ArmName, image: Any) -> Any:
    """Compile a model for latency, and let it answer once to an image [1, ...]."""
    import openvino as ov

    from quantgate.engine.compiling import properties

    chosen = properties(benchmark, name) | {"PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(model, benchmark.device, chosen).create_infer_request()
    request.infer([image])
    return request


def _settled(turns: Sequence[Sequence[float]]) -> bool:
    if len(turns) < _LEAST_WINDOWS:
        return False
    shortest = (sorted(costs)[:2] for costs in zip(*turns, strict=True))
    return all(second <= first * _AGAIN for first, second in shortest)


def _cost(request: Any) -> float:
    """Shortest inference of a window, s: what other processes do can only lengthen it."""
    costs: list[float] = []
    end = time.perf_counter() + _WINDOW_S
    while not costs or time.perf_counter() < end:
        begin = time.perf_counter()
        request.infer()
        costs.append(time.perf_counter() - begin)
    return min(costs)


def size_ratio(model: ov.Model, parent: Path) -> float:
    """Bytes of a graph on disk over those of the parent's IR."""
    import openvino as ov

    with tempfile.TemporaryDirectory(prefix="quantgate-") as folder:
        ov.save_model(model, Path(folder, "model.xml"), compress_to_fp16=False)
        return _bytes(Path(folder, "model.xml")) / _bytes(parent)


def _bytes(path: Path) -> int:
    return sum(one.stat().st_size for one in (path, path.with_suffix(".bin")) if one.exists())


def int8_share(model: ov.Model) -> float:
    """Share of the multiply-accumulates all of whose inputs are rounded; 0 where there are none."""
    from quantgate.engine.profile import macs_by_name
    from quantgate.engine.quantizers import Graph

    rounded = [
        layer.name
        for layer in Graph(model).layers
        if layer.activations and len({edge.index for edge in layer.edges}) > 1
    ]
    return share_of(rounded, macs_by_name(model))


def share_of(names: Collection[str], macs: dict[str, int]) -> float:
    """Share that some layers have of all multiply-accumulates; 0 where there are none."""
    every = sum(macs.values())
    return sum(macs.get(name, 0) for name in names) / every if every else 0.0
