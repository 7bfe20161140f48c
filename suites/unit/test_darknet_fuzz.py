from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.errors import SourceError
from quantgate.sources.darknet.importer import import_darknet
from quantgate.sources.darknet.layers import LAYERS

KEYS = (
    *("filters", "size", "stride", "pad", "padding", "groups", "group_id", "dilation", "layers"),
    *("from", "batch_normalize", "activation", "mask", "anchors", "classes", "num", "scale"),
    *("stride_x", "temperature", "spatial", "coords", "scale_x_y"),
)
VALUES = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "3",
        "7",
        "-1",
        "-2",
        "65536",
        "1,2",
        "-1,-2",
        "0.5,1",
        "linear",
        "leaky",
        "x",
        "",
    ]
)
OPTION = st.tuples(st.sampled_from(KEYS), VALUES).map("=".join)
SECTION = st.builds(
    lambda kind, options: "\n".join([f"[{kind}]", *options]),
    st.sampled_from(sorted(LAYERS)),
    st.lists(OPTION, max_size=6),
)


def _import(cfg: bytes, floats: int) -> None:
    with TemporaryDirectory() as folder:
        cfg_path, weights = Path(folder) / "a.cfg", Path(folder) / "a.weights"
        cfg_path.write_bytes(cfg)
        weights.write_bytes(struct.pack("<3iq", 0, 2, 5, 0) + bytes(4 * floats))
        try:
            import_darknet(cfg_path, weights)
        except SourceError as error:
            assert str(error), "an error must say something"  # noqa: PT017 - success is fine too
            assert "\n" not in str(error)  # noqa: PT017


@settings(max_examples=300, deadline=None)
@given(st.lists(SECTION, min_size=1, max_size=5), st.sampled_from([0, 3, 8, 64]))
def test_any_network_is_imported_or_refused(layers: list[str], floats: int) -> None:
    """Random layers with random options are imported or refused in one sentence, never a crash."""
    net = "[net]\nwidth=8\nheight=6\nchannels=4"
    _import("\n".join([net, *layers]).encode(), floats)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"[net]\nwidth=8\nheight=8\n"]))
def test_any_text_is_imported_or_refused(noise: bytes, start: bytes) -> None:
    """Random bytes as a cfg are refused in one sentence, never with a crash."""
    _import(start + noise, 16)
