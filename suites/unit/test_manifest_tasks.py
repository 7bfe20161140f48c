"""Tasks beyond classification and detection in models.toml: data, limits, metrics, decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.datasets.catalog import load_dataset
from quantgate.decoders.image import ImageDecoder
from quantgate.decoders.protocol import Port
from quantgate.decoders.tensors import TensorsDecoder
from quantgate.entries import DatasetEntry
from quantgate.errors import DecoderError, ManifestError
from quantgate.manifest import load_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import ModelEntry

BASE = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.scenes]
kind = "digits"
[datasets.bare]
kind = "digits"
annotated = false
[models.m]
source = "m.onnx"
calibrate = "cal"
"""


def load(folder: Path, text: str) -> ModelEntry:
    """Load the one model of a manifest."""
    (folder / "m.onnx").touch()
    path = folder / "models.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_manifest(path).models["m"]


def problem(folder: Path, text: str) -> str:
    """Return the one problem of a manifest."""
    with pytest.raises(ManifestError) as caught:
        load(folder, text)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("task", "decoder"),
    [("generic", TensorsDecoder()), ("image_to_image", ImageDecoder())],
)
def test_a_task_with_one_decoder_need_not_name_it(
    tmp_path: Path, task: str, decoder: object
) -> None:
    """Where a task has one decoder only, an entry does without."""
    assert load(tmp_path, f'task = "{task}"\nevaluate = "bare"').decoder == decoder


def test_what_a_default_decoder_is_told_is_kept(tmp_path: Path) -> None:
    """The entry's own decoder wins over the task's."""
    text = 'task = "image_to_image"\nevaluate = "bare"\ndecoder = { kind = "image", scale = 1 }'
    assert load(tmp_path, text).decoder == ImageDecoder(scale=1)


@pytest.mark.parametrize("task", ["semantic_segmentation", "image_to_image", "classification"])
def test_images_without_their_annotations_serve_every_task(tmp_path: Path, task: str) -> None:
    """With annotated = false a dataset of another task can be judged by agreement and distance."""
    kind = {"semantic_segmentation": "class-map", "image_to_image": "image"}
    decoder = f'task = "{task}"\ndecoder = "{kind.get(task, "class-scores")}"\n'
    limit = "limits = { min_sqnr_db = 10 }\n"
    assert load(tmp_path, f'{decoder}{limit}evaluate = "bare"').task == task
    assert "expected a dataset for" in problem(tmp_path, f'{decoder}{limit}evaluate = "scenes"')


def test_accuracy_cannot_be_judged_without_annotations(tmp_path: Path) -> None:
    """A limit that compares with the truth is refused where the truth is left aside."""
    text = 'task = "detection"\ndecoder = "ssd"\nlimits = { max_accuracy_drop = 0.1 }\n'
    assert problem(tmp_path, f'{text}evaluate = "bare"') == (
        "models.m.limits.max_accuracy_drop: needs annotated images, but evaluate.dataset says "
        "annotated = false"
    )


def test_annotations_left_aside_are_gone(tmp_path: Path) -> None:
    """No truth and no class names are read, and the digest says so."""
    whole = load_dataset("d", DatasetEntry(kind="digits", count=3), tmp_path)
    bare = load_dataset("d", DatasetEntry(kind="digits", count=3, annotated=False), tmp_path)
    assert (whole.annotated, bare.annotated) == (True, False)
    assert (len(whole.labels), bare.labels) == (10, ())
    assert [sample.digest for sample in bare.samples] == [s.digest for s in whole.samples]
    assert bare.digest != whole.digest


def test_decibels_have_no_vacuous_drop(tmp_path: Path) -> None:
    """A drop of 1 is nothing that fractions could breach, but a real limit in dB."""
    (tmp_path / "images").mkdir()
    text = 'task = "detection"\ndecoder = "ssd"\nlimits = { max_accuracy_drop = 1 }\n'
    assert "nothing could breach it" in problem(tmp_path, f'{text}evaluate = "scenes"')
    text = 'task = "image_to_image"\nlimits = { min_psnr_db = 0 }\nevaluate = "bare"'
    assert "nothing could breach it" in problem(tmp_path, text)


def test_only_pictures_are_judged_by_psnr(tmp_path: Path) -> None:
    """A limit of another task is refused with those that the task judges."""
    text = 'task = "generic"\nevaluate = "bare"\nlimits = { min_psnr_db = 20 }'
    assert problem(tmp_path, text).startswith(
        "models.m.limits.min_psnr_db: cannot be judged by generic, which judges max_tensor_distance"
    )


def test_raw_outputs_pass_as_they_are() -> None:
    """Any outputs fit and come through untouched; only a name that is not there is refused."""
    outputs = {"a": np.arange(6).reshape(2, 3), "b": np.array([np.nan])}
    frame = Frame(image=(4, 4), model=(4, 4), scale=(1.0, 1.0), offset=(0.0, 0.0))
    decoder = TensorsDecoder(outputs=("b",))
    decoder.check([Port("a", (2, 3)), Port("b", (1,))])
    assert list(decoder.decode(outputs, frame).values) == ["b"]
    assert TensorsDecoder().decode(outputs, frame).values["a"] is outputs["a"]
    with pytest.raises(DecoderError, match="name b, which the model does not have"):
        decoder.check([Port("a", (2, 3))])
