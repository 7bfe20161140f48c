from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import SourceUnavailableError
from quantgate.sources.catalog import fetch, is_here
from quantgate.sources.hf import HfSource
from quantgate.sources.kind import RemotePlan
from quantgate.sources.omz.fetch import OmzSource
from quantgate.sources.url import UrlSource
from quantgate.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.sources.catalog import AnySource

ANYWHERE = "0" * 64


@pytest.mark.parametrize(
    "source",
    [
        UrlSource("https://example.org/model.onnx", ANYWHERE),
        OmzSource("yolo-v4-tf"),
        HfSource("organisation/repository", "model.onnx", ANYWHERE[:40]),
    ],
    ids=["url", "omz", "hf"],
)
def test_offline_names_the_entry(source: AnySource, tmp_path: Path) -> None:
    """Offline, every kind of source that is not here names the command that fetches the entry."""
    if isinstance(source, HfSource):
        pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    store = Store(tmp_path)
    assert not is_here(source, store)
    with pytest.raises(SourceUnavailableError, match="run `quantgate fetch net`"):
        fetch(source, store, RemotePlan("net", offline=True))


def test_fetched_file_is_inspected(tmp_path: Path) -> None:
    """A fetched model comes with its files and their digest, like a local one."""
    model = tmp_path / "model.tflite"
    model.write_bytes(b"weights")
    source = UrlSource(model.as_uri(), hashlib.sha256(b"weights").hexdigest())
    store = Store(tmp_path / "store")
    found = fetch(source, store, RemotePlan("net"))
    assert (found.path.read_bytes(), found.form) == (b"weights", "TensorFlow Lite")
    assert is_here(source, store)
