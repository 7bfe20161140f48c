"""Heads read from a cfg alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quantgate.errors import SourceError
from quantgate.sources.darknet.cfg_heads import heads_of
from quantgate.sources.darknet.decoding import decoder_of
from quantgate.sources.darknet.importer import import_darknet

TINY = """
[net]
width=64
height=32
[convolutional]
filters=8
stride=2
[maxpool]
size=2
stride=2
[convolutional]
filters=14
[yolo]
mask=1,2
anchors=1,2, 3,4, 5,6
num=3
classes=2
[route]
layers=-3
[upsample]
stride=2
[convolutional]
filters=7
[yolo]
mask=0
anchors=1,2, 3,4, 5,6
num=3
classes=2
"""


def test_strides_follow_the_layers(tmp_path: Path) -> None:
    """Strides multiply, upsampling divides, a route goes back to its layer's."""
    path = tmp_path / "tiny.cfg"
    path.write_text(TINY)
    heads = heads_of(path)
    assert [(head.stride_px, head.own_anchors) for head in heads] == [
        ((4, 4), ((3.0, 4.0), (5.0, 6.0))),
        ((2, 2), ((1.0, 2.0),)),
    ]
    assert decoder_of(heads) == {
        "kind": "yolo",
        "anchors": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        "masks": ((0,), (1, 2)),
    }


def test_anchors_that_do_not_fit_are_named_with_their_line(tmp_path: Path) -> None:
    """A head whose numbers contradict each other is one sentence with file and line."""
    path = tmp_path / "tiny.cfg"
    path.write_text(TINY.replace("num=3", "num=4", 1))
    with pytest.raises(SourceError, match=r"tiny\.cfg, line 15, \[yolo\]: num=4 needs 8 numbers"):
        heads_of(path)


def test_a_real_cfg_says_what_the_import_says() -> None:
    """Strides, anchors and all else equal those of the imported network."""
    real = os.environ.get("QUANTGATE_REAL")
    if real is None:
        pytest.skip("QUANTGATE_REAL is not set")
    folder = Path(real) / "models" / "det_yolo_fastest_darknet"
    cfg = folder / "yolo-fastest-1.1.cfg"
    imported = import_darknet(cfg, cfg.with_suffix(".weights")).heads
    assert decoder_of(heads_of(cfg)) == decoder_of(imported)
    assert [head.stride_px for head in heads_of(cfg)] == [head.stride_px for head in imported]
