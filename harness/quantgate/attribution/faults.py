"""Where execution leaves the quantized graph: the first quantizer, and the smallest part that fails."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.attribution.execution import Device, execution, in_floats
from quantgate.attribution.images import Reference
from quantgate.attribution.simulate import simulated
from quantgate.attribution.subgraph import save_failing
from quantgate.core.explained import FirstFault
from quantgate.engine.quantizers import Graph
from quantgate.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov

    from quantgate.attribution.execution import Execute
    from quantgate.attribution.images import Images
    from quantgate.core.explained import Execution

#: Images that the search looks at: it compiles more than it infers.
_FEW = 3
#: Noise below this is none, wherever it is compared.
_LEAST = 1e-12


def executed(
    model: ov.Model,
    parent: Reference,
    execute: Execute,
    folder: Path | None,
    *,
    compiled: ov.CompiledModel | None = None,
) -> Execution:
    """Hold the executed model against its graph; where it fails, find where, and keep the failing part.

    Parameters
    ----------
    model
        The optimized graph.
    parent
        The parent's answers on the images.
    folder
        Where the smallest failing part is saved; None saves none.
    compiled
        A compilation that is there already.

    Raises
    ------
    HarnessError
        Where an arm does not run, or its outputs cannot be read.
    """
    told = execution(model, parent, execute, compiled)
    if told.cause != "execution":
        return told
    first = first_fault(model, parent.images, execute, told)
    if first is not None and folder is not None:
        image = parent.images.tensors[0][None]
        path = save_failing(model, first.place, image, execute=execute, folder=folder)
        first = first if path is None else replace(first, subgraph=str(path))
    return replace(told, first=first)


def first_fault(
    model: ov.Model, images: Images, execute: Execute, found: Execution
) -> FirstFault | None:
    """Find the first quantizer that the device executes otherwise than the graph says.

    All quantizers behind a place are computed in floating point and those before it executed; the
    place is found by halving, and its both sides are looked at once more. None where the fault does
    not show again: compilations may differ among themselves.
    """
    graph = Graph(model)
    fakes = graph.fakes()
    tries = [execute.in_one_stream(), execute] if isinstance(execute, Device) else [execute]
    for arm in tries:
        search = _Search(model, images.first(_FEW), arm, found)
        place = search.first(fakes)
        if place is not None:
            return _described(graph, place, alone=not search.wrong({place}))
    return None


class _Search:
    """Checks whether a graph with some quantizers in floating point executes as written."""

    def __init__(self, model: ov.Model, images: Images, execute: Execute, found: Execution) -> None:
        self._model, self._execute = model, execute
        self._plain = Reference(images, in_floats(simulated(model)))
        noises = (found.simulated.noise, max(found.apart, found.compilations))
        self._limit = math.sqrt(math.prod(max(noise, _LEAST) for noise in noises))

    def wrong(self, floats: set[int]) -> bool:
        """Whether it fails with the quantizers at these places in floating point."""
        try:
            model = simulated(self._model, floats)
            return self._plain.ask(self._execute(model)).noise > self._limit
        except HarnessError:
            return True  # garbage is no answer either

    def first(self, fakes: list[int]) -> int | None:
        """Place of the first faulty one; None where none is, or the answers contradict each other."""
        if not fakes or not self.wrong(set()):
            return None
        right, faulty = 0, len(fakes)
        while faulty - right > 1:
            middle = (right + faulty) // 2
            if self.wrong(set(fakes[middle:])):
                faulty = middle
            else:
                right = middle
        sure = self.wrong(set(fakes[faulty:])) and not self.wrong(set(fakes[right:]))
        return fakes[right] if sure else None


def _described(graph: Graph, place: int, *, alone: bool) -> FirstFault:
    node = graph.nodes[place]
    before = node.input_value(0).get_node()
    behind = next(iter(node.output(0).get_target_inputs())).get_node()
    readers = tuple(layer.name for layer in graph.layers if place in layer.activations)
    said = [f"{end.get_friendly_name()} ({end.get_type_name()})" for end in (before, behind)]
    return FirstFault(node.get_friendly_name(), place, (said[0], said[1]), readers, alone=alone)
