"""Embeddings: who is the same as whom, and who is found again (faces, persons, vehicles, places)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.estimate import Estimate
from quantgate.core.matching import ChangeCounts
from quantgate.pair import Pair
from quantgate.tasks import tensors
from quantgate.tasks.doubts.identities import identity_doubts
from quantgate.tasks.embedding import accuracy, record, tally
from quantgate.tasks.embedding.sets import identities, known, lineup, pairs
from quantgate.tasks.embedding.tables import (
    decision_table,
    identity_table,
    image_table,
    is_changed,
    is_right,
    named,
    nearest,
    pair_table,
    verdict_of,
)
from quantgate.tasks.protocol import ImageChange, TallyKind
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.matching import Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Embedding
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.embedding.record import Embedded

DEFAULT_METRIC = accuracy.DEFAULT_METRIC
TRUTH: str | None = "identity"
PICTURE: PictureKind | None = "neighbours"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS
_QUANTITIES: Mapping[str, Callable[[Embedded, EvaluationPlan], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": accuracy.accuracy_drop,
        "max_error_increase": accuracy.error_increase,
        "max_segment_drop": lambda c, plan: worst_segment(segments(c, plan), len(c)).drop,
        "min_agreement": accuracy.neighbours,
        "min_role_cosine": accuracy.role_cosine,
        "max_changed_decisions": accuracy.changed_decisions,
    }
)
_WORST = "min_worst_cosine"
LIMITS: tuple[str, ...] = (*_QUANTITIES, _WORST, *tensors.LIMITS)

#: One vector alone says nothing.
NEEDS_OTHERS = True

#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack
#: What speaks against the annotations.
doubts = identity_doubts
#: Every metric of both roles against the annotated identities.
metrics = accuracy.role_metrics
role_scores = accuracy.role_scores


def _kept(comparison: Embedded, plan: EvaluationPlan) -> tally.EmbeddingTally | None:
    """Keep what the numbers are made of, where that is no large file."""
    made = accuracy.tally(comparison, plan)
    return made if made.small else None


TALLY = TallyKind(_kept, tally.unpack)


def judge_quantity(key: str, comparison: Embedded, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """

    def own(name: str) -> Estimate:
        if name == _WORST:
            return Estimate.exact(float(record.cosines(comparison).min()), len(comparison))
        return _QUANTITIES[name](comparison, plan).estimate

    return judge(key, comparison, TaskLimits("embedding", LIMITS), own)


def smallest_drop(comparison: Embedded, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, plan).smallest_drop


def subject(key: str, comparison: Embedded, plan: EvaluationPlan) -> str:
    """Name the segment that a limit on the worst one is about; empty for every other limit."""
    if key != "max_segment_drop":
        return ""
    return worst_segment(segments(comparison, plan), len(comparison)).name


def detail(key: str, comparison: Embedded, plan: EvaluationPlan) -> ChangeCounts:
    """Count the images whose nearest neighbour stays, and those that have another (as relabelled)."""
    del key, plan
    changed, kept = _neighbours(comparison)
    return ChangeCounts(kept=kept, relabelled=changed)


def remarks(comparison: Embedded, plan: EvaluationPlan) -> tuple[str, ...]:
    """Say accuracy and likeness beside each other, whichever is judged: they can disagree."""
    said = []
    metric = accuracy.metric_of(plan)
    if known(comparison):
        both = metrics(comparison)
        if metric in both.parent:
            parent, optimized = both.map(lambda of: of[metric])
            said.append(f"{METRICS[metric].title} {parent:.4f} → {optimized:.4f}")
    likeness = record.cosines(comparison)
    name = comparison.images[int(likeness.argmin())].name
    changed, kept = _neighbours(comparison)
    return (
        *said,
        f"cosine of the roles {likeness.mean():.4f} in the mean, {likeness.min():.4f} at worst ({name})",
        f"{changed} of {changed + kept} nearest neighbours are others",
    )


def _neighbours(comparison: Embedded) -> tuple[int, int]:
    """Count images with another nearest neighbour, and with the same."""
    queries = lineup(comparison).queries.tolist()
    changed = sum(is_changed(comparison, index) for index in queries)
    return changed, len(queries) - changed


def notes(comparison: Embedded) -> tuple[str, ...]:
    """Say what of the images is left out of the metrics, and what stands for pairs that nobody lists."""
    if not known(comparison):
        return ()
    own = pairs(comparison)
    if own.listed:
        wanted = sum(len(truth.pairs) for truth in identities(comparison))
        if len(own) == wanted:
            return ()
        said = (
            f"{wanted - len(own)} of {wanted} annotated pairs have an image that is not among those judged: they "
            "are left out"
        )
        return (said,)
    found = accuracy.searched(comparison, "parent")
    alone = int((found.first == 0).sum())
    if not alone:
        return ()
    said = (
        f"{alone} of {len(found.first)} images are sought in a gallery without another image of their identity: "
        "Rank-1 and mAP leave them out"
    )
    return (said,)


def tables(comparison: Embedded, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the tables by image, by pair, with annotations by identity and share of false acceptances, and by segment."""
    made = [image_table(comparison), pair_table(comparison, plan)]
    if known(comparison):
        made += [identity_table(comparison), decision_table(comparison)]
    parts = segments(comparison, plan)
    return (*made, *([segment_table(parts, METRICS[accuracy.metric_of(plan)])] if parts else []))


def segments(comparison: Embedded, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names, each among its own images."""
    metric = accuracy.metric_of(plan)
    return comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison,
            lambda own: Pair(
                *(role_scores(own, plan)[role].value for role in ("parent", "optimized"))
            ),
            lambda own: accuracy.accuracy_drop(own, plan),
        ),
    )


def changes(result: ImageResult[Embedding], plan: EvaluationPlan) -> list[Match]:
    """Nothing: a vector has no objects with a place in the image."""
    del result, plan
    return []


def severity(comparison: Embedded, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the change of one image's vector is; tuples compare from left to right, more is worse.

    1. With annotations: 2 for an identity that was found first and is not now, 1 for no change of that, 0 for
       one that is found now. Without, always 1.
    2. How far the cosine of the roles is from 1.
    """
    del plan
    right, turned = is_right(comparison, index), 1
    if right is not None:
        turned += right.parent - right.optimized
    likeness = float(record.cosines(comparison)[index])
    return float(turned), 1 - likeness


def worst(comparison: Embedded, plan: EvaluationPlan) -> list[ImageChange]:
    """Images with another nearest neighbour, and the least alike one, in the order of `severity`."""
    likeness = record.cosines(comparison)
    listed = [index for index in range(len(comparison)) if is_changed(comparison, index)]
    least = int(likeness.argmin())
    if least not in listed and likeness[least] < 1 - 8 * np.finfo(np.float32).eps:
        listed.append(least)
    both = nearest(comparison)
    made = []
    for index in listed:
        before, after = (named(comparison, int(one[index])) for one in both)
        said = f"cosine of the roles {likeness[index]:.4f}"
        if is_changed(comparison, index):
            said = f"nearest {before} became {after}; {verdict_of(comparison, index)}; {said}"
        made.append(ImageChange(index, severity(comparison, index, plan), said))
    return sorted(made, key=lambda change: change.severity, reverse=True)
