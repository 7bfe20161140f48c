"""From torch to OpenVINO IR with compressed weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import openvino as ov  # noqa: TID251 - the conversion ends here
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Signature:
    """Static input shape, and the names of the outputs in order."""

    shape: tuple[int, int, int, int]
    outputs: tuple[str, ...]


def export(
    network: nn.Module,
    signature: Signature,
    path: Path,
    finish: Callable[[ov.Model], ov.Model] = lambda model: model,
) -> None:
    """Convert, name, let ``finish`` append operations, and write ``.xml`` and ``.bin``."""
    network = network.eval().to(memory_format=torch.contiguous_format)
    example = torch.zeros(signature.shape)
    model = ov.convert_model(network, example_input=example, input=[list(signature.shape)])
    model.inputs[0].get_tensor().set_names({"image"})
    model.inputs[0].get_node().set_friendly_name("image")
    model = finish(model)
    for result, output, name in zip(
        model.get_results(), model.outputs, signature.outputs, strict=True
    ):
        output.get_tensor().set_names({name})
        result.input(0).get_source_output().get_node().set_friendly_name(name)
    model.validate_nodes_and_infer_types()
    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(model, path, compress_to_fp16=True)
    print(f"{path}: {path.with_suffix('.bin').stat().st_size / 1e6:.2f} MB")
