"""Wall time, processor time and memory of whole gates, report included, against images and models.

Sizes come from QUANTGATE_BENCH_IMAGES (default 500,5000) and QUANTGATE_BENCH_MODELS (default 10,100), as
numbers between commas. Models are tiny networks quantized elsewhere, so that what grows is quantgate's own.
QUANTGATE_BENCH_PLOT names the SVG that the figures are drawn into.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

from suites.bench.growth_plot import draw
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = """
[models.m{place:04d}]
task = "classification"
source = "parent.xml"
optimized = "good.xml"
decoder = "class-scores"
preprocess = {{ size = [32, 32], mean = 120, scale = 60 }}
evaluate = {evaluate}
limits = {{ min_agreement = 0.01, max_size_ratio = 1.5 }}
"""
RENDERED = """
[datasets.rendered]
kind = "digits"
subject = "single"
size = [32, 32]
count = {count}
"""
#: What each further image or model may take of memory: its results, and nothing that stays by accident.
MOST_BYTES = {"images": 16 * 2**10, "models": 512 * 2**10}
SLACK_BYTES = 64 * 2**20
#: How much more each image or model may cost in the largest run than in the one before it: noise.
MOST_RISE = 1.1


@dataclass(frozen=True, slots=True)
class Cost:
    """One whole gate: how many images or models, whether all was in the store, s, s, bytes, bytes."""

    of: str
    count: int
    cached: bool
    wall_s: float
    processor_s: float
    memory_bytes: int
    report_bytes: int

    def __str__(self) -> str:
        state = "nothing changed" if self.cached else "from nothing"
        return (
            f"{self.count:6d} {self.of}, {state:15s}: {self.wall_s:7.1f} s, processor {self.processor_s:7.1f} s, "
            f"memory {self.memory_bytes / 2**20:6.0f} MiB, page {self.report_bytes / 2**20:5.1f} MiB"
        )


def sizes(name: str, default: str) -> list[int]:
    """Read the sizes that are asked for."""
    return [int(one) for one in os.environ.get(f"QUANTGATE_BENCH_{name}", default).split(",")]


def tree(process: psutil.Process) -> Iterator[psutil.Process]:
    """List a process and all below it."""
    with suppress(psutil.Error):
        yield process
        yield from process.children(recursive=True)


def spent_s(process: psutil.Process) -> float:
    """Read the processor time of a process."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def memory_bytes(process: psutil.Process) -> int:
    """Read the memory of a process, what it shares counted in parts."""
    with suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0


class Watch:
    """Follows memory and processor time of all processes of a run, until it ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = psutil.Process(process.pid)
        self._seen: dict[int, float] = {}
        self.peak_bytes = 0
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            every = list(tree(self._process))
            self.peak_bytes = max(self.peak_bytes, sum(map(memory_bytes, every)))
            self._seen |= {one.pid: spent_s(one) for one in every}
            time.sleep(0.25)

    def processor_s(self) -> float:
        """Give the processor time of all of them, as it was last seen."""
        return sum(self._seen.values())


def gate(folder: Path, of: str, count: int, *, cached: bool) -> Cost:
    """Gate a folder and take what it costs."""
    environ = {**os.environ, "QUANTGATE_STORE": str(folder / "store")}
    command = [sys.executable, "-m", "quantgate", "gate", "models.toml", "-q"]
    began_s = time.perf_counter()
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=said, stderr=said)
        watch = Watch(process)
        status = process.wait()
    wall_s = time.perf_counter() - began_s
    assert status == 0, (folder / "said.txt").read_text("utf-8")[-4000:]
    page = folder / "reports" / "latest" / "index.html"
    spent = watch.processor_s()
    return Cost(of, count, cached, wall_s, spent, watch.peak_bytes, page.stat().st_size)


def manifests(of: str, count: int) -> str:
    """Write the manifest of so many images, or of so many models."""
    if of == "images":
        return RENDERED.format(count=count) + MODEL.format(place=0, evaluate='"rendered"')
    entries = (
        MODEL.format(
            place=place, evaluate=f'{{ dataset = "evaluation", subset = 100, seed = {place} }}'
        )
        for place in range(count)
    )
    return tiny.DATASETS + "".join(entries)


@pytest.mark.parametrize(("of", "default"), [("images", "500,5000"), ("models", "10,100")])
def test_costs_grow_in_proportion(tmp_path: Path, of: str, default: str) -> None:
    """The last image or model takes no longer than the first, and memory stays flat."""
    found: list[Cost] = []
    for count in sizes(of.upper(), default):
        folder = tmp_path / f"{of}-{count}"
        folder.mkdir()
        made = tiny.make(folder)
        tiny.quantized(folder, "good", tiny.build(made.weights))
        (folder / "models.toml").write_text(manifests(of, count), encoding="utf-8")
        for cached in (False, True):
            found.append(gate(folder, of, count, cached=cached))
            print(found[-1], flush=True)
    keep(found)
    if len(found) == 2:
        pytest.skip("one size alone shows no growth: its figures are kept")
    for cached in (False, True):
        _check([one for one in found if one.cached == cached], MOST_BYTES[of])


def _check(found: list[Cost], most_bytes: int) -> None:
    before, last = found[-2:]
    more = last.count - before.count
    # With a fixed part each one's share falls; what grows faster than in proportion lets it rise.
    assert last.processor_s / last.count < MOST_RISE * before.processor_s / before.count
    assert last.memory_bytes - before.memory_bytes < most_bytes * more + SLACK_BYTES


def keep(found: list[Cost]) -> None:
    """Add figures to the file beside the plot, and draw it again."""
    if "QUANTGATE_BENCH_PLOT" not in os.environ:
        return
    plot = Path(os.environ["QUANTGATE_BENCH_PLOT"])
    table = plot.with_suffix(".json")
    known = json.loads(table.read_text("utf-8")) if table.exists() else []
    ours = [asdict(one) for one in found]
    places = {(new["of"], new["count"]) for new in ours}
    rest = [one for one in known if (one["of"], one["count"]) not in places]
    table.write_text(json.dumps([*rest, *ours], indent=1), encoding="utf-8")
    plot.write_text(draw([*rest, *ours]), encoding="utf-8")
