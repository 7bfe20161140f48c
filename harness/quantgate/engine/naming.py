"""Names of nodes that are the same in every run, and the ports that bear them.

OpenVINO numbers the nodes that nobody named by a counter of the whole process: the same model, built
after another one, would be written with other names, other bytes, and so another size.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from quantgate.decoders.protocol import Port

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


def model_ports(nodes: list[Any]) -> tuple[Port, ...]:
    """Names and shapes of a model's inputs or outputs (-1 where a dimension is dynamic).

    A port without a tensor name bears that of the node behind it.
    """
    return tuple(map(_port, nodes))


def _port(node: Any) -> Port:
    name = _name(node)
    return Port(name, _shape(node), tuple(sorted(set(node.get_names()) - {name})))


def _name(node: Any) -> str:
    names = node.get_names()
    if names:
        # An output that its maker named has that name among those of the operations before it.
        own = str(node.get_node().get_friendly_name()).split("/sink_port_")[0]
        return own if own in names else str(min(names, key=lambda name: (len(name), name)))
    source = node.get_node()
    if source.get_type_name() == "Result":
        source = source.input_value(0).get_node()
    return str(source.get_friendly_name())


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(
        -1 if dimension.is_dynamic else dimension.get_length()
        for dimension in node.get_partial_shape()
    )
