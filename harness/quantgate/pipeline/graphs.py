"""What the graphs of both roles say, read once for each pair of files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from quantgate.engine.interface import Integrity, integrity
from quantgate.sourcecode import code_digest
from quantgate.store.entry import digest_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.run import Run

_FILE = "integrity.json"


def integrity_of_roles(entry: ModelEntry, run: Run, artifacts: Pair[Artifact]) -> Integrity:
    """Compare the graphs of both roles, or find that in the store."""
    from quantgate.engine.artifact import told_of
    from quantgate.machine import version_of
    from quantgate.report.codec import decode, encode

    def build(folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps(encode(integrity(artifacts))), encoding="utf-8")

    key = {
        # Names of inputs and outputs count, which an artifact's own digest leaves out.
        "graphs": [digest_of_file(artifact.path) for artifact in artifacts],
        "told": told_of(artifacts.optimized),
        "openvino": version_of("openvino"),
        "code": code_digest("engine", "sources"),
    }
    folder = run.store_of(entry.id).get_or_build("integrity", key, build)
    return decode(Integrity, json.loads((folder / _FILE).read_text("utf-8")))
