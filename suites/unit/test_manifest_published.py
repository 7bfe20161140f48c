"""Published figures of the source model: stated, known by the source, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quantgate.entries import Published
from quantgate.errors import ManifestError
from quantgate.manifest import load_manifest
from quantgate.manifest.known import known_of
from quantgate.zoo.catalog import ZOO

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import ModelEntry

BASE = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.eval]
kind = "digits"
[models.m]
calibrate = "cal"
evaluate = "eval"
source.zoo = "digits-ssd-mobilenet-v2"
"""


def entry_of(folder: Path, more: str = "") -> ModelEntry:
    """Read the model of a manifest."""
    path = folder / "models.toml"
    path.write_text(BASE + more, encoding="utf-8")
    return load_manifest(path).models["m"]


def test_a_built_in_model_knows_what_it_reaches(tmp_path: Path) -> None:
    """The figure that was measured with its weights stands without being written."""
    known = entry_of(tmp_path).published["ap"]

    assert known.value == ZOO["digits-ssd-mobilenet-v2"].measured.parent
    assert "500 images" in known.origin


def test_a_stated_figure_wins_and_others_stay(tmp_path: Path) -> None:
    """Metric by metric."""
    entry = entry_of(tmp_path, 'published.ap = { value = 0.5, origin = "us" }\n')
    more = entry_of(tmp_path, 'published.ap50 = { value = 0.7, origin = "us" }\n')

    assert entry.published == {"ap": Published(0.5, "us")}
    assert list(more.published) == ["ap", "ap50"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'published.ap05 = { value = 0.5, origin = "us" }',
            "models.m.published.ap05: no such metric of detection",
        ),
        ("published.ap = { value = 0.5 }", "models.m.published.ap.origin"),
        ('published.ap = { value = 0.5, origin = "" }', "models.m.published.ap.origin"),
        ("published.ap = 0.5", "models.m.published.ap: expected a table, found 0.5"),
    ],
)
def test_a_figure_that_cannot_be_shown_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """With its dotted path: a figure without an origin is hearsay."""
    with pytest.raises(ManifestError) as refused:
        entry_of(tmp_path, line)

    assert said in str(refused.value)


def test_a_model_judged_by_another_task_has_no_figure_of_its_own(tmp_path: Path) -> None:
    """An AP says nothing about raw outputs, and is no mistake of the manifest's author."""
    raw = entry_of(tmp_path, 'task = "generic"\ndecoder = "tensors"\n')

    assert raw.published == {}


def test_open_model_zoo_knows_masks_from_boxes(tmp_path: Path) -> None:
    """Both are published as AP; each stands beside the metric that it is."""
    known = known_of({"omz": "instance-segmentation-security-0002"}, tmp_path)["published"]

    assert (known["ap"]["value"], known["box_ap"]["value"]) == (0.3644, 0.3986)
    assert known["ap"]["origin"].startswith("Open Model Zoo on ms_coco")
