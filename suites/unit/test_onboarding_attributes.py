"""Several heads that `init` recognizes: tables of attributes, and which output tells which column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import pytest

from quantgate.core.predictions import Facts
from quantgate.datasets.digits import load
from quantgate.decoders.heads import HeadsDecoder
from quantgate.decoders.protocol import Port
from quantgate.entries import DatasetEntry
from quantgate.onboarding.guess import find
from quantgate.onboarding.heads import described
from quantgate.onboarding.images import images_of
from quantgate.onboarding.subject import subjects_of
from quantgate.store import Store
from quantgate.zoo.catalog import xml_path

if TYPE_CHECKING:
    from pathlib import Path


def digits(folder: Path) -> None:
    """Write built-in images and a table of what they show, as a user has them."""
    entry = DatasetEntry("digits", subject="marks", count=24, split="evaluate")
    (folder / "images").mkdir()
    rows = ["image,number,height"]
    for sample in load("d", entry, None).samples:
        name = sample.name.replace("/", "-") + ".png"
        assert callable(sample.image)
        assert isinstance(sample.truth, Facts)
        cv2.imwrite(str(folder / "images" / name), sample.image())
        told = dict(sample.truth.cells)
        rows.append(f"{name},{told['digit']},{told['height']}")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")


def test_a_table_is_recognized_by_its_columns(tmp_path: Path) -> None:
    """A csv of an image and two columns is a table; of one column of words it is text, as before."""
    digits(tmp_path)
    images = images_of(tmp_path / "images", tmp_path / "table.csv", None, tmp_path / "store")
    assert images.entry.kind == "table"
    assert images.annotated("attributes")
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    (tmp_path / "words.csv").write_text(
        "\n".join(["filename,words", *(f"{one},abc" for one in names)])
    )
    words = images_of(tmp_path / "images", tmp_path / "words.csv", None, tmp_path / "store")
    assert words.entry.kind == "text"
    boxed = ["image,x0,y0,x1,y1,age", *(f"{one},1,1,20,20,{k}" for k, one in enumerate(names))]
    (tmp_path / "boxed.csv").write_text("\n".join(boxed))
    found = images_of(tmp_path / "images", tmp_path / "boxed.csv", None, tmp_path / "store")
    assert found.entry.region is not None
    header = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax"
    rows = [f"{one.removesuffix('.png')},x,/m/1,1,0.1,0.5,0.1,0.5" for one in names]
    (tmp_path / "open.csv").write_text("\n".join([header, *rows]))
    opened = images_of(tmp_path / "images", tmp_path / "open.csv", None, tmp_path / "store")
    assert opened.entry.kind == "open-images"


@pytest.mark.parametrize("annotated", [True, False])
def test_a_model_of_several_heads_is_recognized(tmp_path: Path, annotated: bool) -> None:  # noqa: FBT001
    """Its outputs are heads; with a table they have the names of its columns, and a value is brought to its unit."""
    digits(tmp_path)
    for suffix in (".xml", ".bin"):
        source = xml_path("digits-attributes").with_suffix(suffix)
        (tmp_path / f"own{suffix}").write_bytes(source.read_bytes())
    (subject,) = subjects_of(str(tmp_path / "own.xml"))
    truth = tmp_path / "table.csv" if annotated else None
    images = images_of(tmp_path / "images", truth, None, tmp_path / "store")
    guess = find(subject, images, Store(tmp_path / "store")).guess
    assert guess is not None
    assert guess.best.option.task == "attributes"
    decoder = guess.best.option.decoder
    assert isinstance(decoder, HeadsDecoder)
    if annotated:
        assert decoder.heads["number"].output == "digit"
        assert (decoder.heads["height"].output, decoder.heads["height"].scale) == ("height", 100.0)
        assert guess.best.plan.colour == "rgb"


def test_outputs_are_matched_to_columns_by_name_and_count() -> None:
    """A name decides, then how many classes there are; two classes are tried in both orders, a value in two scales."""
    ports = [Port("prob", (1, 2, 1, 1)), Port("age", (1, 1, 1, 1)), Port("hat", (1, 1))]
    rows = [("f", "31", "1"), ("m", "7.5", "0"), ("m", "55", "1")]
    truths = [Facts((("age", age), ("hat", hat), ("sex", sex))) for sex, age, hat in rows]
    found = list(described(ports, truths))
    assert len(found) == 4
    assert {one.heads["sex"].names for one in found} == {("f", "m"), ("m", "f")}
    assert {one.heads["age"].scale for one in found} == {1.0, 100.0}
    assert {one.heads["hat"].kind for one in found} == {"sigmoid"}
    assert list(described(ports, [None])) == []
