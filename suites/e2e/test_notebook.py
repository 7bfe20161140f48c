"""The seven steps of the Open Model Zoo notebook with openvino-dev's own tools, from a server of this machine."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from suites.e2e import contracts, walks
from suites.e2e.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "ssd_mobilenet_v1_coco"
#: Open Model Zoo's description of the model, with another file: the archive of its size and checksum, at this address.
MODEL = """
description: stands in for the model of this name
task_type: detection
files:
  - name: {name}.tar.gz
    size: {size}
    checksum: {checksum}
    source: {site}/{name}.tar.gz
postprocessing:
  - $type: unpack_archive
    format: gztar
    file: {name}.tar.gz
input_info:
  - name: image_tensor
    shape: [1, 300, 300, 3]
    layout: NHWC
model_optimizer_args:
  - --reverse_input_channels
  - --output=DetectionOutput
  - --input_model=$dl_dir/{name}/inference_graph.onnx
framework: onnx
license: https://raw.githubusercontent.com/tensorflow/models/master/LICENSE
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Serve COCO's images and the model's archive."""
    if find_spec("omz_tools") is None:
        pytest.skip("openvino-dev is not installed: its tools are there on the second stack alone")
    root = tmp_path_factory.mktemp("web")
    walks.publish(root, root / "made")
    with walks.served(root) as address:
        yield root, address


@pytest.fixture
def walk(web: tuple[Path, str], tmp_path: Path) -> walks.Walk:
    """Put a reader into an empty folder, with tools whose zoo holds one model."""
    root, site = web
    about = MODEL.format(name=NAME, site=site, **archived(root))
    environ = {
        "QUANTGATE_OMZ_PYTHON": str(tools(tmp_path / "tools", about)),
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
    }
    (tmp_path / "work").mkdir()
    return walks.Walk(World(tmp_path, {}), tmp_path / "work", site, environ)


def archived(root: Path) -> dict[str, object]:
    """Publish the model as an archive; tell its size and checksum."""
    model, stream = contracts.ssd_onnx(bgr=False), io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(f"{NAME}/inference_graph.onnx")
        info.size = len(model)
        archive.addfile(info, io.BytesIO(model))
    data = stream.getvalue()
    (root / f"{NAME}.tar.gz").write_bytes(data)
    return {"size": len(data), "checksum": hashlib.sha384(data).hexdigest()}


def tools(folder: Path, about: str) -> Path:
    """Copy openvino-dev's tools beside a zoo of one model; give the interpreter that finds them there."""
    found = find_spec("omz_tools")
    assert found is not None
    (package,) = found.submodule_search_locations or [""]
    shutil.copytree(
        package, folder / "omz_tools", ignore=shutil.ignore_patterns("models", "__pycache__")
    )
    place = folder / "omz_tools" / "models" / "public" / NAME
    place.mkdir(parents=True)
    (place / "model.yml").write_text(about, encoding="utf-8")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (folder / "mo").symlink_to(Path(sys.executable).with_name("mo"))
    return python


def test_all_seven_steps(walk: walks.Walk) -> None:
    """Images and model are downloaded, the model converted, quantized, shown, judged and timed, as the page says."""
    walks.along(walk, "docs/open-model-zoo.md", until="## The same without a download")
    walk.run("show", NAME, "datasets/coco-val2017/images/000000000007.jpg", "--png")


def test_another_file_is_not_converted(walk: walks.Walk, web: tuple[Path, str]) -> None:
    """What has not the checksum of the zoo's description is refused, and nothing is kept of it."""
    file = web[0] / f"{NAME}.tar.gz"
    file.write_bytes(os.urandom(file.stat().st_size))
    ran = walk.world.run(walk.folder, "-m", "quantgate", "fetch", NAME, **walk.environ)

    assert ran.status == 1
    assert "expected SHA-384" in ran.said
    assert not list((walk.world.root / "store").rglob("*.xml"))
