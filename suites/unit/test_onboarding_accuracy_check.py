"""Entries by accuracy_check's own configuration: fed, read and judged as it says."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantgate.decoders.protocol import Port
from quantgate.errors import UsageError
from quantgate.manifest import load_manifest
from quantgate.onboarding.accuracy_check import reading_of, settings_by, told_by
from quantgate.onboarding.entry import entry_text
from quantgate.onboarding.init import described
from quantgate.onboarding.subject import subjects_of
from quantgate.sources.omz.index import CURRENT, load_index
from quantgate.sources.omz.knowledge import settings_of
from quantgate.store import Store
from suites.e2e import squares
from suites.onnx_files import network, node
from suites.unit.test_onboarding import Here

if TYPE_CHECKING:
    from quantgate.onboarding.init import Result

ONE = """
models:
  - name: own
    launchers:
      - framework: openvino
        model: own.onnx
        adapter: {adapter}
    datasets:
      - name: shop
        data_source: images
        annotation_conversion: {{ converter: mscoco_detection, annotation_file: truth.json }}
        reader: pillow_imread
        preprocessing:
          - {{ type: resize, size: 128 }}
          - {{ type: normalization, mean: "123.675, 116.28, 103.53", std: "58.4, 57.1, 57.4" }}
        metrics:
          - {{ type: accuracy, top_k: 5, reference: 0.9 }}
"""


def made(folder: Path, adapter: str) -> Result:
    """Write the file, and describe the model that it names by it."""
    (folder / "accuracy-check.yml").write_text(ONE.format(adapter=adapter), encoding="utf-8")
    told = told_by(folder / "accuracy-check.yml", None)
    assert told.model is not None
    assert told.images is not None
    (subject,) = subjects_of(str(told.model))
    given = (told.images, told.annotations, None)
    return described(subject, given, (Store(folder / "store"), Here()), told)  # type: ignore[arg-type]


def test_the_entry_is_what_the_file_says(tmp_path: Path) -> None:
    """Adapter, colours and normalization become an entry that loads; nothing of them is guessed."""
    squares.make(tmp_path, images=6)
    nodes = [
        node("GlobalAveragePool", ["images"], "mean"),
        node("Flatten", ["mean"], "scores"),
    ]
    (tmp_path / "own.onnx").write_bytes(
        network(nodes, {}, (("images", [1, 3, 128, 128]), ("scores", [1, 3])))
    )

    result = made(tmp_path, "classification")
    (tmp_path / "models.toml").write_text(entry_text(result.draft, tmp_path), encoding="utf-8")
    entry = load_manifest(tmp_path / "models.toml").models["own"]

    assert result.found is None
    assert (entry.task, entry.decoder.kind) == ("classification", "class-scores")
    assert entry.preprocess.colour == "rgb"
    assert entry.preprocess.mean == (123.675, 116.28, 103.53)
    assert entry.preprocess.scale == (58.4, 57.1, 57.4)
    assert entry.published["top5"].value == 0.9
    assert "accuracy-check.yml: adapter classification" in entry_text(result.draft, tmp_path)


def test_an_adapter_without_a_decoder_leaves_the_feeding(tmp_path: Path) -> None:
    """The decoder is searched for, and colour, mean and scale are taken as they stand."""
    squares.make(tmp_path, images=6)

    result = made(tmp_path, "yolo_v8_detection")
    entry = tomllib.loads(entry_text(result.draft, tmp_path))["models"]["own"]

    assert entry["decoder"] == "yolo-v8"
    assert "resize" not in entry["preprocess"], "stretched, which is the default, as the file says"
    assert entry["preprocess"]["colour"] == "rgb"
    assert entry["preprocess"]["mean"] == [123.675, 116.28, 103.53]


def test_what_a_decoder_refuses_is_not_left_out(tmp_path: Path) -> None:
    """A value that cannot be is named with its place, and no entry is written without it."""
    squares.make(tmp_path, images=6)
    file = tmp_path / "accuracy-check.yml"
    file.write_text(ONE.format(adapter="{ type: image_processing, std: -1 }"), encoding="utf-8")
    told = told_by(file, None)
    settings = settings_by(told, (Port("images", (1, 3, 128, 128)),))

    with pytest.raises(UsageError, match=r"yml: own amounts to decoder.scale: .*-1") as caught:
        reading_of(told, settings)

    assert "leave --from out" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("models: [", "own", "is no YAML: while parsing"),
        ("- 1", "own", "expected accuracy_check's `models`, found none"),
        (ONE.format(adapter="ssd").replace("openvino", "caffe"), "own", "nothing in it runs own by OpenVINO"),
        ("models: [{name: a}, {name: b}]", "own", "describes a, b: the name of MODEL has to be one of them"),
    ],
)  # fmt: skip
def test_a_file_that_says_nothing_is_refused(
    tmp_path: Path, text: str, name: str, said: str
) -> None:
    """In one sentence, with the file."""
    file = tmp_path / "accuracy-check.yml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=r"--from .*accuracy-check\.yml") as caught:
        told_by(file, name)

    assert said in str(caught.value)


def test_the_files_of_open_model_zoo_give_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Of every file that openvino-dev ships the answer is that of `source = { omz = … }`."""
    found = importlib.util.find_spec("omz_tools")
    if found is None:
        pytest.skip("openvino-dev is not installed: its files are there on the second stack alone")
    models = Path(next(iter(found.submodule_search_locations or []))) / "models"
    same = 0
    for file in sorted(models.rglob("accuracy-check.yml")):
        known = load_index().get(file.parent.name)
        if known is None or known.release != CURRENT or not known.accuracy.get("adapter"):
            continue
        ports = [Port(one.name, one.shape) for one in known.inputs]
        read = settings_by(told_by(file, known.name), ports)
        own = settings_of(known.name)
        if own.support == "task":
            keys = ("task", "decoder", "preprocess", "notes")
            assert [getattr(read, key) for key in keys] == [getattr(own, key) for key in keys], (
                known.name
            )
            same += 1
    with capsys.disabled():
        print(f"\n{same} accuracy-check.yml read as the built-in knowledge")  # noqa: T201
    assert same >= 150
