"""What others can start a training from; needs the extra ``train``."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import openvino as ov
import pytest

from quantgate.zoo.catalog import ZOO, xml_path

torch: Any = pytest.importorskip("torch")


def module(name: str) -> Any:
    """Import a module of the training, which is not checked for types."""
    return importlib.import_module(f"harness.training.{name}")


def test_committed_weights_become_the_network_that_they_were() -> None:
    """Read back into torch, the classifier answers as its IR does, before and after statistics."""
    committed, backbone = (module(name) for name in ("committed", "backbone"))
    name = "digits-mobilenet-v2"
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 3, 224, 224)).astype(np.float32)
    compiled = ov.Core().compile_model(xml_path(name), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = compiled(image)[0]
    network = backbone.Classifier()
    missing = network.load_state_dict(committed.state_of(name), strict=False)
    assert not missing.unexpected_keys
    images = torch.from_numpy(rng.normal(size=(4, 3, 64, 64)).astype(np.float32))
    for _ in range(2):
        with torch.no_grad():
            found = backbone.Halved(network).eval()(torch.from_numpy(image)).numpy()
        assert np.abs(found - expected).max() < 0.01
        committed.restore_statistics(network, images)


def test_every_built_in_model_can_be_trained_by_its_name() -> None:
    """Each model of the catalog has a module with its name, its plan and how long it was trained."""
    modules = [module(name) for name in module("__main__").MODELS]
    assert {one.NAME for one in modules} >= set(ZOO)
    for one in modules:
        assert one.IMAGES > 0
        assert one.WARM is None or one.WARM in ZOO
