"""PP-OCRv4's recognizer on words of ICDAR 2015: a real network that INT8 visibly hurts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.real.work import FullSet, gate

if TYPE_CHECKING:
    from pathlib import Path

    from suites.real.work import RealRun

pytestmark = pytest.mark.long

MANIFEST = """
[datasets.words]
kind = "text"
path = "{real}/images/words_icdar15_200"
annotations = "{real}/images/words_icdar15_200/labels.txt"

[models.ppocr]
task = "text"
source = "{real}/models/ocr_rec_ppocrv4/ch_PP-OCRv4_rec.xml"
decoder = {{ kind = "ctc", characters = "{real}/models/ocr_rec_ppocrv4/characters.txt" }}
preprocess = {{ size = [320, 48], resize = "height", pad = 128, mean = 127.5, scale = 127.5 }}
calibrate = {{ dataset = "words", subset = 64 }}
evaluate = {{ dataset = "words", metric = "word_accuracy_folded", allow_overlap = true }}
limits = {{ max_accuracy_drop = 0.02, min_match_rate = 0.9, max_role_cer = 0.05 }}
"""


@pytest.fixture(scope="module")
def judged(real: Path, tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """Gate it, calibrated on some of the words themselves."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return gate(folder, folder / "store")


def test_the_parent_is_as_good_as_known(judged: RealRun) -> None:
    """Words and letters are as right as an independent decoder of the same outputs reads them."""
    found = FullSet(judged.folder)("ppocr")
    assert found["word_accuracy_folded"] == pytest.approx(0.685, abs=0.005)
    assert found["cer_folded"] == pytest.approx(0.138, abs=0.01)


def test_what_int8_costs_is_seen_by_every_limit(judged: RealRun) -> None:
    """Words that were right are wrong, and the strings of both roles differ."""
    found = judged.outcomes("ppocr")
    answers = ("max_accuracy_drop", "min_match_rate", "max_role_cer")
    assert {found[key] for key in answers} == {"failed"}, judged.lines("ppocr")
