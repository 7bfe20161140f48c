"""The real command line on a small real world: what the fixtures hand out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suites.e2e import tiny

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: its exit status, what it said, and its latest run."""

    status: int
    said: str
    folder: Path

    @property
    def latest(self) -> Path:
        """Directory of the newest run's report; the link `latest` stays with the last whole run."""
        runs = sorted((self.folder / "reports").glob("20*"))
        return runs[-1] if runs else self.folder / "reports" / "latest"

    @property
    def verdicts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Verdicts of the latest run by model and limit."""
        document = json.loads((self.latest / "verdicts.json").read_text("utf-8"))
        return {(item["model"], item["key"]): item for item in document["verdicts"]}

    @property
    def outcomes(self) -> dict[tuple[str, str], str]:
        """Outcomes of the latest run by model and limit."""
        return {key: item["outcome"] for key, item in self.verdicts.items()}


@dataclass(frozen=True, slots=True)
class World:
    """A folder with images, a trained parent and a store that the tests share."""

    root: Path
    weights: dict[str, Any]

    def shifted(self, manifest: str) -> str:
        """Let a model with a wrong mean, quantized elsewhere, stand for the one that is calibrated."""
        if not (self.root / "shifted.xml").exists():
            tiny.quantized(self.root, "shifted", tiny.build(self.weights, shift=1.6))
        recipe = 'calibrate = { dataset = "calibration", subset = 100 }'
        assert recipe in manifest
        return manifest.replace(recipe, 'optimized = "shifted.xml"')

    def run(self, folder: Path, *arguments: str, **environment: str) -> Ran:
        """Run a command in a folder, as a user would, with this world's store."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "QUANTGATE_STORE": str(self.root / "store"),
                "COLUMNS": "1000",
                # Plugins of these tests' own environment, an eighth of a short command.
                "PYTEST_ADDOPTS": "-p no:anyio -p no:hypothesispytest",
                **environment,
            },
            capture_output=True,
            text=True,
            errors="replace",
            timeout=600,
            check=False,
        )
        return Ran(done.returncode, done.stdout + done.stderr, folder)

    def gate(self, folder: Path, *arguments: str, **environment: str) -> Ran:
        """Run ``quantgate gate`` in a folder."""
        return self.run(folder, "-m", "quantgate", "gate", "models.toml", *arguments, **environment)
