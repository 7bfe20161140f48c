"""From the built-in IR back to torch: what another network can start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov  # noqa: TID251 - read here, trained elsewhere
import torch
from torch import nn

from quantgate.zoo.catalog import xml_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEIGHTED = ("Convolution", "GroupConvolution", "MatMul")
_ROOT = "__module.network."


def state_of(name: str) -> dict[str, torch.Tensor]:
    """Weights of a built-in model under their names in torch.

    The export folded batch normalization into the convolutions, so a convolution ``x.0`` gets the
    product and the batch normalization ``x.1`` after it becomes one that only adds;
    :func:`restore_statistics` makes it one that can be trained.
    """
    state: dict[str, torch.Tensor] = {}
    for operation, added in _weighted(ov.Core().read_model(xml_path(name))):
        weight, bias = _constant(operation.input_value(1)), _constant(added.input_value(1))
        if operation.get_type_name() == "GroupConvolution":
            weight = weight.reshape(-1, *weight.shape[2:])
        names = (operation.get_friendly_name(), added.get_friendly_name())
        path, _, kind = next(n for n in names if n.startswith(_ROOT)).partition("/")
        path = path.removeprefix(_ROOT)
        if "batch_norm" in kind:
            stem, _, place = path.rpartition(".")
            state[f"{stem}.{int(place) - 1}.weight"] = weight
            state.update(_adding(path, bias.flatten()))
        else:
            state |= {f"{path}.weight": weight, f"{path}.bias": bias.flatten()}
    return state


def _weighted(model: ov.Model) -> Iterator[tuple[Any, Any]]:
    """Every operation that has weights, with the addition after it."""
    for operation in model.get_ordered_ops():
        if operation.get_type_name() in _WEIGHTED:
            (target,) = operation.output(0).get_target_inputs()
            yield operation, target.get_node()


def _constant(source: Any) -> torch.Tensor:
    node = source.get_node()
    while node.get_type_name() == "Convert":  # weights are kept as FP16
        node = node.input_value(0).get_node()
    return torch.from_numpy(np.array(node.data, np.float32))


def _adding(path: str, bias: torch.Tensor) -> dict[str, torch.Tensor]:
    one = torch.ones_like(bias)
    return {
        f"{path}.weight": one,
        f"{path}.bias": bias,
        f"{path}.running_mean": torch.zeros_like(bias),
        f"{path}.running_var": one - nn.BatchNorm2d(1).eps,
    }


@torch.no_grad()
def restore_statistics(network: nn.Module, images: torch.Tensor) -> None:
    """Give every batch normalization that only adds the statistics of ``images``.

    The network's function stays what it is; in training mode, where a batch's own statistics
    count, it now stays nearly so.
    """

    def measure(layer: nn.BatchNorm2d, inputs: tuple[torch.Tensor, ...]) -> None:
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
        layer.bias.data += mean
        layer.weight.data = (variance + layer.eps).sqrt()
        layer.running_mean, layer.running_var = mean, variance

    hooks = [
        layer.register_forward_pre_hook(measure)
        for layer in network.modules()
        if isinstance(layer, nn.BatchNorm2d) and _only_adds(layer)
    ]
    network.eval()(images)
    for hook in hooks:
        hook.remove()


def _only_adds(layer: nn.BatchNorm2d) -> bool:
    fresh = torch.ones_like(layer.weight)
    same = torch.equal(layer.weight, fresh) and not layer.running_mean.any()
    return bool(same and torch.equal(layer.running_var, fresh - layer.eps))
