"""Compiled OpenVINO models as arms: one inference after the other, or several in flight."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantgate.engine.compiling import (
    Copier,
    balanced,
    batched,
    number,
    properties,
    set_inputs,
    told_by,
)
from quantgate.engine.executed import executed_precisions
from quantgate.engine.windows import ENOUGH_FOR_MEDIAN, CopyFacts, WindowSample
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.timing import ArmName
    from quantgate.engine.windows import Arm
    from quantgate.entries import Benchmark
    from quantgate.pair import Pair

#: From here on an inference is so long that a cold cache after the switch no longer shows.
SLOW_NS = 100_000_000
#: Longest window: longer ones see the machine drift.
LONGEST_S = 0.1
#: With several requests in flight a window holds at least this many inferences a request.
WINDOW_FILLS = 20
WARM_INFERENCES = 3
WARM_NS = 30_000_000


@dataclass(slots=True)
class SingleStream:
    """One request: every inference waits for the one before it."""

    facts: CopyFacts
    request: Any
    clock: Callable[[], int]
    typical_ns: int = 0

    def infer_ns(self) -> int:
        """Time one inference, from its start to its outputs."""
        begin = self.clock()
        self.request.start_async()
        self.request.wait()
        return self.clock() - begin

    def warm_up(self) -> None:
        """Infer a few times, until caches and the clock of the core have settled."""
        spent, count = 0, 0
        while count < WARM_INFERENCES or spent < WARM_NS:
            self.typical_ns = self.infer_ns()
            spent, count = spent + self.typical_ns, count + 1
            if self.typical_ns > SLOW_NS:
                return

    def run_window(self, seconds: float) -> WindowSample:
        """Infer until the time is over, longer where few inferences would fit."""
        fast = self.typical_ns < SLOW_NS
        seconds = max(seconds, min(LONGEST_S, ENOUGH_FOR_MEDIAN * self.typical_ns / 1e9))
        if fast:
            self.infer_ns()
        latencies: list[int] = []
        spent = 0
        while spent < seconds * 1e9 or len(latencies) < 1 + fast:
            latencies.append(self.infer_ns())
            spent += latencies[-1]
        return WindowSample(len(latencies), spent, latencies)


@dataclass(slots=True)
class InFlight:
    """Several requests kept busy, as a deployment for throughput would."""

    facts: CopyFacts
    queue: Any
    clock: Callable[[], int]

    def run_window(self, seconds: float) -> WindowSample:
        """Fill the pipeline, then count completions until time and number suffice."""
        clock, queue = self.clock, self.queue
        for _ in range(self.facts.requests):
            queue.start_async()
        free = queue.get_idle_request_id()
        latencies: list[int] = []
        begin = clock()
        elapsed = 0
        while elapsed < seconds * 1e9 or len(latencies) < WINDOW_FILLS * self.facts.requests:
            queue.start_async()
            free = queue.get_idle_request_id()
            latencies.append(int(queue[free].latency * 1e6))
            elapsed = clock() - begin
        queue.wait_all()
        return WindowSample(len(latencies), elapsed, latencies, alone=False)


@dataclass(slots=True)
class OpenVinoArms:
    """Makes compiled copies of every arm, all under the same conditions.

    Parameters
    ----------
    models
        IR files of both roles; ``baseline`` is that of a released model.
    inputs
        A real preprocessed sample: input name to array, batch 1 or ``benchmark.batch``.
    names
        Arms to compile; ``parent_default`` is left out of later copies where the device turned
        out to run it in f32 anyway (then ``native_is_f32`` is true).

    Raises
    ------
    MeasurementError
        On build: a model that does not compile, or inputs that do not fit it.
    """

    models: Pair[Path]
    inputs: Mapping[str, NDArray[np.generic]]
    benchmark: Benchmark
    names: tuple[ArmName, ...]
    clock: Callable[[], int] = time.perf_counter_ns
    native_is_f32: bool = False
    baseline: Path | None = None
    _core: Any = None
    _read: dict[Path, Any] = field(default_factory=dict)
    _copiers: dict[ArmName, Copier] = field(default_factory=dict)

    def build(self, copy: int) -> Sequence[Arm]:
        """Compile and warm up the ``copy``-th copy of every arm, in a balanced order."""
        compiled = [(name, *self._compile(name)) for name in balanced(self.names, copy)]
        precisions = {name: executed_precisions(model) for name, model, _ in compiled}
        if copy == 0 and {"parent_f32", "parent_default"} <= set(self.names):
            self.native_is_f32 = set(precisions["parent_default"]) <= {"f32"}
        if self.native_is_f32:
            self.names = tuple(name for name in self.names if name != "parent_default")
            compiled = [item for item in compiled if item[0] in self.names]
        requests = self._requests([model for _, model, _ in compiled])
        return [
            self._arm(name, model, (compile_ns, requests, precisions[name]))
            for name, model, compile_ns in compiled
        ]

    def _compile(self, name: ArmName) -> tuple[Any, int | None]:
        """Compile an arm, or copy what was compiled of it; ns, None for a copy."""
        copier = self._copiers.get(name)
        fresh = copier is None
        try:
            if copier is None:
                copier = self._copiers[name] = self._copier(name)
            begin = self.clock()
            compiled = copier.compiled() if fresh else copier.copy()
            took_ns = self.clock() - begin
            copier.export(compiled)
        except RuntimeError as error:
            path, device = self._path(name), self.benchmark.device
            raise MeasurementError(
                f"{path} does not compile for {device}: {told_by(error)}"
            ) from error
        return compiled, took_ns if fresh else None

    def _copier(self, name: ArmName) -> Copier:
        import openvino as ov

        if self._core is None:
            self._core = ov.Core()
        path = self._path(name)
        if path not in self._read:
            self._read[path] = batched(self._core, path, self.inputs, self.benchmark.batch)
        chosen = properties(self.benchmark, name)
        return Copier(self._core, self._read[path], self.benchmark.device, chosen)

    def _path(self, name: ArmName) -> Path:
        if name == "baseline" and self.baseline is not None:
            return self.baseline
        return self.models["optimized" if name == "optimized" else "parent"]

    def _requests(self, compiled: list[Any]) -> int:
        """Give every arm as many requests: the declared number, or the most that one asks for."""
        if self.benchmark.requests is not None:
            return self.benchmark.requests
        if self.benchmark.hint == "latency":
            return 1
        return max(number(model, "OPTIMAL_NUMBER_OF_INFER_REQUESTS") for model in compiled)

    def _arm(
        self, name: ArmName, compiled: Any, known: tuple[int | None, int, Mapping[str, int]]
    ) -> Arm:
        compile_ns, requests, executed = known
        request = compiled.create_infer_request()
        set_inputs(request, compiled, self.inputs, self.benchmark.batch)
        begin = self.clock()
        request.start_async()
        request.wait()
        first_ns = self.clock() - begin
        streams, threads = (
            number(compiled, "NUM_STREAMS"),
            number(compiled, "INFERENCE_NUM_THREADS"),
        )
        facts = CopyFacts(name, executed, compile_ns, first_ns, streams, threads, requests)
        if requests == 1:
            single = SingleStream(facts, request, self.clock)
            single.warm_up()
            return single
        return self._in_flight(facts, compiled)

    def _in_flight(self, facts: CopyFacts, compiled: Any) -> InFlight:
        import openvino as ov

        queue = ov.AsyncInferQueue(compiled, facts.requests)
        for request in queue:
            set_inputs(request, compiled, self.inputs, self.benchmark.batch)
        for _ in range(WARM_INFERENCES * facts.requests):
            queue.start_async()
        queue.wait_all()
        return InFlight(facts, queue, self.clock)
