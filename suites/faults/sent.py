"""What servers, exporters and killed runs send us: answers, ONNX files, the parts of a run."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from quantgate.errors import SourceError, SourceUnavailableError
from quantgate.report.codec import encode
from quantgate.report.model import Judged, ModelReport, Problem, state_gate
from quantgate.report.words.verdicts import state_word
from quantgate.run import RunFolder, sealed
from quantgate.session.recover import recover_run
from quantgate.session.states import note_begin, note_end, note_tests
from quantgate.sources.url import FetchPlan, UrlSource, fetch_url
from quantgate.store import Store
from suites.conftest import make_sample
from suites.faults.formats import Border
from suites.faults.kept import read_apart
from suites.onnx_files import INSIDE, onnx_model, outside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = bytes(range(256)) * 8
SHA256 = hashlib.sha256(BODY).hexdigest()
#: Bytes that an earlier attempt has left.
HAVE = 100
_HEAD = b"Server: a\r\nDate: Mon, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/octet-stream\r\n"
ANSWERS = {
    "whole.bin": b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (_HEAD, len(BODY), BODY),
    "rest.bin": b"HTTP/1.1 206 Partial Content\r\n%sContent-Range: bytes %d-%d/%d\r\n\r\n%s"
    % (_HEAD, HAVE, len(BODY) - 1, len(BODY), BODY[HAVE:]),
    "chunks.bin": b"HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (_HEAD, len(BODY), BODY),
    "busy.bin": b"HTTP/1.1 503 Service Unavailable\r\n%sRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    % _HEAD,
    "beyond.bin": b"HTTP/1.1 416 Range Not Satisfiable\r\n%sContent-Range: bytes */%d\r\n\r\n"
    % (_HEAD, HAVE),
}


def _answers(folder: Path) -> list[Path]:
    for name, answer in ANSWERS.items():
        (folder / name).write_bytes(answer)
    return [folder / name for name in ANSWERS]


def _download(folder: Path) -> Any:
    """Fetch every file from a server that answers with its bytes, status line and all."""
    with _server(folder) as port, patch.dict(os.environ, {"no_proxy": "127.0.0.1"}):
        return [_fetched(folder, name, port) for name in ANSWERS]


def _fetched(folder: Path, name: str, port: int) -> str:
    store = Store(folder / "stores" / name)
    if name in {"rest.bin", "beyond.bin"}:
        (store.root / "partial").mkdir(parents=True)
        (store.root / "partial" / SHA256).write_bytes(BODY[:HAVE])
    plan = FetchPlan(attempts=2, timeout_s=5.0, max_bytes=1 << 20, sleep=lambda _: None)
    source = UrlSource(f"http://127.0.0.1:{port}/{name}", SHA256)
    try:
        return hashlib.sha256(fetch_url(source, store, plan).read_bytes()).hexdigest()
    except (SourceError, SourceUnavailableError):
        if name not in {"busy.bin", "beyond.bin"}:
            raise
        return "refused"


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    """Answer each request with the bytes of the file that it names."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                connection, _ = listening.accept()
                with connection:
                    asked = connection.recv(4096).split(b" ")
                    if len(asked) > 1:
                        name = asked[1].decode().rpartition("/")[2]
                        connection.sendall((folder / name).read_bytes())

        thread = threading.Thread(target=serve)
        thread.start()
        port: int = listening.getsockname()[1]
        try:
            yield port
        finally:
            over.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def _onnx(folder: Path) -> list[Path]:
    (folder / "m.onnx").write_bytes(onnx_model(INSIDE))
    (folder / "beside.onnx").write_bytes(onnx_model(outside("w.bin")))
    (folder / "w.bin").write_bytes(np.array([1, 2], np.float32).tobytes())
    return [folder / "m.onnx", folder / "beside.onnx"]


def _read_onnx(folder: Path) -> Any:
    return [read_apart(folder / name) for name in ("m.onnx", "beside.onnx")]


def _parts(folder: Path) -> list[Path]:
    """Make a run that was killed: everything is judged, and nothing reported."""
    run = RunFolder(folder / "run")
    run.open()
    report = make_sample(run.directory, images=2).report
    models = tuple(ModelReport(model.id, model.task, facts=model.facts) for model in report.models)
    (run.parts / "begun.json").write_bytes(sealed(encode(replace(report, models=models))))
    whole = Problem(models[0].id, "integrity", "passed", "quantized")
    all_states: tuple[Judged | Problem, ...] = (*report.judged, whole)
    states = {f"t.py::test[{i}]": state for i, state in enumerate(all_states)}
    note_tests(run, {test: state_gate(state) for test, state in states.items()})
    for test, state in states.items():
        note_begin(run, test, state_gate(state))
        note_end(run, test, state)
    for model in models:
        run.keep(model.id, "facts", {"facts": encode(model.facts)})
    damaged = [path for path in run.parts.rglob("*") if path.is_file()]
    planted = [[*state_gate(state), state_word(state)] for state in states.values()]
    lines = sum(path.read_bytes().count(b"\n") for path in run.parts.glob("*.jsonl"))
    (folder / "planted.json").write_text(json.dumps({"states": planted, "lines": lines}))
    results = run.directory / "allure-results"
    results.mkdir()
    (results / "run-result.json").write_text('{"name": "test[0]", "start": 1, "labels": []}')
    return [*damaged, results / "run-result.json"]


def _recover(folder: Path) -> Any:
    """Recover it: a gate is as it was judged, or said to be missing; never anything else."""
    lines = [path.read_bytes() for path in (folder / "run" / "parts").glob("*.jsonl")]
    report = recover_run(folder / "run")
    told = {state_gate(state): state_word(state) for state in report.states}
    read = json.loads((folder / "planted.json").read_text())
    planted = {(model, gate): word for model, gate, word in read["states"]}
    wrong = {gate: word for gate, word in told.items() if word not in {planted[gate], "unjudged"}}
    assert not wrong, f"taken for a verdict: {wrong}"
    # Whole lines that are gone look as if the run had died before it wrote them: unjudged, and so told.
    whole = sum(data.count(b"\n") for data in lines) >= read["lines"]
    cut = not whole or not all(data.endswith(b"\n") for data in lines)
    assert cut or told == planted or report.notes, "left out without a word"
    return len(told)


#: What comes from elsewhere, or is left by a run that had no time.
SENT: dict[str, Border] = {
    "HTTP answers": Border(_answers, _download, same=True),
    "ONNX": Border(_onnx, _read_onnx),
    "parts of a run": Border(_parts, _recover),
}
