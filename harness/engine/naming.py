"""Names of nodes that are the same in every run.

OpenVINO numbers the nodes that nobody named by a counter of the whole process: the same model, built
after another one, would be written with other names, other bytes, and so another size.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    import openvino as ov

_COUNTED = re.compile(r"[A-Za-z]+_\d+")


def given_names(model: ov.Model) -> frozenset[str]:
    """List the names that a model's nodes brought along, OpenVINO's own numbers left out."""
    return frozenset(
        op.get_friendly_name()
        for op in model.get_ordered_ops()
        if op.get_friendly_name() != op.get_name()
    )


def name_by_place(model: ov.Model, given: Collection[str]) -> None:
    """Name each numbered node by its type and its place in the graph instead.

    Parameters
    ----------
    given
        Names that stay as they are, whatever they look like.
    """
    for place, op in enumerate(model.get_ordered_ops()):
        name = op.get_friendly_name()
        if name in given or not _COUNTED.fullmatch(name):
            continue
        fresh = f"{op.get_type_name()}_{place}"
        op.set_friendly_name(f"{fresh}_" if fresh in given else fresh)
