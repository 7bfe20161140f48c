from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.engine.artifact import parent_artifact
from quantgate.engine.ir_file import digest_of_ir
from quantgate.engine.naming import model_ports
from quantgate.entries import Preprocess
from quantgate.errors import QuantizationError, SourceError, StoreError
from quantgate.sources.catalog import locate, resolve
from quantgate.sources.files import inspect
from quantgate.sources.local import LocalSource
from quantgate.sources.onnx_external import external_locations
from quantgate.sources.quantized import quantization_trace
from quantgate.sources.zoo import ZooSource
from quantgate.store import Store
from suites.onnx_files import INSIDE, field, onnx_model, outside

try:
    from openvino import opset8 as op
except ImportError:  # OpenVINO 2024 keeps it elsewhere
    from openvino.runtime import opset8 as op

if TYPE_CHECKING:
    from collections.abc import Callable


def tiny_model(*, seed: int = 0, names: str = "a", quantized: bool = False) -> Any:
    """Build image [1,3,8,8] → Convolution → scores [1,4,8,8] in memory."""
    weights = np.random.default_rng(seed).normal(size=(4, 3, 3, 3)).astype(np.float32)
    image = op.parameter([1, 3, 8, 8], np.float32, name="image")
    image.output(0).set_names({"image"})
    kernel = op.constant(weights, name=f"{names}_kernel")
    node: Any = image
    if quantized:
        low, high = op.constant(np.float32(0)), op.constant(np.float32(255))
        node = op.fake_quantize(image, low, high, low, high, 256, name="image/fq")
    conv = op.convolution(node, kernel, [1, 1], [1, 1], [1, 1], [1, 1], name=f"{names}_conv")
    result = op.relu(conv, name=f"{names}_relu")
    result.output(0).set_names({"scores"})
    return ov.Model([result], [image], f"{names}_net")


def write_ir(folder: Path, **options: Any) -> Path:
    """Save the tiny model as an IR."""
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(tiny_model(**options), folder / "tiny.xml", compress_to_fp16=False)
    return folder / "tiny.xml"


def test_ir_is_known_by_both_files(tmp_path: Path) -> None:
    """The digest of an IR changes with its weights and with its graph, not with its place."""
    one = inspect(write_ir(tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    moved = inspect(tmp_path / "two" / "tiny.xml")
    other = inspect(write_ir(tmp_path / "three", seed=1))
    (tmp_path / "two" / "tiny.xml").rename(tmp_path / "two" / "renamed.xml")
    (tmp_path / "two" / "tiny.bin").rename(tmp_path / "two" / "renamed.bin")
    renamed = inspect(tmp_path / "two" / "renamed.xml")

    assert one.digest == moved.digest == renamed.digest != other.digest
    assert [path.name for path in one.paths] == ["tiny.bin", "tiny.xml"]


def test_model_is_read(tmp_path: Path) -> None:
    """A path relative to the manifest's folder is found and read."""
    write_ir(tmp_path / "models")
    found, model = resolve(LocalSource(Path("models/tiny.xml")), tmp_path)

    assert found.form == "OpenVINO IR"
    assert [4, 3, 3, 3] in [list(op.shape) for op in model.get_ops() if op.get_output_size()]


def _no_weights(folder: Path) -> Path:
    path = write_ir(folder)
    path.with_suffix(".bin").unlink()
    return path


def _cut_weights(folder: Path) -> Path:
    path = write_ir(folder)
    weights = path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:100])
    return path


def _cut_graph(folder: Path) -> Path:
    path = write_ir(folder)
    path.write_bytes(path.read_bytes()[:700])
    return path


