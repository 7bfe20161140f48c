"""Where accuracy is lost: cheap local scores first, then expensive measurements of the most suspect groups."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quantgate.attribution.ask import EXECUTED, SCORED, Ask, drawn
from quantgate.attribution.execution import in_floats, refusals
from quantgate.attribution.facts import facts_of
from quantgate.attribution.faults import executed
from quantgate.attribution.groups import blocks, groups_of, most_suspect, patterns
from quantgate.attribution.images import Reference, prepare_images
from quantgate.attribution.scores import scores
from quantgate.attribution.simulate import simulated
from quantgate.core.explained import Explanation, Group, sqnr_db
from quantgate.engine.evaluate import refuse_other_input
from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import floated, only, without
from quantgate.errors import HarnessError
from quantgate.pair import Pair

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov

    from quantgate.attribution.execution import Execute
    from quantgate.core.explained import Execution, Loss
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import EvaluationPlan

_LOOPS = frozenset({"TensorIterator", "Loop", "If"})
#: Part of the noise that may be left with every layer put back: the rest must be quantization's.
_LEFT = 0.1
#: Images that this is looked at on: weights that are not the parent's show on any.
_FEW = 4


def explain(paths: Pair[Path], bench: Bench, plan: EvaluationPlan, ask: Ask) -> Explanation:
    """Explain one pair of models on some images of its evaluation set.

    What cannot be answered is a note, and the rest is answered all the same.

    Parameters
    ----------
    paths
        IRs of both roles.
    bench, plan
        The evaluation set, and how outputs are read and judged.

    Raises
    ------
    HarnessError
        Where not even the parent or the optimized model can be run on any image.
    """
    with refusals():
        return _Explaining(paths, bench, plan, ask).explanation()


class _Explaining:
    """One explanation under way: what is known so far, and the time that is left."""

    def __init__(self, paths: Pair[Path], bench: Bench, plan: EvaluationPlan, ask: Ask) -> None:
        import openvino as ov

        self._ask, self._began = ask, ask.clock()
        self._models: Pair[Any] = paths.map(lambda path: ov.Core().read_model(path))
        refuse_other_input(self._models)
        self._graph = Graph(self._models.optimized)
        samples = drawn(bench.dataset.samples, ask.images, ask.seed)
        images = prepare_images(bench, plan, samples, _size(self._models.parent))
        self._parent = Reference(images, in_floats(self._models.parent))
        self._images = self._parent.images
        self._notes = list(_notes_of(self._models, self._graph))

    def explanation(self) -> Explanation:
        """Answer in the order of what an answer is worth: execution, local scores, groups."""
        compiled = self._ask.execute(self._models.optimized)
        answer = self._parent.ask(compiled)
        total, metrics = answer.loss(), answer.metrics()
        bench = self._images.bench
        metric = self._images.plan.metric or bench.task.DEFAULT_METRIC
        found = Explanation(
            self._ask.model,
            "" if metrics is None else bench.task.METRICS[metric].title,
            len(self._images),
            None if metrics is None else metrics.parent,
            total,
            total,
        )
        if self._graph.layers:
            found = self._attribution(self._execution(found, compiled))
        return replace(found, notes=tuple(self._notes), seconds=self._spent())

    def _execution(self, found: Explanation, compiled: ov.CompiledModel) -> Explanation:
        if self._ask.execution is not None:
            return replace(found, execution=self._ask.execution)
        ask, few = self._ask, self._parent.first(EXECUTED)
        try:
            with refusals():
                told = executed(
                    self._models.optimized, few, ask.execute, ask.folder, compiled=compiled
                )
        except HarnessError as error:
            self._notes.append(f"execution was not compared with the graph: {error}")
            return found
        return replace(found, execution=told)

    def _attribution(self, found: Explanation) -> Explanation:
        inputs = [tensor[None] for tensor in self._images.first(SCORED).tensors]
        try:
            with refusals():
                told = scores(self._models, inputs)
        except HarnessError as error:
            self._notes.append(f"layers were not scored: {error}")
            return found
        self._note_other_differences(found.total)
        names = (blocks(self._graph), patterns(self._graph))
        facts = facts_of(self._graph, told, names)
        groups = groups_of(self._graph, {name: score.share for name, score in told.items()})
        faulty = found.execution is not None and found.execution.cause == "execution"
        arm = self._simulated if faulty else self._executed
        base = self._parent.ask(arm(self._models.optimized)).loss() if faulty else found.total
        found = replace(found, base=base, layers=facts)
        return replace(found, groups=self._answered(found, groups, arm))

    def _note_other_differences(self, total: Loss) -> None:
        few = self._parent.first(_FEW)
        left = few.ask(in_floats(floated(self._models).model)).noise
        if left > _LEFT * total.noise:
            self._notes.append(
                f"with every layer put back the outputs are still {sqnr_db(left):.1f} dB from the parent's: "
                "the optimized model differs from it by more than its quantizers"
            )

    def _answered(
        self, found: Explanation, groups: tuple[Group, ...], arm: Execute
    ) -> tuple[Group, ...]:
        """Ask about the most suspect groups, and rank each kind by what its groups cost."""
        every = len(self._graph.layers)
        wanted = most_suspect(groups, self._ask.groups, lambda group: len(group.layers) < every)
        self._ask.progress.start("explain", len(wanted))
        known: dict[tuple[str, ...], Group] = {}
        for number, group in enumerate(wanted):
            if self._spent() > self._ask.seconds:
                self._notes.append(
                    f"time was over after {number} of {len(wanted)} groups: the others are ranked by "
                    "their share of the noise; report.explain_s sets the time"
                )
                break
            if group.layers not in known:
                known[group.layers] = self._questions(group, found.parent, arm)
            self._ask.progress.advance()
        self._ask.progress.close()
        told = [_with(group, known.get(group.layers)) for group in groups]
        kinds = list(dict.fromkeys(group.kind for group in groups))
        return tuple(
            sorted(
                told,
                key=lambda group: (
                    kinds.index(group.kind),
                    not group.asked,
                    -group.costs(found.base),
                ),
            )
        )

    def _questions(self, group: Group, parent: float | None, arm: Execute) -> Group:
        """Measure one group alone and put back, both together: that costs what one evaluation does."""
        try:
            with refusals(), ThreadPoolExecutor(2) as pool:
                made = (make(self._models, group.layers) for make in (only, without))
                arms = Pair(*pool.map(arm, made))
                both = self._parent.ask_both(arms, parent)
        except HarnessError as error:
            self._notes.append(f"{group.name} could not be asked about: {error}")
            return group
        return replace(group, only=both.parent, back=both.optimized)

    @staticmethod
    def _executed(model: ov.Model) -> ov.CompiledModel:
        return in_floats(model)  # INT8 where quantizers are left, and floats in f32

    @staticmethod
    def _simulated(model: ov.Model) -> ov.CompiledModel:
        return in_floats(simulated(model))

    def _spent(self) -> float:
        return self._ask.clock() - self._began


def look_at_execution(paths: Pair[Path], bench: Bench, plan: EvaluationPlan, ask: Ask) -> Execution:
    """Compare the executed model with its own graph on some images, without explaining layers.

    Raises
    ------
    HarnessError
        Where an arm does not run, or its outputs cannot be read.
    """
    import openvino as ov

    with refusals():
        models = paths.map(lambda path: ov.Core().read_model(path))
        refuse_other_input(models)
        samples = drawn(bench.dataset.samples, ask.images, ask.seed)
        images = prepare_images(bench, plan, samples, _size(models.parent))
        parent = Reference(images, in_floats(models.parent))
        return executed(models.optimized, parent, ask.execute, ask.folder)


def _with(group: Group, asked: Group | None) -> Group:
    return group if asked is None else replace(group, only=asked.only, back=asked.back)


def _size(model: ov.Model) -> tuple[int, int]:
    """``(width, height)`` of the image input, [1, height, width, channels]."""
    _, height, width, _ = (side.get_length() for side in model.input(0).get_partial_shape())
    return width, height


def _notes_of(models: Pair[ov.Model], graph: Graph) -> list[str]:
    """Say what an explanation of these graphs leaves out."""
    if not graph.layers:
        return ["the optimized model has no quantized layer: there is nothing to put back"]
    found = []
    loops = Counter(node.get_type_name() for node in graph.nodes)
    inside = sum(count for kind, count in loops.items() if kind in _LOOPS)
    if inside:
        said = (
            "1 loop or branch is taken as it is"
            if inside == 1
            else f"{inside} loops or branches are taken as they are"
        )
        found.append(f"{said}: layers inside are not looked at")
    parent = {
        (node.get_friendly_name(), node.get_type_name()) for node in Graph(models.parent).nodes
    }
    weighty = [layer for layer in graph.layers if layer.weights]
    lost = [layer for layer in weighty if (layer.name, layer.type) not in parent]
    if lost:
        found.append(
            f"{len(lost)} of {len(weighty)} layers with weights are not in the parent by name (the first: "
            f"{lost[0].name}): their weights stay quantized where they are put back"
        )
    return found
