"""Every task that models.toml can name, in one visible place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.tasks import (
    classification,
    detection,
    generic,
    image_to_image,
    instance_segmentation,
    semantic_segmentation,
)

if TYPE_CHECKING:
    from harness.tasks.protocol import Task

TASKS: dict[str, Task] = {
    "classification": classification,
    "detection": detection,
    "instance_segmentation": instance_segmentation,
    "semantic_segmentation": semantic_segmentation,
    "image_to_image": image_to_image,
    "generic": generic,
}
