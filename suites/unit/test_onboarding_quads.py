"""Regions of text and turned boxes that `init` recognizes: their form, their metric, the model that finds them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import Objects
from quantgate.datasets.digits import load
from quantgate.decoders.db import DbDecoder
from quantgate.entries import DatasetEntry
from quantgate.onboarding.guess import find
from quantgate.onboarding.hints import _of_ultralytics
from quantgate.onboarding.images import images_of
from quantgate.onboarding.init import _metric
from quantgate.onboarding.subject import subjects_of
from quantgate.store import Store
from quantgate.zoo.catalog import xml_path

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.onboarding.images import Images

FORMS = ("icdar", "icdar.json", "icdar.txt", "dota", "yolo-txt")


def lines(folder: Path, form: str) -> Path:
    """Write built-in lines and their corners as a user has them; give the annotations."""
    notes = folder / "notes"
    for place in (folder / "images", notes):
        place.mkdir(parents=True)
    listed = {}
    entry = DatasetEntry("digits", subject="lines", count=12, split="evaluate")
    for sample in load("d", entry, None).samples:
        name = sample.name.replace("/", "-")
        assert callable(sample.image)
        assert isinstance(sample.truth, Objects)
        assert sample.truth.quads is not None
        cv2.imwrite(str(folder / "images" / f"{name}.png"), sample.image())
        rows = sample.truth.quads.reshape(-1, 8).round(1).tolist()
        listed[f"{name}.png"] = [{"points": row, "transcription": "1"} for row in rows]
        said = {
            "icdar": [f"{','.join(map(str, row))},12" for row in rows],
            "dota": [f"{' '.join(map(str, row))} line 0" for row in rows],
            "yolo-txt": [f"0 {' '.join(str(value / 256) for value in row)}" for row in rows],
        }.get(form, [])
        (notes / f"{name}.txt").write_text("\n".join(said))
    if form == "icdar.json":
        (folder / "all.json").write_text(json.dumps(listed))
        return folder / "all.json"
    if form == "icdar.txt":
        told = [f"{name}\t{json.dumps(own)}\n" for name, own in listed.items()]
        (folder / "all.txt").write_text("".join(told))
        return folder / "all.txt"
    return notes


def recognized(tmp_path: Path, form: str) -> Images:
    """What `init` makes of them."""
    notes = lines(tmp_path, form)
    return images_of(tmp_path / "images", notes, None, tmp_path / "store")


@pytest.mark.parametrize("form", FORMS)
def test_annotations_are_recognized_by_their_form(tmp_path: Path, form: str) -> None:
    """Text files of numbers are told from each other; those of text are judged by h-mean."""
    found = recognized(tmp_path, form)
    kind = form.partition(".")[0]
    assert found.entry.kind == kind
    assert found.annotated("quads")
    truths = [sample.truth for sample in found.sets["quads"].samples]
    assert sum(len(truth) for truth in truths if isinstance(truth, Objects)) > 12
    assert _metric(found, "quads") == ("hmean" if kind == "icdar" else "")
    assert found.only_task == ("quads" if kind == "icdar" else None)


def test_a_detector_of_lines_is_recognized_by_them(tmp_path: Path) -> None:
    """Its one map is read as regions, fed as it was trained, because nothing else is annotated."""
    images = recognized(tmp_path, "icdar")
    for suffix in (".xml", ".bin"):
        source = xml_path("digits-quads").with_suffix(suffix)
        (tmp_path / f"own{suffix}").write_bytes(source.read_bytes())
    (subject,) = subjects_of(str(tmp_path / "own.xml"))
    guess = find(subject, images, Store(tmp_path / "store")).guess
    assert guess is not None
    assert guess.best.option.task == "quads"
    assert isinstance(guess.best.option.decoder, DbDecoder)
    assert guess.best.plan.colour == "rgb"
    assert np.mean(guess.best.plan.scale) > 30


def test_ultralytics_says_that_boxes_are_turned() -> None:
    """Its metadata name the task."""
    assert _of_ultralytics({"task": "obb", "stride": 32, "imgsz": [640, 640]})["task"] == "quads"
