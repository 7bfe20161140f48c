"""Every kind of source in models.toml, and what an entry need not say about its model."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.yolo import YoloDecoder
from quantgate.errors import ManifestError, SourceUnavailableError
from quantgate.manifest import load_manifest
from quantgate.sources.catalog import locate
from quantgate.sources.darknet.locate import DarknetSource
from quantgate.sources.hf import HfSource
from quantgate.sources.kind import Place
from quantgate.sources.omz.fetch import OmzSource
from quantgate.sources.url import UrlSource, fetch_url
from quantgate.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import ModelEntry
    from quantgate.sources.catalog import AnySource

BASE = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.bare]
kind = "digits"
annotated = false
[models.m]
calibrate = "cal"
evaluate = "bare"
"""
CFG = """
[net]
width=64
height=32
[convolutional]
filters=14
[yolo]
mask=1,2
anchors=1,2, 3,4, 5,6
num=3
classes=2
"""


def load(folder: Path, text: str) -> ModelEntry:
    """Load the one model of a manifest."""
    path = folder / "models.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_manifest(path).models["m"]


def problems(folder: Path, text: str) -> tuple[str, ...]:
    """Return the problems of a manifest."""
    with pytest.raises(ManifestError) as caught:
        load(folder, text)
    return caught.value.problems


def test_every_source_can_be_written(tmp_path: Path) -> None:
    """Each kind of source is told by its own key; Darknet's paths start at the manifest."""
    rest = '\ntask = "generic"'
    written: dict[str, AnySource] = {
        '{ url = "https://example.org/m.onnx", sha256 = "00" }': UrlSource(
            "https://example.org/m.onnx", "00"
        ),
        '{ hf = "org/repo", file = "m.onnx", revision = "abc" }': HfSource(
            "org/repo", "m.onnx", "abc"
        ),
        '{ omz = "mobilenet-v2" }': OmzSource("mobilenet-v2"),
        '{ cfg = "a.cfg", weights = "a.weights" }': DarknetSource(
            tmp_path / "a.cfg", tmp_path / "a.weights"
        ),
    }
    for text, source in written.items():
        assert load(tmp_path, f'source = {text}{rest}\ndecoder = "tensors"').source == source


def test_open_model_zoo_knows_its_models(tmp_path: Path) -> None:
    """Task, decoder and preprocess of a known model need not be written."""
    entry = load(tmp_path, 'source = { omz = "mobilenet-v2" }')
    assert (entry.task, entry.decoder) == ("classification", ClassScoresDecoder())
    assert (entry.preprocess.resize, entry.preprocess.short_side) == ("crop", 256)
    style = load(tmp_path, 'source = { omz = "fast-neural-style-mosaic-onnx" }')
    assert style.task == "image_to_image"


def test_what_the_entry_says_of_a_decoder_is_laid_over_what_is_known(tmp_path: Path) -> None:
    """One key of the decoder can be changed without writing the others again."""
    text = 'source = { omz = "yolo-v4-tf" }\ndecoder = { max_detections = 7 }'
    decoder = load(tmp_path, text).decoder
    assert isinstance(decoder, YoloDecoder)
    assert (decoder.max_detections, decoder.nms, len(decoder.anchors)) == (7, "diou", 18)


def test_models_that_open_model_zoo_lacks_are_told(tmp_path: Path) -> None:
    """An unknown name comes with the nearest, what cannot be judged says why: one problem each."""
    (found,) = problems(tmp_path, 'source = { omz = "mobilenet-v22" }')
    assert "did you mean 'mobilenet-v2'" in found
    (found,) = problems(tmp_path, 'source = { omz = "text-spotting-0005" }')
    assert "several networks: name one of" in found
    (found,) = problems(tmp_path, 'source = { omz = "human-pose-estimation-3d-0001" }')
    assert "adapter human_pose_estimation_3d: state task and decoder by hand; or set task" in found


