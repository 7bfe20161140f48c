"""What a model is taken for: guesses that are right, and marked where nothing decides them."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from quantgate.decoders.protocol import Port
from quantgate.errors import UsageError
from quantgate.manifest import load_manifest
from quantgate.onboarding.entry import entry_text
from quantgate.onboarding.guess import find, look
from quantgate.onboarding.hints import hints_of
from quantgate.onboarding.images import as_identities, images_of
from quantgate.onboarding.init import described
from quantgate.onboarding.manifests import written
from quantgate.onboarding.options import options_for, tables_of
from quantgate.onboarding.subject import subjects_of
from quantgate.store import Store
from suites.e2e import squares
from suites.onnx_files import network, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.engine.worker.client import Step
    from quantgate.onboarding.guess import Found

ULTRALYTICS = {"task": "detect", "stride": "32", "imgsz": "[128, 128]", "names": "{0: 'red'}"}


def found(folder: Path, annotations: str | None = "truth.json") -> Found:
    """Guess own.onnx on the folder's images."""
    (subject,) = subjects_of(str(folder / "own.onnx"))
    truth = None if annotations is None else folder / annotations
    images = images_of(folder / "images", truth, None, folder / "store")
    return find(subject, images, Store(folder / "store"))


class Here:
    """Calls what a worker would call, in this process."""

    def call(self, _: Step, function: Callable[..., object], *args: object) -> object:
        """Call it."""
        return function(*args)


@pytest.mark.parametrize("bgr", [False, True])
def test_annotations_tell_how_a_model_is_fed(tmp_path: Path, bgr: bool) -> None:  # noqa: FBT001
    """The planted order of colours and scale are found, and the colour is sure."""
    squares.make(tmp_path, images=16, bgr=bgr)

    guess = found(tmp_path).guess

    assert guess is not None
    best = guess.best
    assert (best.option.task, best.option.kind) == ("detection", "yolo-v8")
    assert (best.plan.colour, best.plan.scale) == ("bgr" if bgr else "rgb", 255)
    assert "colour" in guess.evidence
    assert "all" not in guess.unsure


def test_without_annotations_feeding_is_marked(tmp_path: Path) -> None:
    """A network may be steadier fed wrongly: colour, scale and resize are not sure."""
    squares.make(tmp_path, images=12)

    guess = found(tmp_path, None).guess

    assert guess is not None
    assert guess.best.option.kind == "yolo-v8"
    assert {"colour", "mean", "resize"} <= guess.unsure.keys()


def test_annotations_of_other_images_are_marked(tmp_path: Path) -> None:
    """Where nothing fits what is annotated, the whole guess is unsure."""
    squares.make(tmp_path, images=16)
    document = json.loads((tmp_path / "truth.json").read_text("utf-8"))
    for row in document["annotations"]:
        row["image_id"] = (row["image_id"] + 5) % 16
    (tmp_path / "truth.json").write_text(json.dumps(document), "utf-8")

    guess = found(tmp_path).guess

    assert guess is not None
    assert "all" in guess.unsure


def test_what_metadata_says_is_believed(tmp_path: Path) -> None:
    """Colour, scale and resize of Ultralytics' metadata are sure without an annotation, and named."""
    squares.make(tmp_path, images=8, metadata=ULTRALYTICS)

    guess = found(tmp_path, None).guess

    assert guess is not None
    assert (guess.best.plan.colour, guess.best.plan.scale) == ("rgb", 255)
    assert guess.evidence["colour"] == "its ONNX metadata"
    assert not {"colour", "mean", "resize"} & guess.unsure.keys()


def test_a_preprocessor_configuration_is_read(tmp_path: Path) -> None:
    """Hugging Face's mean and deviation of 0..1 become those of 0..255."""
    told = {
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.2, 0.2],
        "size": {"shortest_edge": 256},
        "crop_size": {"height": 224, "width": 224},
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told), "utf-8")

    values = hints_of(tmp_path / "model.onnx").values

    assert values["mean"] == (127.5, 102.0, 76.5)
    assert values["scale"] == 51.0
    assert (values["resize"], values["short_side"], values["size"]) == ("crop", 256, (224, 224))


def test_classes_are_found_by_name() -> None:
    """A model of other classes than are annotated is renamed; the same order needs no table."""
    labels = ("person", "dining table", "car")

    assert tables_of([("background", "Car", "diningtable", "person")], labels) == [(-1, 2, 1, 0)]
    assert tables_of([labels], labels) == []
    assert tables_of([("cat", "dog")], labels) == []


def test_a_model_of_another_domain_is_refused(tmp_path: Path) -> None:
    """What its inputs are is said, and two ways on."""
    squares.make(tmp_path, images=4)
    nodes = [node("Relu", ["tokens"], "scores")]
    (tmp_path / "own.onnx").write_bytes(
        network(nodes, {}, (("tokens", [1, 128]), ("scores", [1, 128])))
    )

    with pytest.raises(UsageError, match=r"no single picture.*Next: .*; or give") as caught:
        found(tmp_path)
    assert "tokens [1,128]" in str(caught.value)


