"""Every task that models.toml can name, in one visible place, open to plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.plugins import extended, plugged
from quantgate.tasks import generic
from quantgate.tasks.added import with_added
from quantgate.tasks.attributes import task as attributes
from quantgate.tasks.classification import task as classification
from quantgate.tasks.dense import task as dense
from quantgate.tasks.detection import instance_segmentation
from quantgate.tasks.detection import task as detection
from quantgate.tasks.embedding import task as embedding
from quantgate.tasks.image_to_image import task as image_to_image
from quantgate.tasks.keypoints import task as keypoints
from quantgate.tasks.quads import task as quads
from quantgate.tasks.segmentation import task as semantic_segmentation
from quantgate.tasks.text import task as text

if TYPE_CHECKING:
    from quantgate.tasks.protocol import Task

TASKS: dict[str, Task] = {
    name: with_added(name, task, plugged("metrics"))
    for name, task in extended(
        "tasks",
        {
            "classification": classification,
            "detection": detection,
            "instance_segmentation": instance_segmentation,
            "semantic_segmentation": semantic_segmentation,
            "keypoints": keypoints,
            "quads": quads,
            "text": text,
            "embedding": embedding,
            "attributes": attributes,
            "dense": dense,
            "image_to_image": image_to_image,
            "generic": generic,
        },
    ).items()
}


def needs_others(task: str) -> bool:
    """Whether one image of a task alone has no metric, so that nothing can be ranked image by image."""
    return bool(getattr(TASKS.get(task), "NEEDS_OTHERS", False))
