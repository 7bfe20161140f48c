"""Files that the harness itself keeps, and those that come from elsewhere but are no data."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from quantgate.datasets.catalog import load_dataset
from quantgate.engine.worker.client import Step, Worker
from quantgate.entries import DatasetEntry
from quantgate.history.jsonl import export, import_
from quantgate.history.store import open_history
from quantgate.manifest import load_manifest
from quantgate.pipeline.exploration import kept_points
from quantgate.report.compare import compare_runs
from quantgate.report.model import Shard
from quantgate.report.publish import load_run, write_run
from quantgate.report.shards.files import lay_together
from quantgate.shard import read_durations
from quantgate.sources.darknet.importer import import_darknet
from quantgate.sources.files import inspect
from quantgate.sources.reading import read as read_model
from quantgate.store import Store
from suites.conftest import make_sample
from suites.faults.formats import Border, images
from suites.nights import night

FORMATS = Path(__file__).parents[1] / "unit" / "formats"
MANIFEST = """
[datasets.d]
kind = "digits"
count = 8
[datasets.im]
kind = "folder"
path = "im"
[models."ssd-1.0"]
source = { zoo = "digits-ssd-mobilenet-v2" }
calibrate = { dataset = "im", subset = 2 }
evaluate = { dataset = "d", score_threshold = 0.3 }
limits = { max_accuracy_drop = 0.02, min_speedup = { vnni = 1.2, other = 1.0 } }
expected_failure.max_accuracy_drop = { reason = "a reason", floor = 0.1, expires = 2099-01-01 }
tags = ["nightly"]
[report]
images = 4
"""
CFG = "[net]\nwidth=16\nheight=12\nchannels=3\n[convolutional]\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=leaky\n[maxpool]\nsize=2\nstride=2\n[convolutional]\nfilters=14\nsize=1\nstride=1\npad=0\nactivation=linear\n[yolo]\nmask=0,1\nanchors=1,2, 3,4, 5,6\nclasses=2\nnum=3\n"


def _manifest(folder: Path) -> list[Path]:
    images(folder / "im", "png", "png", "png")
    path = folder / "models.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return [path]


def _history(folder: Path) -> list[Path]:
    path = folder / "history.sqlite"
    history = open_history(str(path), create=True)
    for day in range(4):
        history.record(night(day, value=1.3 + day / 100))
    return [path]


def _read_history(folder: Path) -> Any:
    """Read everything in every way: what is given back is all that a reader can see."""
    history = open_history(str(folder / "history.sqlite"), create=False, patience_s=0.1)
    runs, columns = history.columns()
    series = [
        (
            *(one.key, one.runs.tolist(), one.value.tolist(), one.low.tolist(), one.high.tolist()),
            np.nan_to_num(one.threshold, nan=-1.0).tolist(),
            [one.segments[segment] for segment in one.segment.tolist()],
        )
        for one in columns
    ]
    return (
        runs,
        series,
        list(history.records()),
        history.counted(),
        history.accepted(),
        history.series_keys(),
    )


def _export(folder: Path) -> list[Path]:
    _history(folder)
    path = folder / "export.jsonl"
    with path.open("wb") as file:
        export(open_history(str(folder / "history.sqlite"), create=False), file)
    return [path]


def _import(folder: Path) -> Any:
    fresh = folder / "fresh.sqlite"
    fresh.unlink(missing_ok=True)
    history = open_history(str(fresh), create=True)
    import_(history, folder / "export.jsonl")
    return list(history.records())


def _runs(folder: Path) -> list[Path]:
    sample = make_sample(folder / "run", images=6)
    write_run(sample.report, folder / "run", allure=folder / "run" / "allure-results", environ={})
    return [folder / "run" / "run.json"]


def _read_run(folder: Path) -> Any:
    report = load_run(folder / "run")
    return len(compare_runs(report, report).verdicts)


def _shards(folder: Path) -> list[Path]:
    """Two parts of a run with the files that are laid together."""
    suite = '<testsuite errors="0" failures="1" skipped="0" tests="2" time="1.5" timestamp="2026-01-01">'
    case = '<testcase classname="a" name="b" time="0.1"><failure message="m">t</failure></testcase>'
    damaged = []
    for index in (1, 2):
        part = folder / f"part{index}"
        sample = make_sample(part, images=2)
        shard = Shard(index, 2, ("ssd",), (("ssd", "min_match_rate"),), 0)
        write_run(replace(sample.report, shard=shard), part, allure=None, environ={})
        texts = {
            "junit.xml": f'<?xml version="1.0" encoding="utf-8"?><testsuites>{suite}{case}</testsuite></testsuites>',
            "benchmark.json": json.dumps({"benchmarks": [{"name": "a", "stats": {"mean": 1.0}}]}),
            "durations.json": json.dumps({"ssd": 1.5, "a.py::test[x]": 2}),
            "allure-results/x-globals.json": json.dumps({"attachments": [{"source": "a.html"}]}),
        }
        for name, text in texts.items():
            path = part / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            damaged.append(path)
    return damaged


def _lay_together(folder: Path) -> Any:
    parts = [folder / "part1", folder / "part2"]
    lay_together(parts, folder / "whole")
    return [read_durations(part / "durations.json") for part in parts]


def _truths(folder: Path) -> list[Path]:
    _read_truths(folder)
    return [path for path in (folder / "cache").rglob("*") if path.suffix in {".npz", ".json"}]


def _read_truths(folder: Path) -> Any:
    entry = DatasetEntry("digits", count=12, size=(64, 64))
    found = load_dataset("d", entry, folder, cache=folder / "cache", truth="masks")
    return found.digest, [repr(sample.truth) for sample in found.samples]


def _facts(folder: Path) -> list[Path]:
    images(folder / "im", "png", "jpg", "bmp")
    _read_facts(folder)
    return [folder / "cache" / "files.sqlite"]


def _read_facts(folder: Path) -> Any:
    entry = DatasetEntry("folder", path=Path("im"))
    found = load_dataset("d", entry, folder, cache=folder / "cache")
    return found.digest, found.skipped


def _store(folder: Path) -> list[Path]:
    entry = _read_store(folder, count=[])
    return sorted(path for path in entry.rglob("*") if path.is_file())


def _read_store(folder: Path, count: list[int] | None = None) -> Any:
    """Use an entry: damage builds it again, so that the content is always the same."""

    def build(aside: Path) -> None:
        (aside / "a.bin").write_bytes(bytes(range(200)))
        (aside / "b").mkdir()
        (aside / "b" / "c.txt").write_text("text" * 20)

    entry = Store(folder / "store").get_or_build("thing", {"a": 1}, build)
    if count is not None:
        return entry
    return (entry / "a.bin").read_bytes(), (entry / "b" / "c.txt").read_text()


def _points(folder: Path) -> list[Path]:
    from quantgate.engine.explore import Point, Setting
    from quantgate.pipeline.exploration import keep_point

    path = folder / "explore-a.jsonl"
    for streams in (1, 2, 4):
        keep_point(
            path, ["p", "o", "b"], Point(Setting("latency", streams, None, 1), {}, "a problem")
        )
    return [path]


def _darknet(folder: Path) -> list[Path]:
    (folder / "a.cfg").write_text(CFG)
    floats = np.random.default_rng(0).normal(0, 0.1, 4 * (27 + 1) + 14 * (4 + 1)).astype("<f4")
    (folder / "a.weights").write_bytes(struct.pack("<3iq", 0, 2, 5, 0) + floats.tobytes())
    return [folder / "a.cfg", folder / "a.cfg", folder / "a.weights"]


@lru_cache(maxsize=1)
def _worker() -> Worker:
    """The process in which a run reads models: native code that crashes takes that process alone."""
    return Worker(("quantgate.sources.reading",))


def read_in_worker(path: Path) -> int:
    """Find a model's files and read it, where the worker does."""
    return len(read_model(inspect(path)).outputs)


