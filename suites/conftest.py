"""A hand-made run with known answers, for the tests of the report."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.layers import layer_table, type_table
from quantgate.core.limits import quantity_name
from quantgate.core.table import Column, Table
from quantgate.core.verdict import Limit, Outcome, Verdict
from quantgate.report.model import Judged, KnownFailure, Metric, ModelReport, Problem, RunReport
from quantgate.report.performance import Share, Speedup, TimedArm
from quantgate.report.picture import ClassBar, ObjectChange, Picture, Seen
from quantgate.report.publish import draw_worst
from suites import postgres
from suites.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: Shown as text everywhere, or the report can be made to run what a class is called.
EVIL = "<img src=x onerror=\"document.title='owned'\"></script><b>evil"


#: What a unit test names if it depends on OpenVINO and NNCF.
STACK = re.compile(
    r"openvino|nncf|tiny|zoo|quantgate\.(engine|pipeline|sources|attribution|remedy|package|onboarding)\b"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a second stack be tested by what depends on it."""
    help_text = "leave out unit tests that name nothing that depends on OpenVINO and NNCF"
    parser.addoption("--stack-only", action="store_true", help=help_text)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files of unit tests that are the same on every stack."""
    if not config.getoption("--stack-only") or collection_path.parent.name != "unit":
        return None
    named = collection_path.is_file() and STACK.search(collection_path.read_text("utf-8"))
    return None if named else True


def pytest_configure(config: pytest.Config) -> None:
    """Let commands that a worker starts be those of a user, who has no workers."""
    if hasattr(config, "workerinput"):
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
            os.environ.pop(name, None)


def verdict(
    key: str, threshold: float, estimate: Estimate | None, outcome: Outcome, *, model: str = "ssd"
) -> Verdict:
    """Make a verdict the way the gates do."""
    limit = Limit(key, threshold, f"models.{model}.limits.{key}")
    return Verdict(model, quantity_name(key), limit, estimate, outcome)


def scene(seed: int = 0, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """Render a picture: a gradient with a few rectangles, BGR."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 190, width)[None, :, None] * np.array([1.0, 0.9, 0.8])
    image = np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8)
    for _ in range(8):
        x, y = int(rng.integers(width - 60)), int(rng.integers(height - 60))
        image[y : y + 50, x : x + 50] = rng.integers(0, 255, 3)
    return image


def objects_picture(name: str = "street.png", label: str = "car") -> Picture:
    """Make a picture on which one object of each change is."""
    kept = Seen((10.0, 20.0, 60.0, 80.0), label, 0.9)
    return Picture(
        name,
        (320, 240),
        "objects",
        "1 lost, 1 gained, 1 relabelled, 1 moved",
        changes=(
            ObjectChange("kept", kept, Seen((10.0, 20.0, 61.0, 80.0), label, 0.8), 0.97),
            ObjectChange("lost", Seen((100.0, 20.0, 150.0, 80.0), "dog", 0.7), None),
            ObjectChange("gained", None, Seen((160.0, 30.0, 200.0, 90.0), "cat", 0.6)),
            ObjectChange(
                "relabelled",
                Seen((210.0, 30.0, 260.0, 90.0), "truck", 0.75),
                Seen((210.0, 30.0, 260.0, 91.0), "bus", 0.55),
                0.98,
            ),
            ObjectChange(
                "moved",
                Seen((20.0, 120.0, 90.0, 200.0), "person", 0.95),
                Seen((30.0, 125.0, 100.0, 205.0), "person", 0.85),
                0.7,
            ),
        ),
    )


def classes_picture() -> Picture:
    """Make a picture whose best class changed."""
    return Picture(
        "cat.png",
        (320, 240),
        "classes",
        "tabby became tiger cat",
        parent=(ClassBar("tabby", 0.6), ClassBar("tiger cat", 0.3)),
        optimized=(ClassBar("tiger cat", 0.5), ClassBar("tabby", 0.4)),
        truth="tabby",
    )


def basic_table(names: tuple[str, ...]) -> Table:
    """Make an image table: image i has i objects, every third one is erroneous."""
    columns = (
        Column("image", "Image Name"),
        Column("a", "A. Optimized Model Detections", "count"),
        Column("b", "B. Parent Model Detections", "count"),
        Column("iou", "Mean IoU of the Matches", "fraction"),
    )
    rows = tuple(
        (name, i % 10, (i + 1) % 10, None if i % 5 == 4 else round((i % 100) / 100, 2))
        for i, name in enumerate(names)
    )
    return Table(
        "basic", "Optimized against parent, by image", columns, rows, _every(3, len(names))
    )


def advanced_table(names: tuple[str, ...], classes: tuple[str, ...]) -> Table:
    """Make an image × class table."""
    columns = (
        Column("image", "Image Name"),
        Column("class", "Class Predicted by Optimized Model"),
        Column("a", "A of Predicted Class", "count"),
        Column("p", "Predicted Class Precision", "fraction"),
    )
    rows = tuple(
        (name, label, (i + j) % 7, (i * 7 + j) % 101 / 100)
        for i, name in enumerate(names)
        for j, label in enumerate(classes)
    )
    return Table(
        "advanced", "Optimized against parent, by class", columns, rows, _every(9, len(rows))
    )


