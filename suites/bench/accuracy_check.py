"""Running Open Model Zoo's accuracy_check beside ours.

QUANTGATE_ACCURACY_CHECK names the command ``accuracy_check`` of an environment with
``openvino-dev[caffe,onnx]==2023.3.0 numpy==1.24.4 scipy==1.10.1 opencv-python-headless==4.8.1.78
onnx==1.15.0 protobuf==3.20.3 networkx==3.1 setuptools<80``, and pycocotools where objects are judged.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest


def setting(name: str, meaning: str) -> Path:
    """Path in an environment variable, or a skip with the reason."""
    if name not in os.environ:
        pytest.skip(f"{name} is not set: it names {meaning}")
    return Path(os.environ[name])


def command() -> Path:
    """Open Model Zoo's accuracy_check, or a skip with the reason."""
    found = setting("QUANTGATE_ACCURACY_CHECK", "the command accuracy_check")
    assert found.is_file()
    return found


@dataclass(frozen=True, slots=True)
class Checked:
    """What accuracy_check said: the whole run and its images alone in s, images, and its metrics."""

    wall_s: float
    images_s: float
    images: int
    values: dict[str, float]


def accuracy_check(config: Path, *options: str) -> Checked:
    """Run accuracy_check on one configuration; its command line, not the file, makes it async."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = config.with_suffix(".csv")
    result.unlink(missing_ok=True)
    said = [command(), "-c", config, "--csv_result", result, "--async_mode", "True"]
    started = time.perf_counter()
    done = subprocess.run(
        [*map(str, said), *options],
        cwd=config.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.perf_counter() - started
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "async infer queue" in output
    # Annotations are converted first, which is said in the same words.
    *_, (images, took_s) = re.findall(r"(\d+) objects processed in ([\d.]+) seconds", output)
    rows = csv.DictReader(result.read_text("utf-8").splitlines())
    values = {row["metric_name"]: float(row["metric_value"]) for row in rows}
    return Checked(wall_s, float(took_s), int(images), values)
