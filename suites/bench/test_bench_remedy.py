"""Whether a search without a hint finds what is known to exist, in time, on real models.

QUANTGATE_REAL names the folder of real models; QUANTGATE_BENCH_REMEDY names some of them, and
QUANTGATE_BENCH_MINUTES how long each search may take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from suites.real.work import MANIFEST

#: By model: the largest drop, and the least share of INT8 and speed over the recipe as declared.
WANTED = {"yolox-nano": (0.01, 0.95, 1.0)}


@dataclass(frozen=True)
class Answer:
    """What a search wrote, and how long it took."""

    told: dict[str, Any]
    said: str

    def point(self, role: str) -> dict[str, Any]:
        """Give the first point of a role."""
        found: dict[str, Any] = next(one for one in self.told["points"] if one["role"] == role)
        return found


@pytest.fixture(scope="module", params=sorted(WANTED))
def answer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """Search once, from an empty store."""
    if "QUANTGATE_REAL" not in os.environ:
        pytest.skip("QUANTGATE_REAL is not set: it names the folder of real models and images")
    if request.param not in os.environ.get("QUANTGATE_BENCH_REMEDY", ",".join(WANTED)).split(","):
        pytest.skip("not among QUANTGATE_BENCH_REMEDY")
    folder = tmp_path_factory.mktemp("remedy")
    (folder / "models.toml").write_text(MANIFEST.format(real=os.environ["QUANTGATE_REAL"]))
    minutes = os.environ.get("QUANTGATE_BENCH_MINUTES", "10")
    command = [sys.executable, "-m", "quantgate", "remedy", request.param, "--minutes", minutes]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "QUANTGATE_STORE": str(folder / "store"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    said = done.stdout + done.stderr
    print(said, flush=True)
    path = folder / "reports" / f"remedy-{request.param}" / "remedy.json"
    return Answer(json.loads(Path(path).read_text("utf-8")), said)


def test_the_winner_is_as_good_as_what_is_known(answer: Answer) -> None:
    """Its loss on images that did not choose, its INT8 share, and its speed over the recipe as declared."""
    drop, share, faster = WANTED[answer.told["model"]]
    winner, declared = answer.point("winner"), answer.point("declared")

    print(f"searched and measured in {answer.told['seconds']:.0f} s")
    assert winner["missed"] == [], answer.said
    assert winner["loss"]["value"] <= drop
    assert winner["int8_share"] >= share
    before = declared["speedups"]["parent_f32"]["low"]
    assert winner["speedups"]["parent_f32"]["high"] >= faster * before
