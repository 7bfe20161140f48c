"""Print what openvino-dev's files say about its models, as JSON lines: run inside its environment.

Only the standard library and what openvino-dev itself depends on (PyYAML) are imported, so this
file can be run by path with another interpreter::

    python extract.py > index-2024.6.0.jsonl
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

#: Launchers that run an OpenVINO IR.
_OPENVINO = frozenset({"openvino", "dlsdk"})
_DATASET_KEYS = ("reader", "preprocessing", "postprocessing", "metrics")


def main() -> None:
    """Print one line of JSON a model, sorted by name."""
    yaml = importlib.import_module("yaml")
    package = "omz_tools" if importlib.util.find_spec("omz_tools") else "openvino.model_zoo"
    common = importlib.import_module(f"{package}._common")
    configuration = importlib.import_module(f"{package}._configuration")
    release = importlib.metadata.version("openvino-dev")
    definitions = yaml.safe_load(Path(common.DATASET_DEFINITIONS).read_text(encoding="utf-8"))
    datasets = {entry["name"]: entry for entry in definitions["datasets"]}
    models = configuration.load_models(common.MODEL_ROOT)
    parts = [stage for model in models for stage in model.model_stages]
    for model in sorted({*models, *parts}, key=lambda model: str(model.name)):
        config = Path(common.MODEL_ROOT) / model.subdirectory / "accuracy-check.yml"
        loaded = yaml.safe_load(config.read_text(encoding="utf-8")) if config.is_file() else {}
        line = {
            **_facts(model),
            "release": release,
            "accuracy": accuracy_of(model.name, loaded, datasets),
        }
        sys.stdout.write(
            json.dumps(line, separators=(",", ":"), sort_keys=True, default=str) + "\n"
        )


def _facts(model: Any) -> dict[str, Any]:
    inputs = [
        {"name": entry.name, "shape": entry.shape, "layout": entry.layout}
        for entry in model.input_info
    ]
    return {
        "name": model.name,
        "framework": model.framework,
        "task": str(model.task_type),
        "licence": model.license_url,
        "precisions": sorted(model.precisions),
        "part_of": None if model.model_stages else model.composite_model_name,
        "stages": [stage.name for stage in model.model_stages],
        "inputs": inputs,
    }


def accuracy_of(name: str, loaded: dict[str, Any], datasets: dict[str, Any]) -> dict[str, Any]:
    """Return the evaluation of the OpenVINO IR: adapter, dataset, processing and metrics."""
    if "evaluations" in loaded:
        modules = [entry.get("module") for entry in loaded["evaluations"]]
        return {"module": modules[0] if modules else None}
    chosen = chosen_of(name, loaded.get("models", []))
    if chosen is None:
        return {}
    launcher, entry = chosen
    dataset = entry["datasets"][0]
    merged = {**datasets.get(dataset["name"], {}), **dataset}
    conversion = merged.get("annotation_conversion") or {}
    return {
        "adapter": launcher.get("adapter"),
        "inputs": launcher.get("inputs", []),
        "dataset": dataset["name"],
        "conversion": {k: v for k, v in conversion.items() if isinstance(v, bool | int | str)},
        **{key: merged[key] for key in _DATASET_KEYS if key in merged},
    }


def chosen_of(
    name: str, models: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Choose the entry of the model's own name, else the first, that runs an OpenVINO IR."""
    for entry in sorted(models, key=lambda entry: entry.get("name") != name):
        for launcher in entry.get("launchers", []):
            if launcher.get("framework") in _OPENVINO and entry.get("datasets"):
                return launcher, entry
    return None


if __name__ == "__main__":
    main()
