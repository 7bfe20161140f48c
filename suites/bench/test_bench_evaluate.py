"""What evaluation costs beside decoding and inferring alone, and whether its memory stays put.

Rates are measured in interleaved rounds of one run and compared by the median of the rounds' ratios.
Rounds come from QUANTGATE_BENCH_ROUNDS (default 5).
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.predictions import ClassLabel
from quantgate.datasets.images import read_image
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.engine.artifact import load, parent_artifact
from quantgate.engine.calibration import Calibration
from quantgate.engine.evaluate import Bench, compare_models, evaluate_role
from quantgate.engine.preprocess import prepare
from quantgate.engine.quantize import quantize
from quantgate.engine.runtime import Target, compile_model
from quantgate.entries import Preprocess, Recipe
from quantgate.pair import Pair
from quantgate.sources.local import LocalSource
from quantgate.store import Store
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.engine.artifact import Artifact

ROUNDS = int(os.environ.get("QUANTGATE_BENCH_ROUNDS", "5"))
MODEL = "models/cls_squeezenet1_1/squeezenet1_1_fp32.onnx"
PREPROCESS = Preprocess(resize="crop", short_side=256, mean=(104.0, 117.0, 123.0))
#: The evaluation keeps a few kB an image, its result; more than this is a leak.
MOST_BYTES_AN_IMAGE = 4096
SLACK_BYTES = 16 * 2**20


def real() -> Path:
    """Folder of the real models and photographs, or a skip with the reason."""
    if "QUANTGATE_REAL" not in os.environ:
        pytest.skip("QUANTGATE_REAL is not set: it names the folder of real models and images")
    return Path(os.environ["QUANTGATE_REAL"])


def photographs(root: Path, repeat: int = 1) -> Bench:
    """Read the list of 500 photographs, ``repeat`` times over."""
    folder = root / "images" / "imagenet500"
    files = {path.name: path for path in folder.rglob("*.jp*g")}
    lines = (folder / "labels.txt").read_text().splitlines()
    samples = tuple(
        Sample(f"{n}/{name}", files[Path(name).name], name, ClassLabel(int(index)))
        for n in range(repeat)
        for name, index, _ in (line.split(" ", 2) for line in lines)
    )
    labels = tuple(map(str, range(1000)))
    dataset = Dataset("photographs", samples, labels, f"photographs x {repeat}")
    return Bench(
        dataset, PREPROCESS, ClassScoresDecoder(), TASKS["classification"], "classification"
    )


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Pair[Artifact]:
    """Quantize SqueezeNet 1.1 on 50 photographs."""
    root = real()
    store = Store(tmp_path_factory.mktemp("bench") / "store")
    parent = parent_artifact(LocalSource(Path(MODEL)), PREPROCESS, root, store)
    calibration = Calibration(
        photographs(root).dataset.samples[:50],
        lambda sample: prepare(read_image(sample), PREPROCESS, (224, 224))[0],
    )
    made = quantize(parent, Recipe("photographs", subset=50), calibration, store)
    return Pair(parent, made.artifact)


def decoding_rate(paths: list[Path]) -> float:
    """Photographs a second when nothing but cv2.imread happens, on all cores."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    started = time.perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        images = sum(pool.map(lambda path: cv2.imread(str(path)) is not None, paths))
    cv2.setNumThreads(before)
    return images / (time.perf_counter() - started)


