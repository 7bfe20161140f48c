"""The suspicions of every task that compares with annotations, in one visible place."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from quantgate.tasks.doubts.boxes import object_doubts
from quantgate.tasks.doubts.frames import frame_doubts
from quantgate.tasks.doubts.images import image_doubts
from quantgate.tasks.doubts.maps import map_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.comparison import Comparison

DOUBTS: Mapping[str, Callable[[Comparison[Any]], tuple[str, ...]]] = MappingProxyType(
    {
        "classification": image_doubts,
        "detection": object_doubts,
        "instance_segmentation": object_doubts,
        "keypoints": object_doubts,
        "semantic_segmentation": map_doubts,
    }
)


def doubts(
    task: str, comparison: Comparison[Any], turned: Mapping[str, int] = MappingProxyType({})
) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent sees; none where there are none.

    ``turned`` as in Dataset.
    """
    own = DOUBTS.get(task)
    if own is None:
        return ()
    frames = frame_doubts(comparison, turned)
    return frames.said if frames.proved else (*frames.said, *own(comparison))
