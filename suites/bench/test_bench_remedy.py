"""Whether a search without a hint finds what is known to exist, in time, on real models.

QUANTGATE_REAL names the folder of real models; QUANTGATE_BENCH_REMEDY names some of them, and
QUANTGATE_BENCH_MINUTES how long each search may take; QUANTGATE_BENCH_AWARE names the one whose cost is held against
NNCF's accuracy-aware, which takes a quarter of an hour.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from suites.bench.exhaustive import against, every_group, searching
from suites.e2e.world import ROOT
from suites.real.work import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

#: By model: the largest drop, and the least share of INT8 and speed over the recipe as declared.
WANTED = {"yolox-nano": (0.01, 0.95, 1.0), "portrait": (0.02, 0.0, 0.0)}
#: The winner's speed over the best that an exhaustive search finds, at the lower end of the interval.
AS_FAST = 0.9
#: Groups that are timed in pairs: those that are the fastest by a rough measurement.
FASTEST = 3
#: What a search may cost of NNCF's accuracy-aware, in time of the processor.
COSTS = 1 / 3
PORTRAIT = """
[datasets.portraits]
kind = "masks"
path = "{real}/images/person_masks_ecssd50/images"
annotations = "{real}/images/person_masks_ecssd50/masks"
labels = ["background", "person"]
class_ids = "binary"

[models.portrait]
task = "semantic_segmentation"
source = "{real}/models/bseg_mnv3_portrait/mnv3_seg.xml"
decoder = "class-map"
preprocess = {{ colour = "rgb", scale = 255 }}
calibrate = {{ dataset = "portraits", subset = 24 }}
evaluate = {{ dataset = "portraits", hold_out = true }}
limits = {{ max_accuracy_drop = 0.02 }}
"""
ACCURACY_AWARE = """
import sys
from dataclasses import replace
from pathlib import Path
from quantgate.pipeline.optimize import quantized
from quantgate.progress import SILENT
from suites.bench.exhaustive import searching

task = searching(Path(), sys.argv[1], Path("store-aa"))
drop = task.entry.limits.max_accuracy_drop
recipe = replace(task.recipe, method="accuracy-aware", max_drop=drop)
entry = replace(task.entry, calibrate=recipe)
made = quantized(entry, task.run, task.parent, task.data, progress=SILENT)
print("accuracy-aware:", made.reached, len(made.put_back), "layers put back")
"""


@dataclass(frozen=True)
class Answer:
    """What a search wrote, what it said and cost, and where it ran."""

    folder: Path
    told: dict[str, Any]
    said: str
    processor_s: float

    @property
    def model(self) -> str:
        """The model that was searched for."""
        return str(self.told["model"])

    def point(self, role: str) -> dict[str, Any]:
        """Give the first point of a role."""
        found: dict[str, Any] = next(one for one in self.told["points"] if one["role"] == role)
        return found

    def pasted(self) -> Path:
        """Put the winner's lines in the place of the model's ``calibrate``."""
        pasted = self.folder / "pasted"
        pasted.mkdir(exist_ok=True)
        written = (self.folder / "models.toml").read_text("utf-8")
        head, mark, tail = written.partition(f"[models.{self.model}]\n")
        own, gap, rest = tail.partition("\n[")
        kept = "\n".join(line for line in own.split("\n") if not line.startswith("calibrate = "))
        lines = self.point("winner")["lines"]
        text = f"{head}{mark}{kept}\n{lines}{gap}{rest}"
        (pasted / "models.toml").write_text(text, encoding="utf-8")
        return pasted


def run(folder: Path, *arguments: str, store: str = "store") -> tuple[int, str, float]:
    """Run Python in a folder: its status, what it said, and its time of the processor with its children's."""
    before = _spent_s()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "QUANTGATE_STORE": str(folder / store)}
        | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    said = done.stdout + done.stderr
    print(said, flush=True)
    return done.returncode, said, _spent_s() - before


def _spent_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.fixture(scope="module", params=sorted(WANTED))
def answer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """Search once, from an empty store."""
    if "QUANTGATE_REAL" not in os.environ:
        pytest.skip("QUANTGATE_REAL is not set: it names the folder of real models and images")
    model = str(request.param)
    if model not in os.environ.get("QUANTGATE_BENCH_REMEDY", ",".join(WANTED)).split(","):
        pytest.skip("not among QUANTGATE_BENCH_REMEDY")
    folder = tmp_path_factory.mktemp("remedy")
    written = (MANIFEST + PORTRAIT).format(real=os.environ["QUANTGATE_REAL"])
    (folder / "models.toml").write_text(written, encoding="utf-8")
    minutes = os.environ.get("QUANTGATE_BENCH_MINUTES", "10")
    _, said, spent = run(folder, "-m", "quantgate", "remedy", model, "--minutes", minutes)
    path = folder / "reports" / f"remedy-{model}" / "remedy.json"
    return Answer(folder, json.loads(path.read_text("utf-8")), said, spent)


def test_the_winner_is_as_good_as_what_is_known(answer: Answer) -> None:
    """Its loss on images that did not choose, its INT8 share, and its speed over the recipe as declared."""
    drop, share, faster = WANTED[answer.model]
    winner, declared = answer.point("winner"), answer.point("declared")

    print(
        f"searched and measured in {answer.told['seconds']:.0f} s, {answer.processor_s:.0f} s of the processor"
    )
    assert winner["missed"] == [], answer.said
    assert winner["loss"]["value"] <= drop
    assert winner["int8_share"] >= share
    before = declared["speedups"]["parent_f32"]["low"]
    assert winner["speedups"]["parent_f32"]["high"] >= faster * before


def test_its_lines_turn_a_fresh_run_green(answer: Answer) -> None:
    """Pasted into models.toml, with an empty store, every limit of the model passes."""
    status, said, _ = run(
        answer.pasted(), "-m", "quantgate", "gate", "-k", answer.model, store="fresh"
    )

    assert status == 0, said


def test_no_single_group_does_better(answer: Answer, tmp_path: Path) -> None:
    """Of every single group, none meets what the winner misses, and none that meets all is a tenth faster."""
    task = searching(answer.pasted(), answer.model, answer.folder / "store")
    declared = searching(answer.folder, answer.model, answer.folder / "store")
    groups = []
    for one in every_group(declared):
        print(one, flush=True)
        groups.append(one)
    able = sorted((one for one in groups if one.need <= 1), key=lambda one: -one.pace)
    print(f"{len(able)} of {len(groups)} groups meet every limit")
    if answer.point("winner")["missed"]:
        assert able == [], "a single group meets what the winner misses"
        return
    speeds = {one.title: against(task, one, AS_FAST, tmp_path) for one in able[:FASTEST]}
    for title, speed in speeds.items():
        print(f"the winner over {title}: {speed.value:.3f} [{speed.low:.3f}, {speed.high:.3f}]")
    assert all(speed.low >= AS_FAST for speed in speeds.values())


def test_it_costs_a_third_of_accuracy_aware(answer: Answer) -> None:
    """Search, finals and verdicts together, against NNCF's search alone on the same images with the same limit."""
    if os.environ.get("QUANTGATE_BENCH_AWARE") != answer.model:
        pytest.skip("QUANTGATE_BENCH_AWARE names the model that accuracy-aware is run for")
    status, said, spent = run(answer.folder, "-c", ACCURACY_AWARE, answer.model)

    print(f"processor: {answer.processor_s:.0f} s against {spent:.0f} s")
    assert status == 0, said
    assert answer.processor_s <= COSTS * spent
