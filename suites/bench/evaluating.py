"""One model's evaluation in a process of its own, beside decoding its images and inferring alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suites.e2e.world import World

#: Evaluates one model of models.toml twice at a precision, then decodes and infers alone.
CHILD = """
import json, os, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import cv2
import numpy as np
import openvino as ov
from quantgate.datasets.catalog import load_dataset
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.evaluate import evaluate_role
from quantgate.engine.runtime import Target, compile_model
from quantgate.manifest import load_manifest
from quantgate.pipeline.feeding import bench_of
from quantgate.store import Store
manifest = load_manifest(Path("models.toml"))
entry, store = manifest.models[sys.argv[1]], Path("store")
name = entry.evaluate.dataset
dataset = load_dataset(name, manifest.datasets[name], manifest.root, cache=store)
artifact = parent_artifact(entry.source, entry.preprocess, manifest.root, Store(store))
bench = bench_of(entry, dataset)
model = compile_model(artifact, Target(precision=sys.argv[2]))
started = time.perf_counter()
found = evaluate_role(model, bench)
images_s = time.perf_counter() - started
started, before_s = time.perf_counter(), time.process_time()
evaluate_role(model, bench)
again_s, again_cpu_s = time.perf_counter() - started, time.process_time() - before_s
annotated = dataset.samples[0].truth is not None
ap = bench.task.metrics(found).parent["ap"] if annotated else None
paths = [str(sample.image) for sample in dataset.samples]
cv2.setNumThreads(1)
started, before_s = time.perf_counter(), time.process_time()
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    read = sum(pool.map(lambda path: cv2.imread(path) is not None, paths))
decode_s, decode_cpu_s = time.perf_counter() - started, time.process_time() - before_s
queue = ov.AsyncInferQueue(model)
image = np.zeros(list(model.input(0).shape), np.uint8)
started, before_s = time.perf_counter(), time.process_time()
for _ in paths:
    queue.start_async(image, share_inputs=True)
queue.wait_all()
parts_s = decode_s + time.perf_counter() - started
parts_cpu_s = decode_cpu_s + time.process_time() - before_s
times = {"images_s": images_s, "again_s": again_s, "parts_s": parts_s, "images": len(paths)}
times |= {"again_cpu_s": again_cpu_s, "parts_cpu_s": parts_cpu_s}
print(json.dumps({"path": str(artifact.path.resolve()), **times, "ap": ap}))
"""


def evaluated(world: World, model: str, precision: str) -> dict[str, Any]:
    """What the evaluation of a parent found: its file, seconds, the number of its images, and its AP.

    ``images_s`` took its first evaluation, ``again_s`` the next one, and ``parts_s`` decoding every image by
    cv2.imread on all cores, then inferring as many of zeros; ``again_cpu_s`` and ``parts_cpu_s`` are their
    processor time, which depends less on what else the machine does.
    """
    ran = world.run(world.root, "-c", CHILD, model, precision)
    assert ran.status == 0, ran.said
    said: dict[str, Any] = json.loads(ran.said.splitlines()[-1])
    return said
