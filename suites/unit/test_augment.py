"""Changed copies of calibration images: what each kind does, by seed and image alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.predictions import ClassLabel
from quantgate.datasets.augment import KINDS, augmented
from quantgate.datasets.images import read_image
from quantgate.datasets.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURE = np.random.default_rng(3).integers(60, 200, (140, 150, 3), np.uint8)


def sample(name: str = "a.png") -> Sample:
    """One annotated picture in memory."""
    return Sample(name, PICTURE.copy, name, ClassLabel(1))


def copy(kind: str, seed: int = 0) -> NDArray[np.uint8]:
    """Give the changed copy alone."""
    return read_image(augmented([sample()], [kind], seed)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_follows_from_seed_and_image(kind: str) -> None:
    """The same seed gives the same pixels, size and type stay, and the picture really is another one."""
    np.testing.assert_array_equal(copy(kind), copy(kind))
    assert copy(kind).shape == PICTURE.shape
    assert copy(kind).dtype == np.uint8
    assert np.abs(copy(kind).astype(int) - PICTURE).max() > 5
    if kind != "flip":
        assert not np.array_equal(copy(kind), copy(kind, seed=1))


def test_each_kind_does_what_it_says() -> None:
    """Mirrored, moved, stretched, roughened, smoothed, covered: as numbers."""
    np.testing.assert_array_equal(copy("flip"), PICTURE[:, ::-1])
    moved = copy("brightness").astype(int) - PICTURE
    assert abs(moved.mean()) > 15
    assert copy("contrast").std() != pytest.approx(PICTURE.std(), rel=0.08)
    assert copy("contrast").mean() == pytest.approx(PICTURE.mean(), abs=3)
    assert (copy("noise").astype(int) - PICTURE).std() == pytest.approx(12, abs=2)
    assert copy("blur").std() < 0.7 * PICTURE.std()
    covered = (copy("erase") != PICTURE).any(axis=2).mean()
    assert 0.04 <= covered <= 0.125


def test_copies_are_listed_after_their_picture() -> None:
    """Names say what was done, no two digests are alike, and a copy has no truth that could be wrong."""
    found = augmented([sample("a.png"), sample("b.png")], ["flip", "noise"], 0)
    assert [one.name for one in found] == [
        *("a.png", "a.png (flip)", "a.png (noise)"),
        *("b.png", "b.png (flip)", "b.png (noise)"),
    ]
    assert len({one.digest for one in found}) == 6
    assert [one.truth is None for one in found[:3]] == [False, True, True]
    assert augmented([sample()], [], 0)[0].digest == "a.png"
