"""What the reader of a page has before the first command: files, a gated model, servers of this machine."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import shlex
import shutil
import threading
import tomllib
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino as ov

from quantgate.core.estimate import Estimate
from quantgate.history.record import Number
from quantgate.history.store import open_history
from quantgate.sources.opset import opset
from quantgate.store import Store
from suites import nights, standins
from suites.e2e import contracts, squares
from suites.e2e.world import ROOT
from suites.pages import NOT_RUN, blocks, commands, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from suites.e2e.world import World
    from suites.pages import Block

MANIFEST = """
[datasets.shop]
kind = "coco"
path = "images"
annotations = "truth.json"

[models.ssd]
task = "detection"
source = "own.onnx"
decoder = "yolo-v8"
preprocess = { resize = "letterbox", colour = "rgb", scale = 255 }
calibrate = { dataset = "shop", subset = 12 }
evaluate = { dataset = "shop", hold_out = true }
licence = "Apache-2.0"
limits = { max_accuracy_drop = 0.01, min_match_rate = 0.9 }
"""
ACCURACY_CHECK = """
models:
  - name: model
    launchers:
      - { framework: openvino, model: model.xml, adapter: { type: yolo_v8_detection } }
    datasets:
      - name: shop
        data_source: images
        annotation_conversion: { converter: mscoco_detection, annotation_file: truth.json }
        reader: pillow_imread
        preprocessing:
          - { type: resize, size: 128 }
          - { type: normalization, mean: 0, std: 255 }
        metrics:
          - { type: coco_precision }
"""
#: A package's own decoder, as small as it can be.
DECODER = """
from dataclasses import dataclass
from typing import Literal

import numpy as np
from quantgate.core.predictions import ClassScores
from suites.e2e.demo_plugin.decoder import DemoScores


@dataclass(frozen=True, slots=True)
class {head}(DemoScores):
    kind: Literal["{name}"] = "{name}"

    def decode(self, outputs, frame):
        shares = np.exp(DemoScores.decode(self, outputs, frame).scores)
        return ClassScores(shares / shares.sum())
"""
IMAGES = 300
#: A run of docs/devices.md.
EDGE = "2026-11-30T10-00-00Z-3f2a1c"


@dataclass(frozen=True, slots=True)
class Walk:
    """A reader's folder, the variables of their shell, and where the web of this machine is.

    ``here`` says what stands for an address of a page; nothing, where no server is installed for it.
    """

    world: World
    folder: Path
    site: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, status: int = 0) -> None:
        """Run a command that the page takes for granted."""
        ran = self.world.run(self.folder, "-m", "quantgate", *arguments, **self.environ)
        assert ran.status == status, ran.said

    def write(self, text: str, name: str = "models.toml") -> None:
        """Write a file."""
        (self.folder / name).write_text(text, encoding="utf-8")


def detector(walk: Walk) -> None:
    """Give a detector that nobody has described, with annotated images."""
    squares.make(walk.folder).rename(walk.folder / "detector.onnx")


def accuracy_checked(walk: Walk) -> None:
    """Give the same as an IR, as accuracy_check's file describes it."""
    own = squares.make(walk.folder)
    ov.save_model(ov.Core().read_model(own), walk.folder / "model.xml", compress_to_fp16=False)
    walk.write(ACCURACY_CHECK, "accuracy-check.yml")
    told = {"author": "Ultralytics", "task": "detect", "names": "{0: 'red', 1: 'green', 2: 'blue'}"}
    exported = squares.make(walk.folder / "exported", metadata=told)
    exported.rename(walk.folder / "yolov8n.onnx")


def shop(walk: Walk) -> None:
    """Give it with its entry, which is called ssd as in most pages, and as a repository with tests."""
    squares.make(walk.folder, images=60)
    walk.write(MANIFEST)
    walk.write('[tool.pytest.ini_options]\nquantgate_manifest = "models.toml"\n', "pyproject.toml")


def classifier(walk: Walk) -> None:
    """Give the tutorial's model."""
    page = blocks(ROOT / "docs" / "tutorial.md")
    walk.write(next(block.text for block in page if block.told("file")))