def read_apart(path: Path) -> int:
    """Read a model as a run does; its end would name the file."""
    return _worker().call(Step(f"reading {path.name}", 60.0), read_in_worker, path)


def _model(name: str, *beside: str) -> Border:
    """A model of a format, read in the worker."""

    def write(folder: Path) -> list[Path]:
        for one in (name, *beside):
            (folder / one).write_bytes((FORMATS / one).read_bytes())
        return [folder / name]

    return Border(write, lambda folder: read_apart(folder / name))


def _ir(folder: Path) -> list[Path]:
    import openvino as ov

    from suites.e2e.tiny import operations

    ops = operations()
    image = ops.parameter([1, 3, 8, 8], np.float32, name="image")
    kernel = np.random.default_rng(0).normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
    node = ops.convolution(image, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    ov.save_model(ov.Model([ops.relu(node)], [image], "m"), folder / "m.xml")
    return [folder / "m.xml"]


KEPT: dict[str, Border] = {
    "manifest": Border(_manifest, lambda folder: len(load_manifest(folder / "models.toml").models)),
    "history": Border(_history, _read_history, same=True),
    "export of a history": Border(_export, _import, same=True),
    "run.json": Border(_runs, _read_run),
    "shards": Border(_shards, _lay_together),
    "rendered truths": Border(_truths, _read_truths, same=True),
    "facts of files": Border(_facts, _read_facts, same=True),
    "store": Border(_store, _read_store, same=True),
    "explored points": Border(
        _points, lambda folder: len(kept_points(folder / "explore-a.jsonl", ["p", "o", "b"]))
    ),
    "Darknet": Border(
        _darknet,
        lambda folder: import_darknet(folder / "a.cfg", folder / "a.weights").model is not None,
    ),
    "OpenVINO IR": Border(_ir, lambda folder: read_apart(folder / "m.xml")),
    "TensorFlow": _model("frozen.pb"),
    "TensorFlow Lite": _model("model.tflite"),
    "PaddlePaddle": _model("model.pdmodel", "model.pdiparams"),
}
