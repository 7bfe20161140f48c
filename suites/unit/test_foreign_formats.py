"""One small network, written by TensorFlow 2.21 and PaddlePaddle 3.3 in four formats.

conv 3x3x3x4 / 2, ReLU, conv 3x3x4x4 / 2, ReLU, mean, matrix 4x3, softmax, on images of 16x16, with the
same random weights everywhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quantgate.engine.artifact import parent_artifact
from quantgate.engine.naming import model_ports
from quantgate.engine.runtime import Target, compile_model
from quantgate.entries import Preprocess
from quantgate.errors import SourceError
from quantgate.sources.catalog import resolve
from quantgate.sources.local import LocalSource
from quantgate.store import Store

FORMATS = Path(__file__).with_name("formats")
#: What TensorFlow computes from these weights, and what it computes where zeros are put around the
#: image on all sides, as PaddlePaddle does, and not only below and to the right.
BELOW, AROUND = [0.597472, 0.052055, 0.350473], [0.529771, 0.084756, 0.385474]
EXPECTED = {
    "saved_model": BELOW,
    "frozen.pb": BELOW,
    "model.tflite": BELOW,
    "model.pdmodel": AROUND,
}


def scores(name: str, tmp_path: Path) -> list[float]:
    """What the parent of this format answers to one image, preprocessing embedded."""
    plan = Preprocess(size=(16, 16), colour="rgb", scale=255.0)
    found = parent_artifact(LocalSource(Path(name)), plan, FORMATS, Store(tmp_path / "store"))
    compiled = compile_model(found, Target())
    (port,) = model_ports(compiled.outputs)
    assert port.shape == (1, 3)
    image = np.random.default_rng(3).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    answer: list[float] = compiled([image])[0].ravel().tolist()
    return answer


@pytest.mark.parametrize("name", EXPECTED)
def test_a_format_that_another_framework_wrote_is_a_parent(name: str, tmp_path: Path) -> None:
    """Batches and layouts are settled, and the answer is that of the weights themselves."""
    assert scores(name, tmp_path) == pytest.approx(EXPECTED[name], abs=1e-5)


def test_an_operation_without_conversion_is_named(tmp_path: Path) -> None:
    """A TensorFlow graph that is whole, but not convertible, is not called broken."""
    # GraphDef { node { name: "x", op: "Placeholder" }, node { name: "y", op: "Strange", input: "x" } }
    nodes = [b"\x0a\x01x\x12\x0bPlaceholder*\x0b\x0a\x05dtype\x12\x02\x30\x01"]
    nodes.append(b"\x0a\x01y\x12\x07Strange\x1a\x01x")
    graph = b"".join(b"\x0a" + bytes([len(node)]) + node for node in nodes)
    (tmp_path / "strange.pb").write_bytes(graph)
    with pytest.raises(SourceError, match="cannot convert the operations Strange of this Tensor"):
        resolve(LocalSource(Path("strange.pb")), tmp_path)
