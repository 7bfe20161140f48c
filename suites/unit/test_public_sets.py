"""Public sets of images, fetched from a server of the same layout on this machine."""

from __future__ import annotations

import functools
import http.server
import io
import json
import tarfile
import threading
import zipfile
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from quantgate.cli import main
from quantgate.datasets.catalog import load_dataset
from quantgate.manifest import load_manifest
from quantgate.onboarding.downloads import LOCK, drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Fetch = Callable[[str], tuple[int, str]]

WNID = "n02102040"


def encoded(seed: int, suffix: str) -> bytes:
    """A small picture, or a trimap of 1, 2 and 3."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
    data = cv2.imencode(suffix, pixels if suffix == ".jpg" else pixels[..., 0] % 3 + 1)[1]
    return bytes(data)


def packed(files: dict[str, bytes]) -> bytes:
    """A tar.gz of some files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def served() -> dict[str, bytes]:
    """Everything that the three sites have, by path."""
    names = [f"{k:012d}.jpg" for k in range(6)]
    document = {
        "licenses": [{"id": 1, "name": "Attribution License"}],
        "categories": [{"id": 1, "name": "cat"}],
        "images": [
            {"id": k, "file_name": name, "width": 16, "height": 12, "license": 1}
            for k, name in enumerate(names)
        ],
        "annotations": [
            {"id": k + 1, "image_id": k, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}
            for k in range(6)
        ],
    }  # fmt: skip
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("annotations/instances_val2017.json", json.dumps(document))
        archive.writestr("annotations/captions_val2017.json", "{}")
    pets = ["Birman_1", "pug_2", "pug_3"]
    return {
        "annotations/annotations_trainval2017.zip": stream.getvalue(),
        **{f"val2017/{name}": encoded(k, ".jpg") for k, name in enumerate(names)},
        "fast-ai-imageclas/imagenette2-320.tgz": packed(
            {f"imagenette2-320/val/{WNID}/a{k}.JPEG": encoded(k, ".jpg") for k in range(3)}
            | {f"imagenette2-320/train/{WNID}/b.JPEG": b"of another part"}
        ),
        "~vgg/data/pets/data/images.tar.gz": packed(
            {f"images/{name}.jpg": encoded(k, ".jpg") for k, name in enumerate(pets)}
        ),
        "~vgg/data/pets/data/annotations.tar.gz": packed(
            {f"annotations/trimaps/{name}.png": encoded(k, ".png") for k, name in enumerate(pets)}
            | {"annotations/trimaps/._pug_2.png": b"rubbish"}
        ),
    }


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves quietly, and counts what is asked."""

    asked: list[str]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Serve a file."""
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """Address, folder and requests of the server."""
    root = tmp_path / "site"
    for name, data in served().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    asked: list[str] = []
    handler = type("Counting", (Handler,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(root))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", root, asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(
    site: tuple[str, Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Fetch:
    """Run ``quantgate fetch --dataset`` from that server; give status and what was said."""

    def run(name: str) -> tuple[int, str]:
        output = str(tmp_path / "datasets")
        status = main(["fetch", "--dataset", name, "--mirror", site[0], "--output", output])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("coco-val2017:3", ("coco", 3)),
        ("imagenette-val:2", ("imagenet", 2)),
        ("oxford-pets", ("masks", 3)),
    ],
)
def test_a_set_is_ready_to_be_judged_on(
    fetch: Fetch, tmp_path: Path, name: str, found: tuple[str, int]
) -> None:
    """The line that is printed names a dataset with truth, the licence is said, and nothing else was kept."""
    status, said = fetch(name)
    line = next(line for line in said.splitlines() if line.startswith("datasets."))
    path = tmp_path / "models.toml"
    own = name.partition(":")[0]
    entry = (
        f'[models.m]\ntask = "generic"\nsource = "m.xml"\nevaluate = "{own}"\noptimized = "m.xml"\n'
    )
    path.write_text(f"{line}\n{entry}", "utf-8")
    (tmp_path / "m.xml").touch()
    dataset = load_manifest(path).datasets[own]

    assert status == 0
    assert "licence: " in said
    loaded = load_dataset(own, dataset, tmp_path)
    assert (dataset.kind, len(loaded)) == found
    assert loaded.annotated


def test_the_second_run_asks_nobody_and_says_so(
    fetch: Fetch, site: tuple[str, Path, list[str]]
) -> None:
    """What is here is not fetched again; a larger draw fetches the difference alone."""
    fetch("coco-val2017:3")
    before = len(site[2])
    _, again = fetch("coco-val2017:3")
    assert len(site[2]) == before
    assert "4 files were here already, 0 fetched" in again

    _, more = fetch("coco-val2017:5")
    assert "4 files were here already, 2 fetched" in more


def test_a_file_that_changed_on_the_server_is_refused(
    fetch: Fetch, site: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    """The lock file pins what was fetched first, even where the file itself is gone."""
    fetch("coco-val2017:6")
    name = "000000000002.jpg"
    (site[1] / "val2017" / name).write_bytes(encoded(99, ".jpg"))
    (tmp_path / "datasets" / "coco-val2017" / "images" / name).unlink()

    status, said = fetch("coco-val2017:6")

    assert status == 1
    assert "has pinned" in said
    assert LOCK in said
    assert not list((tmp_path / "datasets").rglob("*.part"))


def test_a_file_that_was_damaged_here_is_fetched_again(fetch: Fetch, tmp_path: Path) -> None:
    """What does not have its checksum any more is not used."""
    fetch("coco-val2017:6")
    path = tmp_path / "datasets" / "coco-val2017" / "images" / "000000000002.jpg"
    path.write_bytes(b"damaged")

    status, said = fetch("coco-val2017:6")

    assert status == 0
    assert "6 files were here already, 1 fetched" in said
    assert path.read_bytes() == encoded(2, ".jpg")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("coco-val2071", "did you mean coco-val2017?"),
        ("coco-val2017:many", "with a number of images, found 'many'"),
        ("coco-val2017:0", "with a number of images, found '0'"),
    ],
)
def test_another_name_or_number_is_refused(fetch: Fetch, name: str, said: str) -> None:
    """Exit status 4, and what is meant most likely."""
    status, found = fetch(name)

    assert status == 4
    assert said in found


def test_an_archive_of_something_else_is_refused(
    fetch: Fetch, site: tuple[str, Path, list[str]]
) -> None:
    """One sentence that names the file and what to do."""
    (site[1] / "annotations" / "annotations_trainval2017.zip").write_bytes(b"<html>moved</html>")

    status, said = fetch("coco-val2017:3")

    assert status == 1
    assert "is not the archive that is expected" in said


def test_a_larger_draw_holds_every_smaller_one() -> None:
    """So that a longer test goes on from a shorter one, and another seed draws others."""
    names = [f"{k}.jpg" for k in range(50)]

    assert set(drawn(names, 5, 1)) < set(drawn(names, 20, 1))
    assert drawn(names, 5, 1) != drawn(names, 5, 2)
    assert drawn(names, None, 0) == sorted(names)
