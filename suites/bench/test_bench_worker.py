"""What it costs to run every model in a process of its own."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from quantgate.engine.artifact import parent_artifact
from quantgate.engine.interface import integrity
from quantgate.engine.worker.client import Step, Worker
from quantgate.manifest import load_manifest
from quantgate.pair import Pair
from quantgate.pipeline.accuracy import compare_roles
from quantgate.pipeline.data import load_data
from quantgate.pipeline.optimize import optimized_artifact
from quantgate.pipeline.performance import profile_roles
from quantgate.progress import SILENT
from quantgate.run import Run
from quantgate.session.steps import WARM
from quantgate.store import Store
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.pipeline.data import Data

MODELS = 8
#: Seconds a model that isolation may cost on average.
MOST_S = 0.5
ENTRY = """
[models.m{seed}]
task = "classification"
source = "parent.xml"
decoder = "class-scores"
preprocess = {{ size = [32, 32], mean = 120, scale = 60 }}
calibrate = {{ dataset = "calibration", subset = 50, seed = {seed} }}
evaluate = "evaluation"
limits = {{ min_agreement = 0.5 }}
"""


def test_isolation_costs_little(tmp_path: Path) -> None:
    """All steps of a model through the worker, against the same steps called in this process."""
    tiny.make(tmp_path)
    entries = "".join(ENTRY.format(seed=seed) for seed in range(MODELS))
    (tmp_path / "models.toml").write_text(tiny.DATASETS + entries)
    run = Run(
        tmp_path / "run",
        manifest=load_manifest(tmp_path / "models.toml"),
        store=tmp_path / "store",
        strict_sources=True,
        started=dt.datetime.now(dt.UTC).isoformat(),
    )
    data = {
        name: load_data(entry, run.manifest, run.store)
        for name, entry in run.manifest.models.items()
    }
    _every(
        run, data, _directly
    )  # fills the store: what is compared is neither quantized nor inferred

    began_s = time.perf_counter()
    worker = Worker(WARM)
    worker.start()
    worker.wait()
    started_s = time.perf_counter() - began_s

    def isolated(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return worker.call(Step("a step"), function, *args, **kwargs)

    _every(run, data, isolated)  # the modules that only later steps import
    here_s, there_s = _every(run, data, _directly), _every(run, data, isolated)
    worker.close()
    cost_s = (there_s - here_s) / MODELS
    print(
        f"the worker starts in {started_s:.2f} s; a model's steps take {there_s / MODELS:.3f} s in it "
        f"and {here_s / MODELS:.3f} s without it: isolation costs {cost_s * 1e3:.0f} ms a model "
        f"(aim: at most {MOST_S * 1e3:.0f} ms), {cost_s + started_s / MODELS:.3f} s with the start "
        f"shared by {MODELS} models"
    )
    assert cost_s < MOST_S


def _every(run: Run, data: dict[str, Data], call: Callable[..., Any]) -> float:
    """Take all steps of all models; return the seconds."""
    began_s = time.perf_counter()
    for name, entry in run.manifest.models.items():
        place = (entry.source, entry.preprocess, run.manifest.root, Store(run.store))
        parent = call(parent_artifact, *place, name=name)
        optimized = call(optimized_artifact, entry, run, parent, data[name], progress=SILENT)
        pair = Pair(parent, optimized)
        call(integrity, pair)
        call(compare_roles, entry, run, pair, data[name], progress=SILENT)
        call(profile_roles, entry, pair, data[name])
    return time.perf_counter() - began_s


def _directly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
