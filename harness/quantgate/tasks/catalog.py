"""Every task that models.toml can name, in one visible place, open to plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.plugins import Lazy, kinds, plugged
from quantgate.tasks.added import with_added

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.tasks.protocol import Task

_KINDS = kinds(
    "tasks",
    {
        "classification": "classification.task",
        "detection": "detection.task",
        "instance_segmentation": "detection.instance_segmentation",
        "semantic_segmentation": "segmentation.task",
        "keypoints": "keypoints.task",
        "quads": "quads.task",
        "text": "text.task",
        "embedding": "embedding.task",
        "attributes": "attributes.task",
        "dense": "dense.task",
        "image_to_image": "image_to_image.task",
        "generic": "generic",
    },
)
TASKS: Mapping[str, Task] = Lazy(
    _KINDS, lambda name, _: with_added(name, _KINDS[name], plugged("metrics"))
)


def needs_others(task: str) -> bool:
    """Whether one image of a task alone has no metric, so that nothing can be ranked image by image."""
    return bool(getattr(TASKS.get(task), "NEEDS_OTHERS", False))
