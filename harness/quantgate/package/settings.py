"""What runs and reads a packaged model: its compile options, its way in and its way out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.engine.runtime import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.entries import ModelEntry

#: Raised when a field of settings.json changes its meaning or goes away.
SCHEMA = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Settings as a JSON document, and the files that they name."""

    document: Mapping[str, Any]
    files: Mapping[str, Path]

    def text(self) -> str:
        """Write the document."""
        return json.dumps(self.document, indent=1) + "\n"


def compile_options(entry: ModelEntry) -> dict[str, Any]:
    """Say how the model was compiled when it was judged, as properties of OpenVINO.

    The hint, streams, threads and requests are those of ``benchmark``; the precision of what is not
    quantized is that of ``evaluate``: answers are the same then.
    """
    plan = entry.benchmark
    target = Target(
        plan.device,
        entry.evaluate.precision,
        plan.hint,
        streams=plan.streams,
        threads=plan.threads,
        requests=plan.requests,
    )
    return target.config()


def load_lines(entry: ModelEntry, model: Path) -> str:
    """Write the Python lines that load a model as it was judged."""
    options = json.dumps(compile_options(entry))
    return (
        "import openvino as ov\n"
        f"model = ov.Core().compile_model({str(model)!r}, {entry.benchmark.device!r}, {options})"
    )


def settings_of(entry: ModelEntry, shape: tuple[int, ...]) -> Settings:
    """Collect the settings of an entry.

    Parameters
    ----------
    shape
        Of the model's input: 1, height, width, channels.
    """
    files: dict[str, Path] = {}
    decoder = {
        key: _kept(key, value, files) for key, value in dataclasses.asdict(entry.decoder).items()
    }
    document = {
        "schema": SCHEMA,
        "model": entry.id,
        "task": entry.task,
        "input": {
            "shape": list(shape),
            "layout": "NHWC",
            "type": "u8",
            "colour": entry.preprocess.colour if entry.preprocess.channels == 1 else "bgr",
        },
        "preprocess": dataclasses.asdict(entry.preprocess),
        "decoder": decoder,
        "device": entry.benchmark.device,
        "compile": compile_options(entry),
    }
    return Settings(document, files)


def _kept(key: str, value: Any, files: dict[str, Path]) -> Any:
    """Give a decoder's value; a file is named after its key, and taken along."""
    if not isinstance(value, Path):
        return value
    name = f"{key}{value.suffix}"
    files[name] = value
    return {"file": name}
