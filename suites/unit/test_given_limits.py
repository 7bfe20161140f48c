"""Limits that are given for one run, without editing models.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quantgate.errors import ManifestError, UsageError
from quantgate.manifest import load_manifest

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[datasets.images]
kind = "digits"
subject = "single"
count = 8
size = [64, 64]
[models."net.v1"]
source = { zoo = "digits-mobilenet-v2" }
calibrate = "images"
evaluate = { dataset = "images", hold_out = true }
limits = { max_accuracy_drop = 0.1, min_agreement = 0.5 }
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """One model, whose name has a dot."""
    path = tmp_path / "models.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def test_a_given_limit_stands_above_the_manifest(manifest: Path) -> None:
    """Only the one that is named changes, and its place says where it comes from."""
    entry = load_manifest(manifest, (["net.v1.max_accuracy_drop=.02"], [])).models["net.v1"]

    assert (entry.limits.max_accuracy_drop, entry.limits.min_agreement) == (0.02, 0.5)
    assert entry.limit_places["max_accuracy_drop"].startswith("--limit.")
    assert entry.limit_places["min_agreement"].startswith("models.")


def test_limits_of_a_file_are_taken_and_a_single_one_wins(manifest: Path, tmp_path: Path) -> None:
    """What `quantgate suggest` prints is read; limits of an ISA class join."""
    path = tmp_path / "limits.toml"
    path.write_text(
        '[models."net.v1".limits]\nmin_agreement = 0.9\nmin_speedup = { amx = 2.0 }\n', "utf-8"
    )

    given = (["net.v1.min_agreement=0.8", "net.v1.min_speedup.vnni=1.5"], [path])
    limits = load_manifest(manifest, given).models["net.v1"].limits

    assert limits.min_agreement == 0.8
    assert limits.min_speedup == {"amx": 2.0, "vnni": 1.5}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("net.v1", "expected MODEL.KEY=VALUE"),
        ("nett.max_accuracy_drop=1", "did you mean net.v1?"),
        ("net.v1.max_acuracy_drop=0.1", "did you mean max_accuracy_drop?"),
        ("net.v1.max_accuracy_drop=much", "expected a number, found 'much'"),
        ("net.v1.max_accuracy_drop=nan", "expected a number, found 'nan'"),
    ],
)
def test_what_is_no_limit_is_refused(manifest: Path, option: str, said: str) -> None:
    """One sentence with the form, or what is meant most likely."""
    with pytest.raises(UsageError) as caught:
        load_manifest(manifest, ([option], []))

    assert said in str(caught.value)


@pytest.mark.parametrize("option", ["net.v1.min_psnr_db=30", "net.v1.max_accuracy_drop=-1"])
def test_a_limit_that_cannot_be_judged_is_refused(manifest: Path, option: str) -> None:
    """As in models.toml: of another task, or out of its range, naming the option."""
    with pytest.raises(ManifestError, match="--limit"):
        load_manifest(manifest, ([option], []))


def test_a_file_of_other_models_is_refused(manifest: Path, tmp_path: Path) -> None:
    """A file that changes nothing is a mistake, and it is said whose limits it holds."""
    path = tmp_path / "limits.toml"
    path.write_text("[models.other.limits]\nmin_agreement = 0.9\n", "utf-8")

    with pytest.raises(UsageError, match="found no limits but those of other"):
        load_manifest(manifest, ([], [path]))
