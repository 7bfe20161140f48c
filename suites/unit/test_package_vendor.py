from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from faster_coco_eval.core import mask as coco

from quantgate.core.geometry import Frame
from quantgate.decoders import masks
from quantgate.decoders.catalog import DECODERS
from quantgate.engine.preprocess import prepare
from quantgate.package.excerpt import Source
from quantgate.package.vendor import vendor
from suites.unit.test_decoder_catalog import CONTRACTS

#: Inputs of the models that the contracts' shapes belong to.
SIZES = {
    "yolox": (416, 416),
    "nanodet": (320, 320),
    "fastestdet": (352, 352),
    "yolo": (320, 320),
    "yunet": (320, 320),
    "scrfd": (640, 640),
    "blaze": (192, 192),
    "retinaface": (640, 640),
    "openpose": (456, 256),
    "associative-embedding": (288, 288),
}
#: Keys that a decoder has no default for, or that random outputs need.
KEYS: dict[str, dict[str, Any]] = {
    "ctc": {"characters": tuple(map(chr, range(0x4E00, 0x4E00 + 6623)))},
    "pixel-link": {"threshold": 0.6, "link_threshold": 0.7, "min_area": 0.0, "min_height": 0.0},
    "sequence": {"alphabet": "0123456789abcdefghijklmnopqrstuvwxyz", "end": 0},
    "yolo": {
        "anchors": (10.0, 14.0, 23.0, 27.0, 37.0, 58.0, 81.0, 82.0, 135.0, 169.0, 344.0, 319.0)
    },
}
DYNAMIC = 7
ISOLATED = """
import dataclasses, importlib, pickle, sys

sys.path.insert(0, sys.argv[1])
allowed = {"cv2", "numpy", *sys.stdlib_module_names}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"a package imports {name}")

with open(sys.argv[2], "rb") as file:
    cases = pickle.load(file)
allowed |= set(cases)
sys.meta_path.insert(0, Refuse())
answers = {}
for kind, (keys, outputs, frame) in cases.items():
    code = importlib.import_module(kind)
    try:
        found = code.Decoder(**keys).decode(outputs, code.Frame(*frame))
        answers[kind] = dataclasses.asdict(found)
    except Exception as error:
        answers[kind] = {"error": f"{type(error).__name__}: {error}"}
pickle.dump(answers, sys.stdout.buffer)
"""


def outputs_of(kind: str) -> dict[str, Any]:
    """Draw outputs in the shapes of a decoder's contract."""
    rng = np.random.default_rng(len(kind))
    found: dict[str, Any] = {}
    for port in CONTRACTS[kind] or CONTRACTS["class-scores"]:
        shape = tuple(DYNAMIC if side < 0 else side for side in port.shape)
        found[port.name] = rng.random(shape, np.float32)
    if kind == "nms-indices":
        found["selected"] = rng.integers(0, 80, found["selected"].shape) * [0, 1, 1]
    if "labels" in found:
        found["labels"] = rng.integers(0, 5, found["labels"].shape)
    if kind in {"boxes-labels", "mask-rcnn", "nms-indices"}:
        corners = rng.random((*found["boxes"].shape[:-1], 2)) * 100
        found["boxes"][..., :2], found["boxes"][..., 2:4] = corners, corners + 50
    return {
        name: array if name in {"labels", "selected"} else array.astype(np.float32)
        for name, array in found.items()
    }


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Keys, outputs and frame for every decoder."""
    folder = tmp_path_factory.mktemp("priors")
    np.save(folder / "priors.npy", np.random.default_rng(3).random((1917, 4)).astype(np.float32))
    made = {}
    for kind in sorted(DECODERS):
        keys = {"priors": folder / "priors.npy"} if kind == "ssd-raw" else KEYS.get(kind, {})
        size = SIZES.get(kind, (300, 300))
        frame = (200, 150), size, (size[0] / 200, size[1] / 150), (0.0, 0.0)
        made[kind] = (keys, outputs_of(kind), frame)
    return made


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, cases: dict[str, Any]) -> dict[str, Any]:
    """What the code of each package says, in a process that has only numpy and OpenCV."""
    folder = tmp_path_factory.mktemp("vendored")
    for kind in cases:
        code = vendor({"Decoder": DECODERS[kind], "Frame": Frame, "prepare": prepare})
        assert code.libraries <= {"numpy", "cv2"}, kind
        (folder / kind).mkdir()
        for name, text in code.files.items():
            (folder / kind / name).write_text(text, encoding="utf-8")
    (folder / "cases").write_bytes(pickle.dumps(cases))
    done = subprocess.run(
        [sys.executable, "-I", "-c", ISOLATED, str(folder), str(folder / "cases")],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = pickle.loads(done.stdout)  # noqa: S301 - written by the line above
    return found


@pytest.mark.parametrize("kind", sorted(DECODERS))
def test_packaged_code_decodes_bit_for_bit(
    kind: str, cases: dict[str, Any], answers: dict[str, Any]
) -> None:
    """Every decoder's code, taken out of quantgate, gives the very same prediction."""
    keys, outputs, frame = cases[kind]
    found = DECODERS[kind](**keys).decode(outputs, Frame(*frame))
    assert "error" not in answers[kind], answers[kind]
    np.testing.assert_equal(answers[kind], dataclasses.asdict(found))


def test_every_decoder_finds_something(answers: dict[str, Any]) -> None:
    """The comparison is of predictions that are not empty."""
    for kind, answer in answers.items():
        first = next(iter(answer.values()))
        assert len(first), kind


def test_comments_stay_and_annotations_go() -> None:
    """An excerpt is the code as it was written, without what only type checkers read."""
    text = (
        b'"""Doc."""\nfrom quantgate.x import y\n#: Why.\n@wrap\ndef f(\n    a: int, *b: str\n) -> int:'
        b"\n    c: list[int] = []  # kept\n    return y(a, c)\n"
    )
    source = Source("m", text)
    assert source.text_of(source.defined["f"], lambda _: None) == (
        "#: Why.\n@wrap\ndef f(\n    a, *b\n):\n    c = []  # kept\n    return y(a, c)"
    )


@pytest.mark.parametrize("seed", range(40))
def test_run_lengths_are_written_as_coco_does(seed: int) -> None:
    """Masks are encoded byte for byte as COCO's own code encodes them."""
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 60 + 400 * (seed % 2), 2))
    mask = rng.random((height, width)) < rng.choice([0.0, 0.02, 0.5, 0.98, 1.0])
    found = masks.encode(mask, (0, 0), (width, height))
    assert found == coco.encode(np.asfortranarray(mask.astype(np.uint8)))