def _write(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _folder(folder: Path) -> Path:
    (folder / "saved").mkdir()
    return folder / "saved"


WHOLE = onnx_model(INSIDE)
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "no.onnx", "no.onnx: no such model file"),
    "no weights": (_no_weights, "expected tiny.bin, which is missing"),
    "cut weights": (_cut_weights, "tiny.xml: is not a complete OpenVINO IR model"),
    "cut graph": (_cut_graph, "tiny.xml: is not a complete OpenVINO IR model"),
    "empty": (_write("m.onnx", b""), "empty .0 bytes.: get it again"),
    "text as onnx": (_write("m.onnx", b"<html>404 Not Found</html>"), "m.onnx: is n"),
    "cut onnx": (_write("m.onnx", WHOLE[:-20]), "m.onnx: is not a complete ONNX file"),
    "onnx, weights gone": (_write("m.onnx", onnx_model(outside("w.bin"))), "w.bin is missing"),
    "onnx, weights above": (
        _write("m.onnx", onnx_model(outside("../w.bin"))),
        "outside of its folder",
    ),
    "rubbish tflite": (
        _write("m.tflite", bytes(300)),
        "not a complete TensorFlow Lite model .OpenVINO recognizes no",
    ),
    "rubbish pb": (
        _write("m.pb", b"\xff" * 300),
        "not a complete TensorFlow frozen graph model .OpenVINO recognizes no",
    ),
    "rubbish paddle": (_write("m.pdmodel", b"\xff" * 300), "not a complete PaddlePaddle model"),
    "torch": (_write("m.pt", b"x"), ".pt is not read: export it first: torch.onnx.export"),
    "checkpoint": (_write("m.pth", b"x"), ".pth is not read: export it first"),
    "darknet": (
        _write("m.weights", b"x"),
        ".weights is not read: a Darknet network is two files: source = {",
    ),
    "caffe": (_write("m.caffemodel", b"x"), ".caffemodel is not read: convert it first"),
    "weights of an IR": (_write("m.bin", b"x"), "name the .xml beside it"),
    "unknown": (_write("m.zip", b"x"), r"\.zip is not read; what is read: \.xml, \.onnx"),
    "no suffix": (_write("model", b"x"), "a file without a suffix is not read"),
    "other folder": (_folder, "must be a TensorFlow saved model"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_model_is_one_sentence(case: str, tmp_path: Path) -> None:
    """Whatever is given for a model, the answer is one sentence that names the file."""
    make, said = BAD[case]
    path = make(tmp_path)

    with pytest.raises(SourceError, match=said) as caught:
        resolve(LocalSource(path), tmp_path)

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_onnx_weights_outside_count(tmp_path: Path) -> None:
    """The files that an ONNX model keeps its weights in are part of its digest, and are read."""
    path = _write("m.onnx", onnx_model(outside("w.bin")))(tmp_path)
    weights = tmp_path / "w.bin"
    weights.write_bytes(np.array([1, 2], np.float32).tobytes())
    before, model = resolve(LocalSource(path), tmp_path)
    weights.write_bytes(np.array([1, 3], np.float32).tobytes())

    assert before.paths == (path, weights)
    assert before.digest != locate(LocalSource(path), tmp_path).digest
    assert len(model.outputs) == 1


def test_onnx_weights_inside_need_no_file(tmp_path: Path) -> None:
    """A model with its weights inside names no other file."""
    path = _write("m.onnx", WHOLE)(tmp_path)

    assert external_locations(path) == ()
    assert resolve(LocalSource(path), tmp_path)[0].paths == (path,)


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_cut_onnx_never_gives_a_traceback(cut: int, tmp_path: Path) -> None:
    """Wherever an ONNX file was cut off it is refused, unless whole fields are left."""
    path = _write("m.onnx", WHOLE[:cut])(tmp_path)
    whole_fields = {2, len(WHOLE) - len(field(8, field(1, "") + field(2, 17)))}

    if cut in whole_fields:
        assert external_locations(path) == ()
    else:
        with pytest.raises(SourceError, match="is not a complete ONNX file"):
            locate(LocalSource(path), tmp_path)


def test_unknown_zoo_name_is_corrected() -> None:
    """A wrong built-in name says which there are."""
    with pytest.raises(SourceError, match="no built-in model 'nope', expected one of"):
        locate(ZooSource("nope"), Path())


def test_digest_ignores_names_of_layers(tmp_path: Path) -> None:
    """Two graphs that differ only in what their layers are called have one digest."""
    one = digest_of_ir(write_ir(tmp_path / "a", names="a"))
    other = digest_of_ir(write_ir(tmp_path / "b", names="constant_24005"))

    assert one == other
    assert one != digest_of_ir(write_ir(tmp_path / "c", seed=1))


def test_digest_sees_where_a_constant_goes(tmp_path: Path) -> None:
    """Equal constants are stored once; which layer uses which still counts."""

    def write(name: str, order: tuple[int, ...]) -> Path:
        values = [np.full(4, 1, np.float32), np.full(4, 2, np.float32)]
        node: Any = op.parameter([4], np.float32, name="x")
        inputs = [node]
        for number in order:
            node = op.multiply(op.add(node, op.constant(values[number])), op.constant(values[0]))
        ov.save_model(ov.Model([node], inputs), tmp_path / name, compress_to_fp16=False)
        return tmp_path / name

    digests = {digest_of_ir(write(f"{n}.xml", o)) for n, o in enumerate([(0, 1), (1, 0), (1, 1)])}

    assert len(digests) == 3


def test_parent_embeds_the_preprocessing(tmp_path: Path) -> None:
    """The parent takes a picture as OpenCV gives it, is kept in FP32, and is built once."""
    store = Store(tmp_path / "store")
    source = LocalSource(write_ir(tmp_path / "m"))
    plain = parent_artifact(source, Preprocess(), tmp_path, store)
    scaled = parent_artifact(source, Preprocess(scale=255.0), tmp_path, store)

    model = ov.Core().read_model(plain.path)
    types = {
        str(op.get_element_type()) for op in model.get_ops() if op.get_type_name() == "Constant"
    }
    assert str(model.input(0).get_partial_shape()) == "[1,8,8,3]"
    assert "<Type: 'float16'>" not in types
    assert plain.digest != scaled.digest
    assert plain == parent_artifact(source, Preprocess(), tmp_path, store)


def test_parent_is_kept_in_full_width(tmp_path: Path) -> None:
    """A model whose file keeps FP16 weights becomes an FP32 parent with the same numbers."""
    path = write_ir(tmp_path / "wide")
    narrow = tmp_path / "narrow.xml"
    ov.save_model(ov.Core().read_model(path), narrow, compress_to_fp16=True)
    read = ov.Core().read_model(narrow)
    store = Store(tmp_path / "store")
    parent = parent_artifact(LocalSource(narrow), Preprocess(), tmp_path, store)

    picture = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    answer = ov.Core().compile_model(parent.path, "CPU", config)(picture)[0]
    planar = picture.transpose(0, 3, 1, 2).astype(np.float32)
    expected = ov.Core().compile_model(read, "CPU", config)(planar)[0]
    assert parent.path.with_suffix(".bin").stat().st_size >= 4 * 108
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-3)


