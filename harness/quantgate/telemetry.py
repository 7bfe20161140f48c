"""Switch off the telemetry of libraries before they are imported: a gate never uses the network."""

from __future__ import annotations

import os
import sys


def silence() -> None:
    """Switch off what OpenVINO, NNCF, Ray and the client of Hugging Face report of their use.

    OpenVINO's converter, which OpenVINO imports by itself, has no switch: it does without where
    ``openvino_telemetry`` cannot be imported. Who imported that module before has it still.
    """
    os.environ["NNCF_CI"] = os.environ.get("NNCF_CI") or "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # means: is not there