def benchmark_app_rate(artifact: Artifact, folder: Path) -> float:
    """Inferences a second by OpenVINO's own benchmark_app, throughput hint, f32."""
    command = [str(Path(sys.executable).with_name("benchmark_app")), "-m", str(artifact.path)]
    command += ["-hint", "throughput", "-infer_precision", "f32", "-t", "4", "-json_stats"]
    command += ["-report_type", "no_counters", "-report_folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    report = json.loads((folder / "benchmark_report.json").read_text())
    return float(report["execution_results"]["throughput"])


def rate(evaluation: Callable[[], Any], count: int) -> float:
    """Images a second of an evaluation."""
    started = time.perf_counter()
    evaluation()
    return count / (time.perf_counter() - started)


def test_evaluation_keeps_up_with_its_parts(artifacts: Pair[Artifact], tmp_path: Path) -> None:
    """Both roles over 500 photographs: near the slower of decoding alone and inferring alone."""
    bench = photographs(real())
    paths = [sample.image for sample in bench.dataset.samples if isinstance(sample.image, Path)]
    models = artifacts.map(lambda artifact: compile_model(artifact, Target()))
    singles, pairs, possible = [], [], []
    for _ in range(ROUNDS):
        decoding = decoding_rate(paths)
        alone = artifacts.map(lambda artifact: benchmark_app_rate(artifact, tmp_path))
        both = 1 / (1 / alone.parent + 1 / alone.optimized)
        single = rate(lambda: evaluate_role(models.parent, bench), len(paths))
        pair = rate(lambda: compare_models(models, bench), len(paths))
        singles.append(single / min(decoding, alone.parent))
        pairs.append(pair / min(decoding, both))
        # Decoding and inferring share the cores, so that one after the other is the most there is.
        possible.append(pair * (1 / decoding + 1 / both))
        print(
            f"decode {decoding:.0f}/s, benchmark_app parent {alone.parent:.0f}/s, optimized "
            f"{alone.optimized:.0f}/s, both {both:.0f}/s; evaluation one role {single:.0f}/s "
            f"({singles[-1]:.2f}), both roles {pair:.0f}/s ({pairs[-1]:.2f})"
        )
    print(
        f"median ratio to the slower part (aim 0.85): one role {statistics.median(singles):.2f}, "
        f"both roles {statistics.median(pairs):.2f}; of what both parts together allow on these "
        f"cores {statistics.median(possible):.2f}"
    )

    assert statistics.median(pairs) > 0.5


CHILD = """
import os, sys
sys.path.insert(0, os.getcwd())
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("bench", sys.argv[1])
bench = module_from_spec(spec)
sys.modules["bench"] = bench
spec.loader.exec_module(bench)
bench.peak_memory(sys.argv[2:])
"""


def peak_memory(folders: list[str]) -> None:
    """Print the peak memory in bytes after 500 photographs, and after 5,000 more."""
    models = Pair(*(compile_model(load(Path(folder)), Target()) for folder in folders))
    for repeat in (1, 10):
        found = compare_models(models, photographs(real(), repeat))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(len(found), peak, flush=True)


def infer_alone(models: Pair[Any], image: Any, count: int) -> None:
    """Run one image through both roles again and again, with nothing beside it."""
    import openvino as ov

    queues = [ov.AsyncInferQueue(model, 2) for model in models]
    for _ in range(count):
        for queue in queues:
            queue.start_async(image, share_inputs=True)
    for queue in queues:
        queue.wait_all()


def processor_ms(work: Callable[[], Any], count: int) -> float:
    """Processor time of all threads an image, which other programs change little."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / count * 1e3


def test_processor_time_goes_into_the_models(artifacts: Pair[Artifact]) -> None:
    """Most processor time of an evaluation is that of decoding and inferring alone."""
    bench = photographs(real())
    paths = [sample.image for sample in bench.dataset.samples if isinstance(sample.image, Path)]
    models = artifacts.map(lambda artifact: compile_model(artifact, Target()))
    image = prepare(read_image(bench.dataset.samples[0]), PREPROCESS, (224, 224))[0][None]
    count = len(paths)
    shares = []
    for _ in range(ROUNDS):
        decoding = processor_ms(lambda: decoding_rate(paths), count)
        inferring = processor_ms(lambda: infer_alone(models, image, count), count)
        whole = processor_ms(lambda: compare_models(models, bench), count)
        shares.append((decoding + inferring) / whole)
        print(
            f"processor ms an image: decode {decoding:.2f}, infer both {inferring:.2f}, "
            f"evaluation of both roles {whole:.2f} ({shares[-1]:.2f})"
        )
    print(f"median share of decoding and inferring: {statistics.median(shares):.2f}")

    assert statistics.median(shares) > 0.6


def test_memory_does_not_grow_with_the_images(artifacts: Pair[Artifact]) -> None:
    """From 500 to 5,000 photographs the peak grows by the results kept, and by nothing else."""
    folders = [str(artifact.path.parent) for artifact in artifacts]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, __file__, *folders],
        check=True,
        capture_output=True,
        text=True,
    )
    (few, before), (many, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    print(f"peak {before / 2**20:.0f} MiB for {few} images, {after / 2**20:.0f} MiB for {many}")

    assert (few, many) == (500, 5000)
    assert after - before < (many - few) * MOST_BYTES_AN_IMAGE + SLACK_BYTES
