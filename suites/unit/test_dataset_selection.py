from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.predictions import ClassLabel, Truth
from quantgate.datasets.assembly import samples_digest
from quantgate.datasets.findings import make_objects
from quantgate.datasets.labels import rarest_labels
from quantgate.datasets.sample import Dataset, Sample
from quantgate.datasets.selection import hold_out, overlap, subset
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence


def dataset(groups: Sequence[int | None], *, start: int = 0) -> Dataset:
    """A dataset of samples without pixels, one a group entry."""
    samples = tuple(
        Sample(f"{i}.png", lambda: np.zeros((1, 1, 3), np.uint8), f"content {i}", None, group)
        for i, group in enumerate(groups, start)
    )
    return Dataset("d", samples, (), samples_digest(samples))


def test_a_subset_takes_equally_from_every_group() -> None:
    """Six of three groups are two of each, though one group has most images."""
    whole = dataset([0] * 50 + [1] * 3 + [2] * 4)
    found = subset(whole, 6, seed=3).dataset
    assert Counter(sample.group for sample in found.samples) == {0: 2, 1: 2, 2: 2}


def test_a_subset_keeps_the_order_and_depends_on_the_seed_alone() -> None:
    """The same seed draws the same images, in the dataset's order; another draws others."""
    whole = dataset([None] * 60)
    first, again, other = (subset(whole, 20, seed).dataset for seed in (0, 0, 1))
    assert first == again
    assert [s.name for s in first.samples] == [s.name for s in whole.samples if s in first.samples]
    assert first.digest != other.digest


def test_a_larger_subset_contains_the_smaller() -> None:
    """Raising n only adds images."""
    whole = dataset([i % 7 for i in range(70)])
    names = [{s.name for s in subset(whole, n, 5).dataset.samples} for n in (5, 20, 69)]
    assert names[0] < names[1] < names[2]


def test_a_subset_larger_than_the_data_is_all_of_it_and_says_so() -> None:
    """Asking for more than there is gives everything and one sentence."""
    whole = dataset([None] * 3)
    found = subset(whole, 300, 0)
    assert found.dataset == whole
    assert found.note == (
        "datasets.d has 3 images, fewer than the 300 asked for: all of them are used"
    )
    assert not subset(whole, 3, 0).note
    with pytest.raises(DatasetError, match="at least 1 image"):
        subset(whole, 0, 0)


def test_overlap_is_found_by_content_not_by_name() -> None:
    """The same content under other names is the same image."""
    first, second = dataset([None] * 5), dataset([None] * 5, start=3)
    assert overlap(first, second) == ("3.png", "4.png")
    assert [s.name for s in hold_out(first, second).samples] == ["0.png", "1.png", "2.png"]
    assert hold_out(first, dataset([None], start=9)) == first
    with pytest.raises(DatasetError, match="none is left"):
        hold_out(first, first)


def test_groups_are_the_rarest_class_of_an_image() -> None:
    """An image is grouped under the class that fewest images have."""
    box = [0.0, 0.0, 1.0, 1.0]
    truths: list[Truth | None] = [
        make_objects([box] * 3, [5, 5, 2], [False] * 3, [1.0] * 3),
        make_objects([box], [5], [False], [1.0]),
        make_objects([], [], [], []),
        ClassLabel(9),
        None,
    ]
    assert rarest_labels(truths) == [2, 5, None, 9, None]
