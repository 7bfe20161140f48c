"""What speaks against annotations: frames that do not fit, and what the task itself suspects."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from quantgate.tasks.catalog import TASKS
from quantgate.tasks.doubts.frames import frame_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.comparison import Comparison


def doubts(
    task: str, comparison: Comparison[Any], turned: Mapping[str, int] = MappingProxyType({})
) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent sees; none where there are none.

    ``turned`` as in Dataset.
    """
    own: Callable[[Comparison[Any]], tuple[str, ...]] | None
    own = getattr(TASKS.get(task), "doubts", None)
    if own is None:
        return ()
    frames = frame_doubts(comparison, turned)
    return frames.said if frames.proved else (*frames.said, *own(comparison))
