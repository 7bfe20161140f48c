"""Both roles over the evaluation set, and what the report keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.pipeline.derived import Derived, derive
from harness.pipeline.optimizing import bench_of

if TYPE_CHECKING:
    from harness.core.comparison import Comparison
    from harness.engine.artifact import Artifact
    from harness.engine.progress import Progress
    from harness.entries import ModelEntry
    from harness.pair import Pair
    from harness.pipeline.data import Data
    from harness.run import Run


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison with everything derived from it."""

    comparison: Comparison[Any]
    derived: Derived


def compare_roles(
    entry: ModelEntry, run: Run, artifacts: Pair[Artifact], data: Data, *, progress: Progress
) -> Compared:
    """Evaluate both roles on the same images, or find that in the store; keep it for the report."""
    from harness.engine.evaluate import compare, comparison_key
    from harness.engine.runtime import Target
    from harness.machine import isa_class
    from harness.store import Store

    target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
    bench, isa = bench_of(entry, data.evaluation), isa_class()
    found = compare(artifacts, bench, Store(run.store), target=target, isa=isa, progress=progress)
    key = comparison_key(artifacts, bench, target, isa)
    derived = derive(entry, run, found, data=data, key=key)
    run.keep(entry.id, "comparing", derived.fields)
    return Compared(found, derived)