def test_where_nothing_fits_raw_outputs_are_compared(tmp_path: Path) -> None:
    """The entry says so, and loads."""
    squares.make(tmp_path, images=6)
    nodes = [node("Reshape", ["images", "shape"], "odd")]
    constants = {"shape": np.array([4, 3, 2, 2, 1024], np.int64)}
    (tmp_path / "own.onnx").write_bytes(
        network(nodes, constants, (("images", [1, 3, 128, 128]), ("odd", [4, 3, 2, 2, 1024])))
    )
    (subject,) = subjects_of(str(tmp_path / "own.onnx"))

    given = (tmp_path / "images", None, None)
    draft = described(subject, given, (Store(tmp_path / "store"), Here())).draft  # type: ignore[arg-type]
    text = entry_text(draft, tmp_path)

    assert tomllib.loads(text)["models"]["own"]["task"] == "generic"
    assert "# unsure: all: no decoder reads the outputs" in text


def test_without_images_the_graph_alone_is_told(tmp_path: Path) -> None:
    """Shapes, and what they may be."""
    squares.make(tmp_path, images=1)
    (subject,) = subjects_of(str(tmp_path / "own.onnx"))

    said, kinds = look(subject, Store(tmp_path / "store"))

    assert "images [1,3,128,128]" in said
    assert "detection (yolo-v8)" in kinds


def test_an_entry_has_at_most_twelve_lines(tmp_path: Path) -> None:
    """However much is unsure."""
    squares.make(tmp_path, images=6)
    (subject,) = subjects_of(str(tmp_path / "own.onnx"))
    given = (tmp_path / "images", None, None)
    made = described(subject, given, (Store(tmp_path / "store"), Here()))  # type: ignore[arg-type]

    text = entry_text(made.draft, tmp_path)

    assert len(text.splitlines()) <= 12
    assert text.count("# unsure: ") >= 2


def test_models_of_a_folder_share_their_images(tmp_path: Path) -> None:
    """Two entries of one folder have names of their own and one dataset, in a manifest that loads."""
    squares.make(tmp_path, images=6)
    (subject,) = subjects_of(str(tmp_path / "own.onnx"))
    given = (tmp_path / "images", tmp_path / "truth.json", None)
    made = described(subject, given, (Store(tmp_path / "store"), Here()))  # type: ignore[arg-type]

    drafts = written([made.draft, made.draft], tmp_path / "models.toml")
    manifest = load_manifest(tmp_path / "models.toml")

    assert [draft.subject.name for draft in drafts] == ["own", "own-2"]
    assert list(manifest.models) == ["own", "own-2"]
    assert len(manifest.datasets) == 1


@pytest.mark.parametrize("name", ["detector.onxn", "yolox-tny"])
def test_what_is_neither_file_nor_name_is_refused(name: str) -> None:
    """What may be given is listed."""
    with pytest.raises(UsageError, match="is neither a file nor a model of Open Model Zoo"):
        subjects_of(name)


def test_a_folder_without_images_says_what_is_in_it(tmp_path: Path) -> None:
    """Other kinds of pictures are named by their suffixes."""
    (tmp_path / "scan.dcm").write_bytes(b"x")

    with pytest.raises(UsageError, match=r"holds no image that is read .* 1 other files \(\.dcm\)"):
        images_of(tmp_path, None, None, tmp_path)


def test_words_and_their_symbols_are_recognized(tmp_path: Path) -> None:
    """A label file of words is one, and a dictionary beside the model has the channels that the outputs have."""
    folder = tmp_path / "words"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.full((16, 64, 3), len(name), np.uint8))
    labels = folder / "labels.txt"
    labels.write_text("a.png\tExit\nb.png\t27\n", encoding="utf-8")
    assert images_of(folder, labels, None, tmp_path).entry.kind == "text"
    labels.write_text('a.png, "27"\nb.png, "28"\n', encoding="utf-8")
    assert images_of(folder, labels, None, tmp_path).entry.kind == "text"
    (tmp_path / "my_dict.txt").write_text("\n".join("abcdefghijkl"), encoding="utf-8")
    hints = hints_of(tmp_path / "model.xml")
    found = options_for([Port("out", (1, 40, 14))], priors=(), symbols=hints.symbols, labels=0)
    read = [one.decoder for one in found if one.kind == "ctc"]
    assert {getattr(one, "blank", None) for one in read} == {"first", "last"}
    assert {getattr(one, "characters", None) for one in read} == {tmp_path / "my_dict.txt"}


def test_identities_are_recognized(tmp_path: Path) -> None:
    """By queries and gallery, by names, by lists of pairs; folders are classes unless a model gives longer vectors."""

    def kind(folder: Path, text: str = "") -> str:
        listed = tmp_path / "list.csv"
        listed.write_text(text, encoding="utf-8")
        return images_of(folder, listed if text else None, None, tmp_path).entry.kind

    for name in (
        "market/query/0001_c1s1_1_00.png",
        "market/gallery/0001_c2s1_1_00.png",
        "named/7_c1_1.png",
        "named/8_c2_1.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8, 3), len(name), np.uint8))
    for name in ("ann/a.png", "ann/b.png", "bob/c.png"):
        path = tmp_path / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8, 3), ord(name[4]), np.uint8))

    faces = tmp_path / "faces"
    assert kind(tmp_path / "market") == kind(tmp_path / "named") == "identities"
    assert kind(faces, "ann/a.png ann/b.png 1\nann/a.png bob/c.png 0\n") == "identities"
    assert (
        kind(faces, "image,identity\nann/a.png,ann\nann/b.png,ann\nbob/c.png,bob\n") == "identities"
    )
    assert kind(faces) == "imagenet"
    images = images_of(faces, None, None, tmp_path)
    assert as_identities(images, [Port("out", (1, 128))], tmp_path).only_task == "embedding"
    assert as_identities(images, [Port("out", (1, 2))], tmp_path) is images
    assert as_identities(images, [Port("out", (1, 1000))], tmp_path) is images
