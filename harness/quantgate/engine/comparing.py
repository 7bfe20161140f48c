"""What both roles answer to the evaluation set, in the store: whole, or in parts that any machine may make."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from quantgate.engine import comparison_file
from quantgate.engine.comparison_file import Kept
from quantgate.engine.evaluate import compare_models, compare_three, comparison_key
from quantgate.engine.parts import PartKind, Parts
from quantgate.engine.passes import Pass
from quantgate.engine.runtime import compile_model
from quantgate.errors import DatasetError
from quantgate.pair import Pair
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.comparison import Comparison
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.evaluate import Bench
    from quantgate.engine.parts import Stretch
    from quantgate.engine.runtime import Target
    from quantgate.progress import Progress
    from quantgate.store import Store

_KIND = "comparison"


def pass_of(
    artifacts: Sequence[Artifact],
    bench: Bench,
    store: Store,
    *,
    target: Target,
    isa: str,
    progress: Progress = SILENT,
) -> Pass[Comparison[Any]]:
    """Plan a pass; models are compiled once, where anything has to be evaluated.

    Parameters
    ----------
    artifacts
        Parent and optimized, or parent, optimized and baseline, of which optimized is compared with both.
    isa
        The machine's ISA class: INT8 without VNNI can saturate, so results of one class never
        stand for another.
    """
    reference, optimized, *others = artifacts
    pairs = [Pair(one, optimized) for one in (reference, *others)]
    keys = [comparison_key(pair, bench, target, isa) for pair in pairs]
    models = cache(lambda: [compile_model(artifact, target) for artifact in artifacts])

    def run(stretch: Stretch[Comparison[Any]]) -> Sequence[Comparison[Any]]:
        if others:
            return tuple(compare_three(models(), bench, progress, stretch))
        return (compare_models(Pair(*models()), bench, progress, stretch),)

    kind = PartKind(
        _KIND,
        save=lambda part, folder: comparison_file.save(part, bench.task, folder),
        load=lambda folder: comparison_file.load(folder, bench.task, bench.dataset),
        images=lambda part: len(part) + len(part.skipped),
        unread=lambda part: tuple(reason for _, reason in part.skipped),
        join=_joined,
    )
    return Pass(Parts(store, kind, keys, bench.dataset.samples), run, partial(_whole, bench))


def compare(
    artifacts: Pair[Artifact],
    bench: Bench,
    store: Store,
    *,
    target: Target,
    isa: str,
    progress: Progress = SILENT,
) -> Comparison[Any]:
    """Run both roles over the evaluation set, or read that from the store; as :func:`stored`."""
    return stored(artifacts, bench, store, target=target, isa=isa, progress=progress).comparison


def stored(
    artifacts: Pair[Artifact],
    bench: Bench,
    store: Store,
    *,
    target: Target,
    isa: str,
    progress: Progress = SILENT,
) -> Kept:
    """Run both roles over the evaluation set, or find that in the store; arguments as of :func:`pass_of`.

    Raises
    ------
    DatasetError
        For an empty set, and where more than 1 % of the images cannot be read.
    DecoderError
        Where the outputs do not fit the decoder, or hold NaN or infinity; names image and role.
    MeasurementError
        Where the device is not there.
    """
    both = pass_of(tuple(artifacts), bench, store, target=target, isa=isa, progress=progress)
    both.keep()
    return Kept(store.address(_KIND, both.parts.keys[0]), bench.task_name, bench.dataset)


def compare_with_baseline(
    artifacts: tuple[Artifact, Artifact, Artifact],
    bench: Bench,
    store: Store,
    *,
    target: Target,
    isa: str,
    progress: Progress = SILENT,
) -> None:
    """Put into the store what :func:`compare` finds of parent and optimized, and of baseline and optimized.

    One pass over the images serves both, so that the baseline costs its own inference and no more.
    Where either is there already, nothing is done: the other one is cheaper alone.

    Parameters
    ----------
    artifacts
        Parent, optimized and baseline.

    Raises
    ------
    As :func:`compare`; MeasurementError where the baseline takes another input.
    """
    three = pass_of(artifacts, bench, store, target=target, isa=isa, progress=progress)
    if not any(store.holds(_KIND, key) for key in three.parts.keys):
        three.keep()


def _joined(parts: Sequence[Comparison[Any]]) -> Comparison[Any]:
    """Join consecutive parts of an evaluation."""
    images = tuple(image for part in parts for image in part.images)
    return replace(
        parts[0], images=images, skipped=tuple(s for part in parts for s in part.skipped)
    )


def _whole(bench: Bench, parts: Sequence[Comparison[Any]]) -> Comparison[Any]:
    joined = _joined(parts)
    if not joined.images:
        raise DatasetError(f"no image of datasets.{bench.dataset.name} could be read")
    return joined
