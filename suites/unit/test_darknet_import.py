from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.errors import SourceError
from quantgate.sources.darknet.activations import ACTIVATIONS
from quantgate.sources.darknet.cfg import read_cfg
from quantgate.sources.darknet.heads import DarknetHead
from quantgate.sources.darknet.importer import import_darknet
from quantgate.sources.darknet.locate import DarknetSource, locate, read
from suites.darknet_files import write_darknet, yolov4_cfg

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

NET = "[net]\nwidth=16\nheight=12\nchannels=3\n"
CONV = "[convolutional]\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=linear\n"
TINY_YOLO = "[yolo]\nmask=0,1\nanchors=1,2, 3,4, 5,6\nclasses=1\nnum=3\n"


def _image(model: Any, seed: int = 1) -> Array:
    shape = tuple(model.inputs[0].get_shape())
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)


def _run(model: Any, image: Array) -> list[Array]:
    import openvino as ov

    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled(image).values())


def _opencv(cfg: Path, weights: Path, image: Array, names: list[str] | None) -> list[Array]:
    import cv2

    net = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
    net.setInput(image)
    return [net.forward()] if names is None else list(net.forward(names))


def _largest_difference(cfg: Path, weights: Path) -> float:
    """Between this importer and OpenCV's, on raw heads (or the last layer), relative to the range."""
    imported = import_darknet(cfg, weights)
    image = _image(imported.model)
    names = [f"conv_{int(head.output.split('_')[1]) - 1}" for head in imported.heads] or None
    expected = _opencv(cfg, weights, image, names)
    actual = _run(imported.model, image)
    assert [tuple(a.shape) for a in expected] == [tuple(a.shape) for a in actual]
    assert all(float(np.abs(e).max()) > 1e-3 for e in expected)
    return max(
        float(np.abs(e - a).max() / max(1.0, np.abs(e).max()))
        for e, a in zip(expected, actual, strict=True)
    )


def _real(name: str) -> Path:
    root = os.environ.get("QUANTGATE_REAL")
    if not root:
        pytest.skip("QUANTGATE_REAL is not set: the real Darknet files are not at hand")
    return Path(root) / "models" / name


AGREEING = {
    "grouped convolution": "[convolutional]\nfilters=6\nsize=3\npad=1\ngroups=3\nactivation=leaky\n",
    "uneven stride and padding": (
        "[convolutional]\nfilters=4\nsize=3\nstride=2\npadding=2\nbatch_normalize=1\nactivation=mish\n"
    ),
    "even kernel": "[convolutional]\nfilters=4\nsize=2\nstride=2\npad=1\nactivation=swish\n",
    "logistic": "[convolutional]\nfilters=4\nsize=1\nactivation=logistic\n",
    "relu and tanh": (
        "[convolutional]\nfilters=4\nsize=1\nactivation=relu\n"
        "[convolutional]\nfilters=4\nsize=1\nactivation=tanh\n"
    ),
    "maxpool stride 2": f"{CONV}[maxpool]\nsize=2\nstride=2\n",
    "maxpool stride 1": f"{CONV}[maxpool]\nsize=2\nstride=1\n",
    "maxpool size 3 stride 2": f"{CONV}[maxpool]\nsize=3\nstride=2\n",
    "spatial pyramid": (
        f"{CONV}[maxpool]\nsize=5\nstride=1\n[route]\nlayers=-2\n[maxpool]\nsize=9\nstride=1\n"
        "[route]\nlayers=-1,-3,0\n"
    ),
    "route of a group": f"{CONV}[route]\nlayers=-1\ngroups=2\ngroup_id=1\n",
    "shortcut": f"{CONV}{CONV}[shortcut]\nfrom=-2\nactivation=leaky\n",
    "upsample": f"{CONV}[upsample]\nstride=2\n",
    "dropout and average": f"{CONV}[dropout]\nprobability=.5\n[avgpool]\n",
    "reorg": f"{CONV}[reorg]\nstride=2\n",
    "two heads": (
        "[convolutional]\nfilters=12\nsize=1\nactivation=linear\n"
        + TINY_YOLO
        + "[route]\nlayers=0\n[convolutional]\nfilters=12\nsize=1\nstride=2\nactivation=linear\n"
        + TINY_YOLO
    ),
}


@pytest.mark.parametrize("name", AGREEING)
def test_every_layer_agrees_with_opencv(name: str, tmp_path: Path) -> None:
    """A small network of each layer kind gives what OpenCV's own reader gives."""
    assert _largest_difference(*write_darknet(tmp_path, NET + AGREEING[name])) < 1e-5


