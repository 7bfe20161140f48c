"""What one digit of a scene looks like, besides which it is: whether it is dark, and how tall."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from quantgate.zoo.scenes import Scene


class Marks(NamedTuple):
    """Attributes of the digit.

    Parameters
    ----------
    dark
        Whether its ink is darker than what is around it in its box.
    height
        What of the image's height its visible ink takes, 0..1.
    """

    dark: bool
    height: float


def marks_of(scene: Scene) -> Marks | None:
    """Measure the first digit of a scene; None where it has none that is visible enough."""
    if not len(scene.labels):
        return None
    x0, y0, x1, y1 = (int(edge) for edge in scene.boxes[0])
    grey = scene.clean[y0:y1, x0:x1].mean(axis=2)
    ink = scene.owners[y0:y1, x0:x1] == 1
    around = grey[~ink] if (~ink).any() else scene.clean.mean(axis=2)
    return Marks(bool(grey[ink].mean() < around.mean()), (y1 - y0) / scene.image.shape[0])
