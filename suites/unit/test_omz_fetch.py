from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from quantgate.decoders.catalog import DECODERS
from quantgate.engine.preprocess import prepare
from quantgate.entries import Preprocess
from quantgate.errors import SourceError, SourceUnavailableError, StackError, StoreError
from quantgate.sources.files import inspect
from quantgate.sources.omz import OmzPlan, fetch_omz, find_model, load_index
from quantgate.sources.omz.adapt import read
from quantgate.sources.omz.environment import OWN_PYTHON, OmzTools, create_tools, find_tools
from quantgate.sources.omz.fetch import OmzSource, is_fetched
from quantgate.sources.omz.index import CURRENT, OLDER, index_file
from quantgate.sources.omz.job import _DownloadRelay, _why_not_downloaded
from quantgate.sources.omz.knowledge import settings_of
from quantgate.sources.omz.running import ToolResult, run_tool
from quantgate.store import Store

RFB = "ultra-lightweight-face-detection-rfb-320"
HERE = OmzTools(Path(sys.executable))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty store."""
    return Store(tmp_path / "store")


@pytest.fixture
def tools(tmp_path: Path) -> OmzTools:
    """Give an environment that holds openvino-dev, or skip."""
    found = find_tools(find_model(RFB), tmp_path)
    if found is None:
        pytest.skip(f"openvino-dev is not installed here, and {OWN_PYTHON} is not set")
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Give omz_downloader's checksum cache with the one model that the real data hold."""
    root = os.environ.get("QUANTGATE_REAL")
    if not root:
        pytest.skip("QUANTGATE_REAL is not set: the model for the cache is not at hand")
    model = Path(root) / "models" / "det_ultraface" / "ultraface_rfb_320.onnx"
    digest = hashlib.sha384(model.read_bytes()).hexdigest()
    place = tmp_path / "cache" / "1" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True)
    shutil.copy(model, place)
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead every connection to a port where nobody listens."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def _outcome(*tail: str) -> ToolResult:
    return ToolResult(1, tail)


def test_index_holds_every_model() -> None:
    """The index names the 248 models of openvino-dev 2024.6, and 29 that were dropped before."""
    whole = Counter(model.release for model in load_index().values() if model.part_of is None)
    assert whole == {CURRENT: 248, OLDER: 29}


def test_index_is_what_openvino_dev_says(tools: OmzTools) -> None:
    """The index that is shipped equals what openvino-dev's own files say."""
    import subprocess

    from quantgate.sources.omz import extract

    printed = subprocess.run(
        [tools.python, extract.__file__], env=tools.environ(), capture_output=True, check=True
    )
    assert printed.stdout.decode() == index_file(CURRENT).read_text(encoding="utf-8")


def test_unknown_name_gets_the_nearest() -> None:
    """A name that Open Model Zoo does not have is answered with near ones."""
    with pytest.raises(SourceError, match=r"'yolo-v4tf'; did you mean 'yolo-v4-tf'"):
        find_model("yolo-v4tf")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "action-recognition-0001",
            "several networks: name one of action-recognition-0001-encoder",
        ),
        ("bert-small-uncased-whole-word-masking-squad-emb-int8-0001", "a quantized model cannot"),
    ],
)
def test_model_that_is_no_parent_is_refused(name: str, message: str, store: Store) -> None:
    """Composite and quantized models are refused before anything is fetched."""
    with pytest.raises(SourceError, match=message):
        fetch_omz(OmzSource(name), store, OmzPlan(offline=True))


def test_offline_names_the_command(store: Store) -> None:
    """Working offline, a model that is not in the store is unavailable."""
    with pytest.raises(SourceUnavailableError, match="run `quantgate fetch yolo-v4-tf`"):
        fetch_omz(OmzSource("yolo-v4-tf"), store, OmzPlan(offline=True))
    assert not store.root.exists()


