"""Pictures of words with what they read: label files as people have them, text files, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import Transcript
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset


def images(folder: Path, *names: str) -> Path:
    """Draw small pictures, each its own."""
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (12, 40, 3)).astype(np.uint8)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return folder


def texts(dataset: Dataset) -> dict[str, str]:
    """What each image reads."""
    found = {s.name: s.truth for s in dataset.samples}
    return {name: truth.text for name, truth in found.items() if isinstance(truth, Transcript)}


def listed(folder: Path, content: str) -> Dataset:
    """Load images by a label file."""
    (folder / "labels.txt").write_bytes(content.encode())
    entry = DatasetEntry(kind="text", path=folder, annotations=folder / "labels.txt")
    return load_dataset("words", entry, folder)


FORMS = {
    "PaddleOCR": "a.png\tIt's 5 o'clock\nb c.png\tcafe\u0301 \n",
    "ICDAR": '\ufeffa.png, "It\'s 5 o\'clock"\r\nb c.png, "café"\r\n',
    "columns": "filename,words\na.png,It's 5 o'clock\nb c.png,café\n",
    "spaces": "a.png It's 5 o'clock\nb c.png café\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_label_files_as_people_have_them(tmp_path: Path, form: str) -> None:
    """Tab, quotes, commas and spaces; marks of byte order, ends of lines and composed letters change nothing."""
    found = listed(images(tmp_path, "a.png", "b c.png"), FORMS[form])
    assert texts(found) == {"a.png": "It's 5 o'clock", "b c.png": "café"}
    assert found.annotated


def test_quotes_and_separators_inside_a_text_belong_to_it(tmp_path: Path) -> None:
    """ICDAR writes a backslash before quotes; a comma, and what Python takes for the end of a line, are text."""
    content = 'a.png, "say \\"hi\\", \\\\o/"\nb.png\t1,5 "x"\u2028y\n'
    found = listed(images(tmp_path, "a.png", "b.png"), content)
    assert texts(found) == {"a.png": 'say "hi", \\o/', "b.png": '1,5 "x"\u2028y'}


def test_what_nobody_can_read_is_left_out_and_told(tmp_path: Path) -> None:
    """### marks an illegible word; an empty text and a picture that is not listed are told."""
    found = listed(
        images(tmp_path, "a.png", "b.png", "c.png", "d.png"), "a.png\tA\nb.png\t###\nc.png\t\n"
    )
    assert texts(found) == {"a.png": "A", "c.png": ""}
    reasons = dict(found.skipped)
    assert reasons["b.png"] == "annotated as illegible (###)"
    assert reasons["d.png"] == "not listed in labels.txt"
    assert any("1 of 2 images an empty text (c.png)" in note for note in found.notes)


def test_a_line_without_a_text_is_refused_by_its_number(tmp_path: Path) -> None:
    """The message says what was found, and what is expected."""
    with pytest.raises(
        DatasetError, match=r"line 2 of .*labels.txt is 'b.png'; expected 'file TAB text'"
    ):
        listed(images(tmp_path, "a.png", "b.png"), "a.png\tA\nb.png\n")


def test_text_files_beside_the_images(tmp_path: Path) -> None:
    """One each; where some are missing, it is said how else texts may be given."""
    folder = images(tmp_path, "one/a.png", "b.png")
    (folder / "one" / "a.txt").write_text("first\n", encoding="utf-8")
    with pytest.raises(
        DatasetError, match=r"1 of 2 images .* \(b.png\): give datasets.words.annotations"
    ):
        load_dataset("words", DatasetEntry(kind="text", path=folder), folder)
    (folder / "b.txt").write_text("second", encoding="utf-8")
    (folder / "notes.txt").write_text("none of them", encoding="utf-8")
    found = load_dataset("words", DatasetEntry(kind="text", path=folder), folder)
    assert texts(found) == {"b.png": "second", "one/a.png": "first"}
    assert [name for name, _ in found.skipped] == ["notes.txt"]


def test_texts_in_the_names_of_images(tmp_path: Path) -> None:
    """A pattern says which part; a name that it does not fit is refused."""
    folder = images(tmp_path, "1/12_slinking_71.png", "1/3_Kanji_9.png")
    entry = DatasetEntry(kind="text", path=folder, text_in_name=r"\d+_(.*)_\d+")
    assert list(texts(load_dataset("words", entry, folder)).values()) == ["slinking", "Kanji"]
    images(folder, "other.png")
    with pytest.raises(DatasetError, match=r"text_in_name: .* does not fit 'other'"):
        load_dataset("words", entry, folder)


def test_another_text_is_another_dataset(tmp_path: Path) -> None:
    """What is annotated is part of the digest: nothing that was judged before stands for it."""
    folder = images(tmp_path, "a.png")
    assert listed(folder, "a.png\tA\n").digest != listed(folder, "a.png\ta\n").digest


def test_built_in_lines_of_digits(tmp_path: Path) -> None:
    """Three to seven digits, the same whether drawn anew or read from the store."""
    entry = DatasetEntry(kind="digits", subject="text", count=20)
    drawn = load_dataset("d", entry, tmp_path, cache=tmp_path)
    again = load_dataset("d", entry, tmp_path, cache=tmp_path)
    assert drawn.digest == again.digest
    read = list(texts(drawn).values())
    assert all(3 <= len(text) <= 7 and text.isdigit() for text in read)
    assert len(set(read)) == 20
    image = drawn.samples[0].image
    assert callable(image)
    assert image().shape == (32, 128, 3)