def test_real_weights_agree_with_opencv() -> None:
    """yolo-fastest 1.1 with its trained weights gives OpenCV's head tensors within 1e-4."""
    folder = _real("det_yolo_fastest_darknet")
    cfg, weights = folder / "yolo-fastest-1.1.cfg", folder / "yolo-fastest-1.1.weights"
    imported = import_darknet(cfg, weights)
    image = _image(imported.model)
    actual = _run(imported.model, image)
    for a, e in zip(actual, _opencv(cfg, weights, image, ["conv_120", "conv_129"]), strict=True):
        assert float(np.abs(a - e).max()) < 1e-4


@pytest.mark.parametrize("name", ["yolov4-tiny", "yolov4"])
def test_full_architectures_agree_with_opencv(name: str, tmp_path: Path) -> None:
    """YOLOv4 and YOLOv4-tiny at full width, with random weights, give OpenCV's head tensors."""
    text = (_real("darknet_cfg") / f"{name}.cfg").read_text()
    small = text.replace("width=608", "width=160").replace("height=608", "height=96")
    assert _largest_difference(*write_darknet(tmp_path, small)) < 1e-4


def test_yolov4_builds_at_its_own_size(tmp_path: Path) -> None:
    """The YOLOv4 cfg as published gives three heads of 76, 38 and 19 cells."""
    text = (_real("darknet_cfg") / "yolov4.cfg").read_text()
    imported = import_darknet(*write_darknet(tmp_path, text))
    assert [tuple(output.get_shape()) for output in imported.model.outputs] == [
        (1, 255, 76, 76),
        (1, 255, 38, 38),
        (1, 255, 19, 19),
    ]
    assert [head.scale_xy for head in imported.heads] == [1.2, 1.1, 1.05]
    assert [head.stride_px for head in imported.heads] == [(8, 8), (16, 16), (32, 32)]


def test_head_says_how_to_decode(tmp_path: Path) -> None:
    """Anchors, mask, classes and non-maximum suppression of a head arrive as the cfg says them."""
    text = (
        f"{NET}[convolutional]\nfilters=12\nsize=1\nstride=2\nactivation=linear\n{TINY_YOLO}"
        "scale_x_y = 1.05 # comment\nnms_kind=greedynms\nbeta_nms=0.5\niou_thresh=.2\nnew_coords=1\n"
    )
    imported = import_darknet(*write_darknet(tmp_path, text))
    (head,) = imported.heads
    assert head == DarknetHead(
        output="yolo_1",
        kind="yolo",
        classes=1,
        anchors=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
        mask=(0, 1),
        stride_px=(2, 2),
        scale_xy=1.05,
        new_coords=True,
        nms_kind="greedynms",
        beta_nms=0.5,
        iou_threshold=0.2,
    )
    assert head.own_anchors == ((1.0, 2.0), (3.0, 4.0))
    assert imported.model.outputs[0].get_names() == {"yolo_1"}


def test_region_head_uses_every_anchor(tmp_path: Path) -> None:
    """A [region] head without a mask stands for all of its anchors, in cells."""
    text = (
        f"{NET}[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
        "[region]\nanchors=0.5,0.6,1,2\nclasses=2\nnum=2\ncoords=4\nsoftmax=1\n"
    )
    (head,) = import_darknet(*write_darknet(tmp_path, text)).heads
    assert (head.kind, head.mask, head.own_anchors) == ("region", (0, 1), ((0.5, 0.6), (1, 2)))


def _numpy_activations() -> dict[str, Callable[[Array], Array]]:
    def elu(x: Array) -> Array:
        return np.where(x > 0, x, np.expm1(x)).astype(np.float32)

    def sigmoid(x: Array) -> Array:
        return (1 / (1 + np.exp(-x))).astype(np.float32)

    return {
        "elu": elu,
        "gelu": lambda x: 0.5 * x * (1 + np.tanh(0.797885 * x + 0.035677 * x**3)),
        "hard_mish": lambda x: np.where(x > 0, x, np.where(x > -2, x * x / 2 + x, 0)),
        "hardtan": lambda x: np.clip(x, -1, 1),
        "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
        "linear": lambda x: x,
        "loggy": lambda x: 2 * sigmoid(x) - 1,
        "logistic": sigmoid,
        "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
        "ramp": lambda x: np.where(x > 0, x, 0) + 0.1 * x,
        "relie": lambda x: np.where(x > 0, x, 0.01 * x),
        "relu": lambda x: np.maximum(x, 0),
        "relu6": lambda x: np.clip(x, 0, 6),
        "selu": lambda x: np.where(x > 0, 1.0507 * x, 1.0507 * 1.6732 * np.expm1(x)),
        "silu": lambda x: x * sigmoid(x),
        "swish": lambda x: x * sigmoid(x),
        "tanh": np.tanh,
    }


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation_is_its_formula(name: str, tmp_path: Path) -> None:
    """Every supported activation computes the formula in Darknet's activations.h."""
    text = f"{NET}[activation]\nactivation={name}\n"
    model = import_darknet(*write_darknet(tmp_path, text)).model
    image = np.linspace(-8, 8, 3 * 12 * 16, dtype=np.float32).reshape(1, 3, 12, 16)
    (actual,) = _run(model, image)
    np.testing.assert_allclose(actual, _numpy_activations()[name](image), atol=2e-5)