def test_parent_names_every_output(tmp_path: Path) -> None:
    """Outputs that nobody named still have names, which no compilation changes."""
    node = op.parameter([1, 3, 8, 8], np.float32, name="image")
    model = ov.Model([op.relu(node, name="answer"), op.abs(node, name="other")], [node])
    ov.save_model(model, tmp_path / "m.xml", compress_to_fp16=False)
    store = Store(tmp_path / "store")
    parent = parent_artifact(LocalSource(Path("m.xml")), Preprocess(), tmp_path, store)

    outputs = ov.Core().compile_model(parent.path, "CPU").outputs
    named = model_ports(ov.Core().read_model(parent.path).outputs)
    assert all(output.get_names() for output in outputs)
    assert model_ports(outputs) == named
    assert len({port.name for port in named}) == 2


def test_quantized_source_is_refused(tmp_path: Path) -> None:
    """A model that is quantized already is no parent; where it was seen is said."""
    source = LocalSource(write_ir(tmp_path / "m", quantized=True))

    with pytest.raises(
        QuantizationError,
        match=r"tiny.xml: is quantized \(1 FakeQuantize node\) already, the first sign is image/fq",
    ):
        parent_artifact(source, Preprocess(), tmp_path, Store(tmp_path / "store"))


def test_half_written_model_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO says nothing of a disk that fills up while it writes: it is noticed all the same."""
    save = ov.save_model

    def cut_short(model: Any, path: Path, **options: Any) -> None:
        save(model, path, **options)
        with path.with_suffix(".bin").open("r+b") as stream:
            stream.truncate(10)

    source = LocalSource(write_ir(tmp_path / "m"))
    monkeypatch.setattr(ov, "save_model", cut_short)
    store = Store(tmp_path / "store")

    with pytest.raises(StoreError, match="could not be written whole"):
        parent_artifact(source, Preprocess(), tmp_path, store)
    assert list((store.root / "building").iterdir()) == []


def test_saved_model_counts_every_file(tmp_path: Path) -> None:
    """A TensorFlow saved model is all the files of its folder."""
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"x")
    (folder / "variables" / "variables.index").write_bytes(b"y")
    before = inspect(folder)
    shutil.copytree(folder, tmp_path / "copy")
    same = inspect(tmp_path / "copy" / "saved_model.pb")
    (folder / "variables" / "variables.index").write_bytes(b"z")

    assert before.digest == same.digest != inspect(folder).digest
    assert len(before.paths) == 2


REAL = {
    "ONNX": "cls_squeezenet1_1/squeezenet1_1_fp32.onnx",
    "OpenVINO IR": "cls_mobilenet_v2_224/mobilenet_v2_1.0_224_dequant_f32.xml",
    "TensorFlow Lite": "sseg_deeplabv3_257/deeplabv3.tflite",
    "TensorFlow frozen graph": "i2i_superres/ESPCN_x2.pb",
}


@pytest.mark.skipif("QUANTGATE_REAL" not in os.environ, reason="QUANTGATE_REAL is not set")
@pytest.mark.parametrize("form", REAL)
def test_real_models_are_read(form: str) -> None:
    """Real models of every format that is at hand are read, and are not taken for quantized ones."""
    root = Path(os.environ["QUANTGATE_REAL"]) / "models"
    found, model = resolve(LocalSource(Path(REAL[form])), root)

    assert found.form == form
    assert not quantization_trace(model)


@pytest.mark.skipif("QUANTGATE_REAL" not in os.environ, reason="QUANTGATE_REAL is not set")
def test_real_quantized_model_is_recognized() -> None:
    """A network that was published in 8 bits is recognized as quantized."""
    root = Path(os.environ["QUANTGATE_REAL"]) / "models" / "det_ssd_mobilenet_v1"
    _, model = resolve(LocalSource(root / "ssd_mobilenet_v1_quant_cut.tflite"), root)

    assert quantization_trace(model).fake_quantize > 10
