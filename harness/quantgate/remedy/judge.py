"""Candidates on the selection images: what each declared limit of answers judges, and a rough speed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.attribution.execution import in_floats, refusals
from quantgate.attribution.images import Reference
from quantgate.core.limits import LIMITS
from quantgate.core.remedy import Reading, need
from quantgate.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import openvino as ov

    from quantgate.attribution.answers import Answer
    from quantgate.attribution.images import Images
    from quantgate.core.verdict import Limit
    from quantgate.entries import Benchmark

#: Windows of either model in a rough measurement of speed, and how long each lasts.
_WINDOWS, _WINDOW_S = 5, 0.03
#: Limits of raw outputs, as what they allow of the noise over the signal.
_OF_NOISE = frozenset({"min_sqnr_db", "min_centred_sqnr_db", "max_tensor_distance"})


def pace(candidate: ov.Model, parent: ov.Model, benchmark: Benchmark, image: Any) -> float:
    """Measure roughly how much faster a model is than another, in turns; for an order, not for a verdict.

    Parameters
    ----------
    image
        A real input, [1, ...].

    Raises
    ------
    MeasurementError
        Where one of them does not compile.
    """
    import openvino as ov

    from quantgate.engine.compiling import properties

    arms: tuple[Any, ...] = ("optimized", candidate), ("parent_f32", parent)
    requests = []
    with refusals():
        for name, model in arms:
            chosen = properties(benchmark, name) | {"PERFORMANCE_HINT": "LATENCY"}
            compiled = ov.Core().compile_model(model, benchmark.device, chosen)
            requests.append(compiled.create_infer_request())
            requests[-1].infer([image])
        turns = [[_cost(request) for request in requests] for _ in range(_WINDOWS)]
    candidates, parents = (min(costs) for costs in zip(*turns, strict=True))
    return float(parents / candidates)


def _cost(request: Any) -> float:
    """Shortest inference of a window, s: what other processes do can only lengthen it."""
    costs: list[float] = []
    end = time.perf_counter() + _WINDOW_S
    while not costs or time.perf_counter() < end:
        begin = time.perf_counter()
        request.infer()
        costs.append(time.perf_counter() - begin)
    return min(costs)


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads candidates on the first so many of the selection images.

    Parameters
    ----------
    limits
        Those of answers that the entry declares, by key.
    pace
        Measures roughly how much faster a candidate is than the parent.
    """

    images: Images
    parent: Path
    limits: Mapping[str, Limit]
    benchmark: Benchmark
    pace: Callable[[ov.Model, ov.Model, Benchmark, Any], float] = pace

    def read(self, model: ov.Model, count: int, references: dict[int, Reference]) -> Reading:
        """Let a candidate answer; ``references`` keeps the parent's answers between calls.

        Raises
        ------
        HarnessError
            Where the candidate does not run, or its outputs cannot be read.
        """
        import openvino as ov

        with refusals():
            if count not in references:
                parent = in_floats(ov.Core().read_model(self.parent))
                references[count] = Reference(self.images.first(count), parent)
            answer = references[count].ask(in_floats(model))
        return Reading(len(references[count].images), answer.loss(), dict(self._values(answer)))

    def need(self, reading: Reading) -> float:
        """Worst limit of answers: 1 meets it; what no limit is about counts by the loss alone."""
        found = [
            need(value, limit.threshold, smallest=limit.relation == "min", unit=_unit(key))
            for key, value in reading.values.items()
            if (limit := self.limits[key]).threshold is not None
        ]
        return max(found, default=reading.loss.judged / self._allowed())

    def _allowed(self) -> float:
        """What stands for a limit that these images do not define: what it allows of the metric."""
        drops = [limit.threshold for key, limit in self.limits.items() if key.endswith("_drop")]
        return max(min((one for one in drops if one is not None), default=0.01), 1e-6)

    def _values(self, answer: Answer) -> Any:
        for key in self.limits:
            if key in _OF_NOISE:
                yield key, answer.noise if LIMITS[key].worse_side > 0 else _db(answer.noise)
            elif key == "max_accuracy_drop":
                drop = answer.drop()
                if drop is not None:
                    yield key, drop
            else:
                try:
                    task = answer.bench.task
                    yield key, task.judge_quantity(key, answer.comparison, answer.plan).value
                except HarnessError:
                    continue


def _unit(key: str) -> str:
    return "dB" if key.endswith("_db") else ""


def _db(noise: float) -> float:
    return float(-10 * np.log10(max(noise, 1e-15)))