def test_model_comes_from_the_cache(
    tools: OmzTools, cache: Path, store: Store, no_network: None
) -> None:
    """Without a network, a model whose file is in the cache is converted to an IR and kept."""
    del tools, no_network
    told: list[str] = []
    plan = OmzPlan(cache_dir=cache, tell=told.append)
    found = fetch_omz(OmzSource(RFB), store, plan)
    assert [path.name for path in sorted(found.parent.iterdir())] == [
        "entry.quantgate.json",
        f"{RFB}.bin",
        f"{RFB}.xml",
    ]
    assert len(told) == 1
    assert told[0].startswith(f"{RFB}: licence https://")
    shutil.rmtree(cache)
    assert fetch_omz(OmzSource(RFB), store, OmzPlan(offline=True, tell=told.append)) == found
    assert is_fetched(OmzSource(RFB), store)
    assert len(told) == 1


def test_converted_model_agrees_with_its_original(
    tools: OmzTools, cache: Path, store: Store
) -> None:
    """The IR, fed BGR bytes as they are, gives what the ONNX gives for normalized RGB."""
    del tools
    import numpy as np
    import openvino as ov

    core = ov.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    converted = fetch_omz(OmzSource(RFB), store, OmzPlan(cache_dir=cache, tell=logging.info))
    original = Path(os.environ["QUANTGATE_REAL"]) / "models/det_ultraface/ultraface_rfb_320.onnx"
    bgr = np.random.default_rng(0).integers(0, 256, (1, 3, 240, 320)).astype(np.float32)
    rgb = (bgr[:, ::-1] - 127) / 128
    actual = core.compile_model(converted, "CPU", options)(bgr)
    expected = core.compile_model(original, "CPU", options)(rgb)
    for name in ("boxes", "scores"):
        np.testing.assert_allclose(actual[name], expected[name], atol=1e-4)