def install(walk: Walk, package: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Install a package with one decoder and entry points as a page shows them, and use it."""
    ((group, ((name, place),)),) = [(key, [*one.items()]) for key, one in points.items()]
    module, _, head = place.partition(":")
    source = (walk.folder / module.replace(".", "/")).with_suffix(".py")
    source.parent.mkdir()
    source.write_text(DECODER.format(head=head, name=name), encoding="utf-8")
    about = walk.folder / f"{package}-1.0.dist-info"
    about.mkdir()
    walk.write(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", f"{about.name}/METADATA")
    walk.write(f"[{group}]\n{name} = {place}\n", f"{about.name}/entry_points.txt")
    source_line = 'source = { zoo = "digits-mobilenet-v2" }\n'
    entry = (walk.folder / "models.toml").read_text("utf-8")
    assert source_line in entry
    walk.write(entry.replace(source_line, f'{source_line}decoder = "{name}"\n'))


def gated(walk: Walk) -> None:
    """Give what a green run and a red one left, recorded."""
    shop(walk)
    walk.run("gate", "--record")
    walk.run("gate", "--record", "--limit", "ssd.max_size_ratio=0.01", status=1)


def broken(walk: Walk) -> None:
    """Give a detector that somebody quantized, and that no longer sees blue."""
    import nncf  # seconds, which nobody else needs

    shop(walk)
    images = sorted((walk.folder / "images").iterdir())[:12]
    pixels = [cv2.imread(str(path))[..., ::-1].transpose(2, 0, 1)[None] / 255 for path in images]  # type: ignore[index]
    model = ov.Core().read_model(walk.folder / "own.onnx")
    (bias,) = (op for op in model.get_ops() if op.get_friendly_name() == "bias")
    blind = opset().constant(np.array([-9, -9, -40], np.float32).reshape(bias.get_output_shape(0)))
    bias.output(0).replace(blind.output(0))
    made = nncf.quantize(model, nncf.Dataset([one.astype(np.float32) for one in pixels]))
    ov.save_model(made, walk.folder / "int8.xml", compress_to_fp16=False)
    recipe = 'calibrate = { dataset = "shop", subset = 12 }'
    entry = MANIFEST.replace(recipe, 'optimized = "int8.xml"').replace(", hold_out = true", "")
    walk.write(entry.replace("max_accuracy_drop = 0.01, ", ""))


def carried(walk: Walk) -> None:
    """Give what another machine answered, in the folder that the page names."""
    squares.make(walk.folder, images=60)
    dataset = '{ dataset = "shop", hold_out = true'
    walk.write(MANIFEST.replace(dataset, f'{dataset}, device = ["CPU", "CPU@avx2"]'))
    walk.run("gate", "--reports", "made")
    shutil.copytree(walk.folder / "made" / "latest", walk.folder / "edge" / EDGE)


def sharded(walk: Walk) -> None:
    """Give four models, what earlier runs on two stacks and of the base left, and how long models take."""
    shop(walk)
    datasets, entry = MANIFEST.split("[models.ssd]")
    walk.write(datasets + "".join(f"[models.{name}]{entry}" for name in ("ssd", "b", "c", "d")))
    for name in ("stack-omz", "stack-default"):
        walk.run("gate", "--reports", f"made/{name}")
        shutil.copytree(walk.folder / "made" / name / "latest", walk.folder / "reports" / name)
    shutil.copytree(walk.folder / "reports" / name, walk.folder / "reports" / "base")
    shutil.copy(walk.folder / "reports" / name / "durations.json", walk.folder)


def watched(walk: Walk) -> None:
    """Give nights of three models: one lost speed, one gained some, and one lost accuracy."""
    shop(walk)
    history = open_history(str(walk.folder / "nights.sqlite"), create=True)
    for day in range(40):
        late = day >= 30
        numbers = (
            _speed("ssd", day, 2.45 if late else 2.66),
            _speed("yolo-face", day, 3.64 if day >= 20 else 3.30),
            Number(
                "deeplab",
                "max_accuracy_drop",
                Estimate.exact(0.023 if day >= 36 else 0.017, of="images"),
                "passed",
                0.03,
                "s9",
            ),
        )
        versions = {"openvino": "2026.4.0" if late else "2026.3.0", "nncf": "3.4.0"}
        commit = hashlib.sha256(bytes([day])).hexdigest()[:40]
        history.record(nights.night(day, numbers=numbers, versions=versions, commit=commit))


def _speed(model: str, day: int, value: float) -> Number:
    """Make a night's speedup, which scatters by half a per cent."""
    moved = value * (1 + 0.005 * ((day * 7) % 5 - 2) / 2)
    estimate = Estimate(moved, moved * 0.99, moved * 1.01, 12, of="rounds")
    return Number(model, "min_speedup", estimate, "passed", 1.5, f"series of {model}")


def fetched(walk: Walk) -> None:
    """Give an entry whose model lies on a server."""
    digest = hashlib.sha256(squares.make(walk.folder).read_bytes()).hexdigest()
    (walk.folder / "own.onnx").unlink()
    source = f'{{ url = "{walk.site}/own.onnx", sha256 = "{digest}" }}'
    walk.write(MANIFEST.replace('"own.onnx"', source))


def converted(walk: Walk) -> None:
    """Give a stand-in where `quantgate fetch` leaves a model of Open Model Zoo that it has converted."""
    file = walk.folder / "standing-in.onnx"
    file.write_bytes(contracts.ssd_onnx(bgr=True))
    store = Store(walk.world.root / "store")
    standins.in_store(store, "ssd_mobilenet_v1_coco", ov.Core().read_model(file))


def publish(site: Path, made: Path) -> None:
    """Publish pictures with red squares as COCO does, which are persons."""
    contracts.ssd(made, IMAGES)
    document = json.loads((made / "images" / "val.json").read_text("utf-8"))
    pictures = made / "images" / "val"
    (site / "val2017").mkdir(parents=True)
    (site / "annotations").mkdir()
    for one in document["images"]:
        picture = cv2.imread(str(pictures / one["file_name"]))
        assert picture is not None
        one["file_name"] = f"{one['id']:012d}.jpg"
        one["license"] = 1
        cv2.imwrite(str(site / "val2017" / one["file_name"]), picture)
    document["licenses"] = [{"id": 1, "name": "Attribution License"}]
    with zipfile.ZipFile(site / "annotations" / "annotations_trainval2017.zip", "w") as archive:
        archive.writestr("annotations/instances_val2017.json", json.dumps(document))


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and a request without comments that takes one."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Serve a file, or no comment."""
        if "/comments" in self.path:
            self._answer([])
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Take a comment."""
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert "quantgate" in said["body"]
        self._answer({"html_url": "https://forge.example/7"})

    def _answer(self, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder on this machine; give its address."""
    handler = functools.partial(_Handler, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def along(walk: Walk, page: str, until: str = "") -> None:
    """Do what a page does, from its top to its bottom or a heading."""
    for block in blocks(ROOT / page, until):
        _prepare(walk, block)
        for command in commands(block) if block.kind == "console" else ():
            line = command.line
            for told, here in walk.here.items():
                line = line.replace(told, here)
            if (page, line) in NOT_RUN or line.endswith("="):
                continue
            ran = walk.world.run(walk.folder, *_arguments(line, walk.site), **walk.environ)
            exits = block.told("exits") or "0"
            if exits != "by speed":
                assert ran.status == int(exits), (line, ran.said)
            elif " gate " in line:
                assert (ran.latest / "verdicts.json").exists(), ran.said
                outcomes = {limit: said for (_, limit), said in ran.outcomes.items()}
                assert outcomes.pop("min_speedup") in {"passed", "failed", "undecided"}
                assert set(outcomes.values()) == {"passed"}, ran.said
            assert missing(ran.said, command.says) is None, ran.said


def _prepare(walk: Walk, block: Block) -> None:
    """Write the file that a block is, or give what it needs."""
    if block.told("given"):
        squares.make(walk.folder / "given")
        for item in (walk.folder / "given").iterdir():
            item.rename(walk.folder / item.name)
    if file := block.told("file"):
        walk.write(block.text, file)
    if file := block.told("added to"):
        old = tomllib.loads((walk.folder / file).read_text("utf-8"))
        walk.write(document(merged(old, tomllib.loads(block.text))), file)
        # Speed is judged by tests that have the machine for themselves.
        walk.run("gate", file, "-m", "not speed", status=int(block.told("exits") or 0))
    if package := block.told("installed"):
        install(walk, package, tomllib.loads(block.text)["project"]["entry-points"])
        walk.run("check", "models.toml")
    if file := block.told("written"):
        shown = tuple(line for line in block.text.splitlines() if "…" not in line)
        assert missing((walk.folder / file).read_text("utf-8"), shown) is None
    if file := block.told("first remove"):
        (walk.folder / file).unlink()


def _arguments(line: str, site: str) -> list[str]:
    """Give what Python runs for a command of a page; images come from this machine's web."""
    program, *rest = shlex.split(line)
    assert program in {"quantgate", "pytest"}, line
    mirror = ["--mirror", site] if "--dataset" in rest else []
    return ["-m", program, *rest, *mirror]


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Put the tables of a page over those that it leaves out."""
    both = {**one, **other}
    for key in one.keys() & other.keys():
        if isinstance(one[key], dict) and isinstance(other[key], dict):
            both[key] = merged(one[key], other[key])
    return both


def toml(value: Any) -> str:
    """Write a value of TOML in one line; a whole document is what its keys are set to."""
    match value:
        case dict():
            return f"{{ {', '.join(f'{json.dumps(k)} = {toml(v)}' for k, v in value.items())} }}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case bool() | str() | int() | float():
            return json.dumps(value, ensure_ascii=False)
    return str(value)  # dates


def document(value: Mapping[str, Any]) -> str:
    """Write a document of TOML."""
    return "".join(f"{key} = {toml(one)}\n" for key, one in value.items())
