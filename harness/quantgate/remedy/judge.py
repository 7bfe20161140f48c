"""Candidates on the selection images: what each declared limit judges, and a rough speed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.attribution.execution import in_floats, refusals
from quantgate.attribution.images import Reference
from quantgate.core.limits import LIMITS
from quantgate.core.remedy import RESOURCES, Reading, chance, need
from quantgate.errors import HarnessError
from quantgate.remedy.resources import Pace, int8_share, size_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import openvino as ov

    from quantgate.attribution.answers import Answer
    from quantgate.attribution.images import Images
    from quantgate.core.estimate import Estimate
    from quantgate.core.verdict import Limit
    from quantgate.entries import Benchmark

#: What a candidate may use of the limits on the selection images: they are few, and others judge.
TARGET = 0.75
#: Limits of raw outputs, as what they allow of the noise over the signal.
_OF_NOISE = frozenset({"min_sqnr_db", "min_centred_sqnr_db", "max_tensor_distance"})


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads candidates on the first so many of the selection images.

    Parameters
    ----------
    limits
        Those of answers and of resources that the entry declares, by key.
    pace
        Measures roughly how much faster a candidate is than the parent.
    """

    images: Images
    parent: Path
    limits: Mapping[str, Limit]
    benchmark: Benchmark
    pace: Callable[[ov.Model, ov.Model, Benchmark, Any], float] = field(default_factory=Pace)

    def compiled(self, model: ov.Model) -> ov.CompiledModel:
        """Compile a candidate to be asked.

        Raises
        ------
        MeasurementError
            Where the device refuses it.
        """
        with refusals():
            return in_floats(model)

    def ask(self, model: ov.CompiledModel, count: int, references: dict[int, Reference]) -> Answer:
        """Let a candidate answer; ``references`` keeps the parent's answers between calls.

        Raises
        ------
        HarnessError
            Where the candidate does not run, or its outputs cannot be read.
        """
        with refusals():
            if count not in references:
                whole = references.get(len(self.images))
                references[count] = whole.first(count) if whole else self._reference(count)
            return references[count].ask(model)

    def _reference(self, count: int) -> Reference:
        import openvino as ov

        parent = in_floats(ov.Core().read_model(self.parent))
        return Reference(self.images.first(count), parent)

    def reading(self, answer: Answer, *, sure: bool) -> Reading:
        """Sum answers up; ``sure``: with the chance that the limits are met, where the target is."""
        return self._summed(answer, [answer] if sure else [])

    def twice(self, first: Answer, second: Answer) -> Reading:
        """Sum answers to two sets of images up, of models that were calibrated on different images."""
        return self._summed(first.with_more(second), [first, second])

    def _summed(self, answer: Answer, draws: Sequence[Answer]) -> Reading:
        images = len(answer.comparison)
        found = Reading(images, answer.loss(), dict(self._values(answer)))
        if not draws or self.need(found) > TARGET:
            return found
        return replace(found, chance=self._chance(answer, draws))

    def _chance(self, answer: Answer, draws: Sequence[Answer]) -> float:
        """Chance that every limit of answers is met on other images: that of the most doubtful one."""
        found = []
        for key, limit in self.limits.items():
            if key in RESOURCES or key in _OF_NOISE:
                continue
            assert limit.threshold is not None
            smallest, threshold = limit.relation == "min", limit.threshold
            try:
                estimates = [_judged(one, key) for one in (answer, *draws)]
            except HarnessError:
                estimates = [one.error()[0] for one in (answer, *draws)]
                smallest, threshold = False, self._allowed()
            values = [one.value for one in estimates[1:]]
            apart = max(values) - min(values)
            found.append(chance(estimates[0], threshold, smallest=smallest, apart=apart))
        return min(found, default=1.0)

    def resources(self, model: ov.Model) -> dict[str, float]:
        """Measure what declared limits judge of a graph alone, but for its speed."""
        found = {}
        if "min_int8_share" in self.limits:
            found["min_int8_share"] = int8_share(model)
        if "max_size_ratio" in self.limits:
            found["max_size_ratio"] = size_ratio(model, self.parent)
        return found

    def fits(self, model: ov.Model) -> bool:
        """Whether a graph meets the limits that it meets or not whatever it answers, but for the speed."""
        return all(self._need(key, found) <= 1 for key, found in self.resources(model).items())

    def need(self, reading: Reading, spared: float = 0.0) -> float:
        """Worst limit: 1 meets it; what no limit of answers is about counts by the loss alone.

        Parameters
        ----------
        spared
            Loss that needs no remedy where no limit of answers is declared: that of the declared recipe.
        """
        judged = {key: self._need(key, value) for key, value in reading.values.items()}
        answers = [found for key, found in judged.items() if key not in RESOURCES]
        # A limit that these images do not define is stood for by the loss, whatever may be spared.
        undefined = any(key not in RESOURCES for key in self.limits)
        if not answers and (undefined or reading.loss.judged > spared):
            answers = [reading.loss.judged / self._allowed()]
        # Resources are no sample: what meets their limits needs no room to them.
        missed = [found for key, found in judged.items() if key in RESOURCES and found > 1]
        return max([*answers, *missed], default=0.0)

    def _need(self, key: str, value: float) -> float:
        limit = self.limits[key]
        assert limit.threshold is not None
        return need(value, limit.threshold, smallest=limit.relation == "min", unit=_unit(key))

    def _allowed(self) -> float:
        """What stands for a limit that these images do not define: what it allows of the metric."""
        drops = [limit.threshold for key, limit in self.limits.items() if key.endswith("_drop")]
        return max(min((one for one in drops if one is not None), default=0.01), 1e-6)

    def _values(self, answer: Answer) -> Any:
        for key in self.limits:
            if key in RESOURCES:
                continue
            if key in _OF_NOISE:
                yield key, answer.noise if LIMITS[key].worse_side > 0 else _db(answer.noise)
            elif key == "max_accuracy_drop":
                drop = answer.drop()
                if drop is not None:
                    yield key, drop
            else:
                try:
                    yield key, _judged(answer, key).value
                except HarnessError:
                    continue


def _judged(answer: Answer, key: str) -> Estimate:
    return answer.bench.task.judge_quantity(key, answer.comparison, answer.plan)


def _unit(key: str) -> str:
    return "dB" if key.endswith("_db") else ""


def _db(noise: float) -> float:
    return float(-10 * np.log10(max(noise, 1e-15)))
