"""A package's predict.py in a process that finds openvino, numpy and OpenCV, and nothing of quantgate."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CODE = """
import pickle, sys
from pathlib import Path

allowed = {"cv2", "decode", "numpy", "openvino", "predict", *sys.stdlib_module_names}
allowed |= {"openvino_telemetry", "packaging"}  # what openvino itself brings

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"predict.py imports {name}", name=name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import predict

predictor = predict.Predictor()
found = [predictor(predict.read(name)) for name in sys.argv[2:]]
columns = [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in found]
pickle.dump(columns, sys.stdout.buffer)
"""


def predictions(
    package: Path, images: Sequence[Path], python: Sequence[str] = (sys.executable,)
) -> list[dict[str, Any]]:
    """Predict images with a package; every prediction by the name of its fields.

    ``python`` is the command of another interpreter, where it is not to be this one.
    """
    done = subprocess.run(
        [*python, "-I", "-B", "-c", _CODE, str(package), *map(str, images)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, Any]] = pickle.loads(done.stdout)  # noqa: S301 - written just now
    return found


def judged(manifest: Path, model: str, store: Path, images: Sequence[Path]) -> list[dict[str, Any]]:
    """Predict the same images with the optimized model as a gate does."""
    import argparse
    import dataclasses

    from quantgate.commands.prepare import prepared
    from quantgate.datasets.images import decode_image
    from quantgate.decoders.ports import with_own_names
    from quantgate.engine.naming import model_ports
    from quantgate.engine.preprocess import prepare
    from quantgate.engine.runtime import Target, compile_model

    found = []
    options = argparse.Namespace(manifest=manifest, model=model, store=store)
    with prepared(options) as ready:
        entry = ready.entry
        target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
        compiled = compile_model(ready.artifacts.optimized, target)
        ports = model_ports(compiled.outputs)
        decoder = with_own_names(entry.decoder, ports)
        _, height, width, _ = compiled.input(0).shape
        for path in images:
            image = decode_image(path.read_bytes(), str(path))
            tensor, frame = prepare(image, entry.preprocess, (width, height))
            raw = compiled(tensor[None]).to_tuple()
            names = [port.name for port in ports]
            prediction: Any = decoder.decode(dict(zip(names, raw, strict=True)), frame)
            fields = dataclasses.fields(prediction)
            found.append({item.name: getattr(prediction, item.name) for item in fields})
    return found