def test_a_decoder_is_asked_for_where_the_task_is_given(tmp_path: Path) -> None:
    """With a task of its own, a model that is fed but not decoded still lacks a decoder."""
    (found,) = problems(
        tmp_path, 'source = { omz = "human-pose-estimation-3d-0001" }\ntask = "detection"'
    )
    assert (
        "decoder: missing, expected how outputs are read: a string or a table whose kind is"
        in found
    )
    assert "one of ssd, boxes-scores, " in found
    assert "class-scores" not in found
    (found,) = problems(
        tmp_path, 'source = { omz = "human-pose-estimation-3d-0001" }\ntask = "classification"'
    )
    assert found.endswith("whose kind is class-scores")


def test_darknet_heads_are_read_from_the_cfg(tmp_path: Path) -> None:
    """Anchors and masks are the cfg's own; only thresholds are left to the entry."""
    (tmp_path / "a.cfg").write_text(CFG)
    text = 'source = { cfg = "a.cfg", weights = "a.weights" }\ndecoder = { nms = "diou" }'
    entry = load(tmp_path, text)
    assert entry.decoder == YoloDecoder(anchors=(3, 4, 5, 6), masks=((0, 1),), nms="diou")
    assert (entry.preprocess.colour, entry.preprocess.scale) == ("rgb", 255)


def test_a_broken_cfg_is_a_problem_of_the_manifest(tmp_path: Path) -> None:
    """What is wrong in a cfg is told with its line before anything runs."""
    (tmp_path / "a.cfg").write_text(CFG.replace("num=3", "num=4"))
    found = problems(tmp_path, 'source = { cfg = "a.cfg", weights = "a.weights" }')
    assert any("a.cfg, line 9, [yolo]: num=4 needs 8 numbers" in line for line in found), found


def test_addresses_of_a_darknet_network_come_with_checksums(tmp_path: Path) -> None:
    """All four are given or none, and a checksum is one: else `quantgate fetch` could not work."""
    (tmp_path / "a.cfg").write_text(CFG)
    files = 'cfg = "a.cfg", weights = "a.weights"'
    alone = problems(tmp_path, f'source = {{ {files}, cfg_url = "https://example.org/a.cfg" }}')
    assert [line.split(":")[0] for line in alone] == [
        f"models.m.source.{key}" for key in ("cfg_sha256", "weights_url", "weights_sha256")
    ]
    assert all(
        "missing, expected beside cfg_url: both files are fetched, or none" in x for x in alone
    )
    urls = 'cfg_url = "https://example.org/a.cfg", weights_url = "https://example.org/a.weights"'
    sums = f'cfg_sha256 = "{"0" * 64}", weights_sha256 = "abc"'
    (wrong,) = problems(tmp_path, f"source = {{ {files}, {urls}, {sums} }}")
    assert wrong == "models.m.source.weights_sha256: expected 64 hexadecimal digits, found 'abc'"


def test_what_is_not_here_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    """Finding a model never downloads: it says what to run."""
    place = Place(tmp_path, Store(tmp_path / "store"), "mine")
    url = UrlSource("https://example.org/m.onnx", "00" * 32)
    for source in (url, OmzSource("mobilenet-v2")):
        with pytest.raises(SourceUnavailableError, match="`quantgate fetch mine`"):
            locate(source, place)
    missing = DarknetSource(tmp_path / "a.cfg", tmp_path / "a.weights")
    with pytest.raises(SourceUnavailableError, match=r"a\.cfg: this Darknet file is not on this"):
        locate(missing, place)


def test_what_was_fetched_is_found_without_a_network(tmp_path: Path) -> None:
    """A file that was fetched once is found offline."""
    content = b"not really a model"
    (tmp_path / "m.tflite").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    source = UrlSource((tmp_path / "m.tflite").as_uri(), digest)
    store = Store(tmp_path / "store")
    fetched = fetch_url(source, store)
    assert locate(source, Place(tmp_path, store)).path == fetched