def test_model_works_by_its_own_settings(tools: OmzTools, cache: Path, store: Store) -> None:
    """Fed and decoded as Open Model Zoo says, nothing stated by hand, the model finds the faces."""
    del tools
    import cv2
    import openvino as ov

    settings = settings_of(RFB)
    fetched = fetch_omz(OmzSource(RFB), store, OmzPlan(cache_dir=cache, tell=logging.info))
    model = ov.Core().compile_model(
        read(inspect(fetched)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    keys = dict(settings.decoder)
    decoder = DECODERS[keys.pop("kind")](**keys)
    picture = cv2.imread(str(Path(os.environ["QUANTGATE_REAL"]) / "images" / "faces.jpg"))
    assert picture is not None
    image, frame = prepare(picture, Preprocess(**settings.preprocess), (320, 240))
    outputs = model(image.transpose(2, 0, 1)[None].astype("float32"))
    raw = {port.any_name: value for port, value in outputs.items()}
    assert len(decoder.decode(raw, frame)) == 46


def test_damaged_cache_without_network_leaves_nothing(
    tools: OmzTools, cache: Path, store: Store, no_network: None
) -> None:
    """A damaged cached file is not used; without a network the model is unavailable."""
    del tools, no_network
    (file,) = (path for path in (cache / "1").glob("??/*") if path.is_file())
    file.write_bytes(b"x" * file.stat().st_size)
    waited: list[float] = []
    plan = OmzPlan(cache_dir=cache, attempts=2, sleep=waited.append)
    with pytest.raises(SourceUnavailableError, match=f"run `quantgate fetch {RFB}`"):
        fetch_omz(OmzSource(RFB), store, plan)
    assert waited == [0.5]
    assert [path for path in store.root.rglob("*") if path.name.startswith(RFB)] == []


def test_environment_cannot_be_made_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the tools cannot be fetched, the sentence names the command and nothing stays."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    pytest.importorskip("uv", reason="uv is not installed here")
    told: list[str] = []
    with pytest.raises(SourceUnavailableError, match="run `quantgate fetch yolof`"):
        create_tools(find_model("yolof"), tmp_path / "store", "quantgate fetch yolof", told.append)
    assert [line for line in told if line.startswith("yolof: making an environment with")]
    left = [path.name for path in (tmp_path / "store" / "environments").iterdir()]
    assert [name for name in left if not name.endswith(".lock")] == []


def test_named_interpreter_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The interpreter that QUANTGATE_OMZ_PYTHON names is used, and must exist."""
    monkeypatch.setenv(OWN_PYTHON, sys.executable)
    assert find_tools(find_model("yolof"), tmp_path) == HERE
    monkeypatch.setenv(OWN_PYTHON, str(tmp_path / "nothing"))
    with pytest.raises(StackError, match="must name an interpreter"):
        find_tools(find_model("yolof"), tmp_path)


def test_dropped_models_need_the_older_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A model that only openvino-dev 2023.3 knows is not looked for in a current environment."""
    monkeypatch.setenv(OWN_PYTHON, sys.executable)
    assert find_model("mobilenet-v2").framework == "caffe"
    assert find_tools(find_model("mobilenet-v2"), tmp_path) is None


def test_framework_that_is_gone_is_named(tmp_path: Path) -> None:
    """A model of a framework that no longer installs is refused, and says what to do."""
    with pytest.raises(SourceError, match="convert it elsewhere and name the IR"):
        find_tools(find_model("octave-resnet-26-0.25"), tmp_path)


def test_tools_see_their_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHONPATH does not leak into the tools, and their scripts come first on PATH."""
    monkeypatch.setenv("PYTHONPATH", "leak")
    environ = HERE.environ()
    assert "PYTHONPATH" not in environ
    assert environ["PATH"].split(os.pathsep)[0] == str(HERE.python.parent)


def test_lines_are_relayed_as_they_come() -> None:
    """Every line of a tool is relayed, standard error included, and its status is kept."""
    lines: list[str] = []
    outcome = run_tool(HERE, ["json.tool", "--no-such-option"], lines.append)
    assert outcome.status == 2
    assert outcome.tail == tuple(lines)
    assert "unrecognized arguments" in lines[-1]


def test_interrupted_tool_is_ended() -> None:
    """A tool does not outlive an interruption."""

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_tool(HERE, ["http.server", "--bind", "127.0.0.1", "0"], interrupt)
    assert time.monotonic() - started < 20


class _Spy:
    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def start(self, name: str, total: int) -> None:
        self.calls.append(("start", name, total))

    def advance(self, steps: int = 1) -> None:
        self.calls.append(("advance", steps))

    def close(self) -> None:
        self.calls.append(("close",))


def test_downloads_are_progress() -> None:
    """The downloader's events, cumulative for a file, become steps."""
    spy = _Spy()
    relay = _DownloadRelay("net", spy)
    for line in (
        '{"$type": "model_file_download_begin", "model_file": "a.bin", "size": 10}',
        '{"$type": "model_file_download_progress", "size": 4}',
        "not json",
        '{"$type": "model_file_download_progress", "size": 10}',
        '{"$type": "model_file_download_end", "successful": true}',
    ):
        relay(line)
    assert spy.calls == [("start", "net: a.bin", 10), ("advance", 4), ("advance", 6)]


def test_failed_download_is_explained() -> None:
    """A wrong checksum, a refusal, a full disk and no network are told apart."""
    model = find_model(RFB)
    mismatch = _outcome(
        '########## Error: Hash mismatch for "a.onnx"',
        "##########      Expected: aa",
        "##########      Actual:   bb",
    )
    assert "expected SHA-384 aa, found bb" in str(_why_not_downloaded(model, "fetch it", mismatch))
    gone = _outcome("requests.exceptions.HTTPError: 404 Client Error: Not Found for url: x")
    assert "its server refuses it" in str(_why_not_downloaded(model, "fetch it", gone))
    assert not isinstance(_why_not_downloaded(model, "fetch it", gone), SourceUnavailableError)
    dead = _outcome("requests.exceptions.ConnectionError: refused", "########## Error: failed")
    assert isinstance(_why_not_downloaded(model, "fetch it", dead), SourceUnavailableError)
    assert "(requests.exceptions.ConnectionError: refused)" in str(
        _why_not_downloaded(model, "fetch it", dead)
    )
    lost = _outcome(
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='a.org', port=443): Max "
        "retries exceeded with url: /m (Caused by NameResolutionError: no name)"
    )
    assert "cannot be downloaded (a.org cannot be reached); where" in str(
        _why_not_downloaded(model, "fetch it", lost)
    )
    with pytest.raises(StoreError, match="disk is full"):
        _why_not_downloaded(
            model, "fetch it", _outcome("OSError: [Errno 28] No space left on device")
        )