def _every(step: int, count: int) -> frozenset[int]:
    return frozenset(range(0, count, step))


@dataclass(frozen=True, slots=True)
class Sample:
    """The hand-made run and the directory in which its pictures lie."""

    report: RunReport
    directory: Path


def make_sample(directory: Path, *, images: int = 30, label: str = "car") -> Sample:
    """Draw the pictures and put the run together."""
    objects = [(objects_picture("img-00000.png", label), lambda: [scene()])]
    detected, _ = draw_worst(objects, directory, model="ssd", budget_bytes=10**8)
    ranked, _ = draw_worst(
        [(classes_picture(), lambda: [scene(1)])], directory, model="digits", budget_bytes=10**8
    )
    names = tuple(f"img-{i:05d}.png" for i in range(images))
    tables = (basic_table(names), advanced_table(names, tuple(f"class {c}" for c in range(10))))
    arms = (
        TimedArm("optimized", "INT8", 412.0, 2.3e6),
        TimedArm("parent, f32", "FP32", 311.0, 3.0e6),
    )
    speedup = Estimate(1.31, 1.22, 1.40, 12, of="rounds")
    ssd = ModelReport(
        "ssd",
        "detection",
        metrics=(Metric("AP@[.5:.95]", 0.372, 0.352, 0.346, "its authors on val2017"),),
        arms=arms,
        speedups=(Speedup("Speedup", speedup, tuple(1.2 + 0.02 * i for i in range(12)), 1.3),),
        shares=(Share("optimized", "multiply-accumulates", {"i8": 0.93, "f32": 0.07}),),
        layers=layer_table(PROFILES),
        layer_types=type_table(PROFILES),
        tables=tables,
        pictures=detected,
        omitted=7,
        calibration=("train/1.png", label, *(f"train/{i}.png" for i in range(2, 40))),
        entry=f"[models.ssd]\n# {label}\n",
        notes=(f"label {label}",),
    )
    digits = ModelReport("digits", "classification", tables=tables[:1], pictures=ranked)
    return Sample(_run(directory, (ssd, digits)), directory)


def _run(directory: Path, models: tuple[ModelReport, ...]) -> RunReport:
    known = KnownFailure("weights stay in FP16", 0.3, "2099-01-01")
    judged = (
        Judged(
            verdict("min_match_rate", 0.95, Estimate(0.912, 0.894, 0.931, 200), Outcome.FAILED),
            detail="41 lost, 7 gained",
            repeat='pytest -k "ssd and match_rate"',
        ),
        Judged(verdict("max_size_ratio", 0.4, Estimate.exact(0.27), Outcome.PASSED)),
        Judged(
            verdict("max_size_ratio", 0.2, Estimate.exact(0.27), Outcome.FAILED, model="digits"),
            known=known,
        ),
    )
    return RunReport(
        run=directory.name,
        started="2026-11-20T19:30:00+00:00",
        duration_s=83.0,
        command="quantgate gate models.toml",
        manifest="models.toml",
        manifest_digest="ab" * 32,
        fingerprint="c0ffee",
        versions={"quantgate": "0.1.0"},
        machine={"CPU": "a CPU"},
        models=models,
        judged=judged,
        problems=(Problem("digits", "integrity", "passed", "is quantized"),),
    )


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Provide the hand-made run."""
    return make_sample(tmp_path / "reports" / "run-1")


@pytest.fixture
def sample_of(tmp_path: Path) -> Callable[..., Sample]:
    """Provide a maker of hand-made runs with other sizes and names."""

    def make(**options: object) -> Sample:
        return make_sample(tmp_path / "reports" / "run-1", **options)  # type: ignore[arg-type] # passed on

    return make


@pytest.fixture
def evil() -> str:
    """Provide a name that would run, were it not escaped."""
    return EVIL


@pytest.fixture
def judged_of() -> Callable[..., Judged]:
    """Provide a maker of verdicts."""

    def make(  # noqa: PLR0917 - the fields of a verdict
        key: str,
        threshold: float,
        estimate: Estimate | None,
        outcome: Outcome,
        reason: str = "",
        **extra: object,
    ) -> Judged:
        limit = Limit(key, threshold, f"models.ssd.limits.{key}")
        found = Verdict("ssd", quantity_name(key), limit, estimate, outcome, reason)
        return Judged(found, **extra)  # type: ignore[arg-type] # passed on

    return make


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """Provide a PostgreSQL server of our own; skipped where there is none."""
    reason = postgres.missing()
    if reason:
        pytest.skip(reason)
    with postgres.running("fsync=off") as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Provide the address of an empty store, of each kind in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "new" / "history.sqlite")
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    return cluster.create(f"test_{uuid.uuid4().hex}")
