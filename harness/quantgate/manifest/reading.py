"""What could be read of one model: what its checks work on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantgate.manifest.problems import ManifestProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.entries import Benchmark, DatasetEntry, EvaluationPlan, Recipe
    from quantgate.manifest.draft import ModelDraft


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of one model.

    Parameters
    ----------
    values
        Validated values by key; a value is absent, and its table in ``broken``, where it was wrong.
    datasets
        Every declared dataset; ``None`` where it could not be read.
    """

    draft: ModelDraft
    values: Mapping[str, Any]
    datasets: Mapping[str, DatasetEntry | None] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()

    def problem(self, *parts: str, say: str) -> ManifestProblem:
        """Make a problem at the place where a key was written."""
        return ManifestProblem(self.draft.where(*parts), say)

    def timed_on(self) -> tuple[str, ...]:
        """Devices of ``benchmark``, the first one first; none where they could not be read."""
        benchmark: Benchmark | None = self.values.get("benchmark")
        return () if benchmark is None else devices_of(benchmark)

    def dataset(self, key: str) -> DatasetEntry | None:
        """Dataset that ``calibrate`` or ``evaluate`` names, if it could be read."""
        plan: Recipe | EvaluationPlan | None = self.values.get(key)
        return None if plan is None else self.datasets.get(plan.dataset)


def devices_of(benchmark: Benchmark) -> tuple[str, ...]:
    """Give the devices as models.toml lists them, one or several."""
    said: Any = benchmark.device
    return (said,) if isinstance(said, str) else tuple(said)
