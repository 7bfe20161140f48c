"""How far away everything in a scene is: digits as their size tells, the ground by its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.zoo.scenes import Scene

#: Distance of the ground at the lower and the upper edge of the image.
GROUND: Final = (5.0, 8.0)
#: A digit as tall as the image's shorter side is so far away; one of half that height is twice as far.
_FULL_HEIGHT: Final = 1.0
_NEAREST, _FARTHEST = 1.0, 4.5


def depth_of(scene: Scene) -> NDArray[np.float32]:
    """Distance of every pixel of a scene, float32 [height, width], in the unit of ``GROUND``."""
    rows, columns = scene.owners.shape
    near, far = GROUND
    ground = np.linspace(far, near, rows, dtype=np.float32)
    heights = np.maximum(scene.boxes[:, 3] - scene.boxes[:, 1], 1.0)
    own = np.clip(_FULL_HEIGHT * min(rows, columns) / heights, _NEAREST, _FARTHEST)
    table = np.concatenate(([0.0], own)).astype(np.float32)
    return np.where(scene.owners > 0, table[scene.owners], ground[:, None]).astype(np.float32)