def test_reorg3d_gathers_blocks(tmp_path: Path) -> None:
    """[reorg3d] turns every 2 x 2 block into channels, the block's offset changing slowest."""
    model = import_darknet(*write_darknet(tmp_path, f"{NET}[reorg3d]\nstride=2\n")).model
    image = _image(model)
    offsets = [(0, 0), (0, 1), (1, 0), (1, 1)]
    expected = np.concatenate([image[:, :, y::2, x::2] for y, x in offsets], axis=1)
    np.testing.assert_array_equal(_run(model, image)[0], expected)


def test_shortcut_adds_common_channels(tmp_path: Path) -> None:
    """A shortcut from a layer with fewer or more channels adds the ones that both have."""
    identity = "[activation]\nactivation=linear\n"
    text = f"{NET}{identity}[route]\nlayers=0,0\n[shortcut]\nfrom=0\n[route]\nlayers=0\n"
    model = import_darknet(*write_darknet(tmp_path, f"{text}[shortcut]\nfrom=2\n")).model
    image = _image(model)
    np.testing.assert_allclose(_run(model, image)[0], 3 * image, rtol=1e-6)


def test_softmax_sums_to_one(tmp_path: Path) -> None:
    """A classifier's last layers give probabilities of the averaged scores."""
    text = f"{NET}{CONV}[avgpool]\n[softmax]\ngroups=1\n[cost]\ntype=sse\n"
    (actual,) = _run(
        import_darknet(*write_darknet(tmp_path, text)).model, np.ones((1, 3, 12, 16), "f4")
    )
    assert actual.shape == (1, 4, 1, 1)
    assert float(actual.sum()) == pytest.approx(1.0, abs=1e-6)


def test_dilation_keeps_the_plane(tmp_path: Path) -> None:
    """A dilated convolution with pad=1 keeps its plane, as Darknet pads by pad times dilation."""
    text = f"{NET}{CONV}dilation=2\n"
    model = import_darknet(*write_darknet(tmp_path, text)).model
    assert tuple(model.outputs[0].get_shape()) == (1, 4, 12, 16)


def test_old_header_counts_images_in_32_bits(tmp_path: Path) -> None:
    """A .weights file of Darknet 0.1 has a header of 16 bytes and gives the same network."""
    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    old.mkdir()
    models = [
        import_darknet(*write_darknet(new, NET + CONV)).model,
        import_darknet(*write_darknet(old, NET + CONV, seen64=False)).model,
    ]
    first, second = (_run(model, _image(model))[0] for model in models)
    np.testing.assert_array_equal(first, second)


def test_size_can_be_chosen(tmp_path: Path) -> None:
    """The input size given to the importer replaces the cfg's."""
    model = import_darknet(*write_darknet(tmp_path, NET + CONV), size=(32, 8)).model
    assert tuple(model.inputs[0].get_shape()) == (1, 3, 8, 32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-8], r"layer 0 .*needs 112 floats, found 110 \(expected at least 112"),
        (lambda data: data[:-3], "truncated"),
        (lambda data: data + bytes(8), "expected 112 floats .*layer 0.*, found 114"),
        (lambda data: data[:7], "header"),
        (lambda data: data[:-4] + struct.pack("<f", np.nan), "NaN"),
        (lambda _: b"PNG\xff" * 50, "header"),
    ],
)
def test_weights_must_fit(change: Callable[[bytes], bytes], message: str, tmp_path: Path) -> None:
    """Weights that are missing, left over, truncated or not finite are refused with the counts."""
    cfg, weights = write_darknet(tmp_path, NET + CONV)
    weights.write_bytes(change(weights.read_bytes()))
    with pytest.raises(SourceError, match=message):
        import_darknet(cfg, weights)


