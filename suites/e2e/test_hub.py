"""A model of a Hugging Face repository, from a server of the same layout on this machine."""

from __future__ import annotations

import http.server
import json
import threading
import tomllib
from typing import TYPE_CHECKING

import pytest

from suites.e2e import squares

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from suites.e2e.world import World

SHA = "0123456789" * 4
CONFIGURATION = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1], "size": {"height": 128, "width": 128}}  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """Address of a hub with one repository: a detector and its preprocessor's configuration."""
    model = squares.make(tmp_path)
    files = {
        "onnx/model.onnx": model.read_bytes(),
        "preprocessor_config.json": json.dumps(CONFIGURATION).encode(),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers as the hub does."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            """Tell of a file."""
            self.answer(body=False)

        def do_GET(self) -> None:
            """Give a file, or what there is."""
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            """Find what is asked."""
            told = {"id": "me/squares", "sha": SHA, "siblings": [{"rfilename": f} for f in files]}
            data = files.get(self.path.partition(f"/resolve/{SHA}/")[2])
            if self.path.startswith("/api/models/me/squares"):
                data = json.dumps(told).encode()
            self.send_response(200 if data is not None else 404)
            if data is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", SHA)
            self.send_header("ETag", f'"{abs(hash(self.path)):x}"')
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            if body and data is not None:
                self.wfile.write(data)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_repository_is_described(world: World, tmp_path: Path, hub: str) -> None:
    """The model is fetched and pinned to its commit, and what its repository says is believed."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    ran = world.run(
        tmp_path,
        *("-m", "quantgate", "init", "me/squares"),
        *("--images", "images", "--annotations", "truth.json"),
        HF_ENDPOINT=hub,
        HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_OFFLINE="0",
    )

    assert ran.status == 0, ran.said
    text = (tmp_path / "models.toml").read_text("utf-8")
    entry = tomllib.loads(text)["models"]["squares"]
    assert entry["source"] == {"hf": "me/squares", "file": "onnx/model.onnx", "revision": SHA}
    assert (entry["preprocess"]["colour"], entry["preprocess"]["scale"]) == ("rgb", 255)
    assert "preprocessor_config.json" in text
    assert "limits" in entry