BAD_CFGS = {
    "": "no .section.",
    "[net\n": r"line 1: expected \[section\]",
    "[convolutional]\n": r"first section must be \[net\]",
    "[net]\nwidth=8\nheight=8\n": "no layer",
    "width=8\n": "line 1: expected",
    f"{NET}nonsense\n{CONV}": "line 5: expected .section. or key=value",
    f"{NET}[lstm]\n": r"line 5, \[lstm\]: this layer is not supported",
    f"{NET}{CONV.replace('linear', 'stair')}": "line 10.*activation=stair is not supported",
    f"{NET}{CONV.replace('filters=4', 'filters=four')}": "line 6.*must be an integer",
    f"{NET}{CONV.replace('filters=4', 'filters=' + '9' * 5000)}": "line 6.*must be an integer",
    f"{NET}{CONV.replace('filters=4', 'filters=0')}": "line 6.*must lie in 1..65536",
    f"{NET}{CONV}xnor=1\n": "line 11.*xnor=1 is not supported",
    f"{NET}{CONV}groups=2\n": "line 11.*groups=2 must divide",
    f"{NET.replace('16', '1')}{CONV.replace('pad=1', 'pad=0')}": "kernel of 3 does not fit",
    f"{NET}{CONV}[route]\nlayers=-5\n": "line 12.*layers=-5 must name",
    f"{NET}{CONV}[route]\n": "layers is missing",
    f"{NET}{CONV}[route]\nlayers=0\ngroups=2\ngroup_id=2\n": "group_id=2 must be below",
    f"{NET}{CONV}[maxpool]\nsize=2\nstride=2\n[shortcut]\nfrom=0\n": "different sizes",
    f"{NET}{CONV}[upsample]\nstride=60000\n": "too large",
    f"{NET}{CONV}[reorg]\nstride=5\n": "must divide the plane",
    f"{NET}{CONV}[maxpool]\nsize=2\npadding=9\n": "too wide",
    f"{NET}{CONV}{TINY_YOLO}": "need 12 channels, found 4",
    f"{NET}{CONV}{TINY_YOLO.replace('num=3', 'num=4')}": "num=4 needs 8 numbers",
    f"{NET}{CONV}{TINY_YOLO.replace('mask=0,1', 'mask=0,7')}": "points outside",
    f"{NET}{CONV}{TINY_YOLO.replace('1,2,', 'nan,2,')}": "finite number",
    f"{NET}{CONV}[softmax]\ntemperature=0\n": "temperature must be positive",
}


@pytest.mark.parametrize("text", BAD_CFGS, ids=range(len(BAD_CFGS)))
def test_bad_cfg_names_its_line(text: str, tmp_path: Path) -> None:
    """A malformed or unsupported cfg is refused with one sentence that names the line."""
    cfg, weights = tmp_path / "net.cfg", tmp_path / "net.weights"
    cfg.write_text(text)
    weights.write_bytes(struct.pack("<3iq", 0, 2, 5, 9) + bytes(4 * 4096))
    with pytest.raises(SourceError, match=BAD_CFGS[text]) as caught:
        import_darknet(cfg, weights)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """A cfg or weights file that is not there is named."""
    cfg, weights = write_darknet(tmp_path, NET + CONV)
    with pytest.raises(SourceError, match=r"no\.cfg: cannot be read"):
        import_darknet(tmp_path / "no.cfg", weights)
    with pytest.raises(SourceError, match=r"no\.weights: cannot be read"):
        import_darknet(cfg, tmp_path / "no.weights")


def test_source_is_found_by_both_files(tmp_path: Path) -> None:
    """A Darknet source is its cfg and weights, and its digest changes with either."""
    cfg, weights = write_darknet(tmp_path, NET + CONV)
    source = DarknetSource(Path(cfg.name), Path(weights.name))
    found = locate(source, tmp_path, "quantgate fetch")
    assert found.paths == (cfg, weights)
    assert tuple(read(found).outputs[0].get_shape()) == (1, 4, 12, 16)
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert locate(source, tmp_path, "quantgate fetch").digest != found.digest
    weights.unlink()
    with pytest.raises(SourceError, match=r"net\.weights: this Darknet file is not"):
        locate(source, tmp_path, "quantgate fetch")


def test_the_stand_in_is_yolov4(tmp_path: Path) -> None:
    """The architecture that the tutorial's stand-in has is that of the published cfg, layer by layer."""
    (tmp_path / "own.cfg").write_text(yolov4_cfg(608), encoding="utf-8")
    telling = {"filters", "size", "stride", "layers", "from", "activation", "mask", "scale_x_y"}

    def told(path: Path) -> list[tuple[str, dict[str, str]]]:
        _, *layers = read_cfg(path)
        return [
            (one.kind, {k: v.text.replace(" ", "") for k, v in one.options.items() if k in telling})
            for one in layers
        ]

    own, published = (
        told(path) for path in (tmp_path / "own.cfg", _real("darknet_cfg") / "yolov4.cfg")
    )
    assert len(own) == 162
    assert own == published
