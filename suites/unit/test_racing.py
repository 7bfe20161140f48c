from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantgate.core.estimate import Estimate
from quantgate.core.racing import grown, pruned, race
from quantgate.core.remedy import Point, chance, front, need, order

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_the_better_half_sees_more_images() -> None:
    """Each rung asks about half as many, at once where one is among the better half so far; the best come first."""
    asked: list[tuple[int, int]] = []

    def rank(candidate: int, images: int) -> int:
        asked.append((candidate, images))
        return -candidate

    left = race(range(15, -1, -1), (8, 16, 48), rank, least=2)

    assert left == [15, 14]
    assert asked[:4] == [(15, 8), (15, 16), (15, 48), (14, 8)]
    assert [sum(images == rung for _, images in asked) for rung in (8, 16, 48)] == [16, 8, 4]


def test_noise_on_few_images_is_mended_on_more() -> None:
    """A candidate that is not the best on few images wins as long as it is among the better half."""
    few = {"lucky": 0.0, "best": 0.1, "bad": 0.8, "worse": 0.9}
    many = {"lucky": 0.5, "best": 0.1, "bad": 0.8, "worse": 0.9}

    left = race(
        list(few), (8, 48), lambda name, images: (few if images == 8 else many)[name], least=2
    )

    assert left == ["best", "lucky"]


def test_ties_keep_the_order_given() -> None:
    """Nothing depends on chance: what was listed first stays first."""
    assert race("dcba", (8,), lambda *_: 0) == list("dcba")


def test_a_race_without_time_ends_with_what_it_knows() -> None:
    """When time is over the rung begun is ranked as far as it came; before the first question nothing is left."""
    budget = iter([False] * 7 + [True] * 99)

    left = race([3, 1, 2, 0], (8, 16), lambda one, _: one, least=2, over=lambda: next(budget))

    assert left == [0, 1]
    assert race([3, 1], (8, 16), lambda one, _: one, over=lambda: True) == []


def test_sets_grow_until_the_target_and_only_where_it_helps() -> None:
    """A set that brings nothing is not kept, and nothing is asked once the target is met."""
    parts = [frozenset({"a"}), frozenset({"useless"}), frozenset({"b"}), frozenset({"never"})]

    def lacks(names: frozenset[str]) -> float:
        assert "never" not in names
        return 2.0 - len(names & {"a", "b"})

    assert grown(parts, lacks, 0.5)[-1] == {"a", "b"}


@given(st.integers(1, 40), st.sets(st.integers(0, 39), max_size=3))
def test_pruning_leaves_exactly_what_is_needed(count: int, needed: set[int]) -> None:
    """Whichever parts are needed, those alone are left; of nothing needed one part stays."""
    wanted = {one for one in needed if one < count}

    left = pruned(range(count), lambda some: wanted <= set(some), most=10_000)

    assert wanted <= set(left)
    assert len(left) == max(1, len(wanted))


def test_all_parts_may_go_where_something_else_is_left() -> None:
    """With no least number the first question is whether none of them is needed."""
    assert pruned("abcd", lambda _: True, least=0) == ()
    assert pruned("abcd", lambda left: "b" in left, least=0) == ("b",)


def test_pruning_asks_no_more_than_it_may() -> None:
    """The number of measurements is bounded, and what was not asked about stays in."""
    asked: list[Sequence[int]] = []

    def holds(some: Sequence[int]) -> bool:
        asked.append(some)
        return False

    assert pruned(range(64), holds, most=5) == tuple(range(64))
    assert len(asked) == 5


@pytest.mark.parametrize(
    ("limit", "value", "expected"),
    [
        ((0.02, False, ""), 0.02, 1.0),
        ((0.02, False, ""), 0.04, 2.0),
        ((0.02, False, ""), -0.01, 0.0),
        ((0.95, True, ""), 0.95, 1.0),
        ((0.95, True, ""), 0.90, 2.0),
        ((30.0, True, "dB"), 30.0, 1.0),
        ((30.0, True, "dB"), 20.0, 10.0),
        ((1.5, True, ""), 1.0, 1.5),
        ((0.0, False, ""), 0.1, 1e5),
    ],
)
def test_need_is_one_where_the_limit_is_met_exactly(
    limit: tuple[float, bool, str], value: float, expected: float
) -> None:
    """Whatever a limit is about, above 1 it is missed and below it is met."""
    threshold, smallest, unit = limit
    assert need(value, threshold, smallest=smallest, unit=unit) == pytest.approx(expected)


def test_accuracy_comes_before_speed_and_speed_decides_among_the_able() -> None:
    """A fast candidate that misses the limit is behind every one that meets it."""
    able_fast, able_slow, unable = (0.3, 1.6), (0.1, 1.1), (1.2, 3.0)

    ranked = sorted([unable, able_slow, able_fast], key=lambda one: order(one[0], one[1], 0.75))

    assert ranked == [able_fast, able_slow, unable]
    assert order(0.1, 1.30, 0.75) == order(0.6, 1.31, 0.75)


def test_what_is_faster_has_to_be_worth_its_doubt() -> None:
    """A speed that noise could make loses against a sure limit, a real one wins; where nothing is in doubt speed decides."""

    def place(pace: float, chance: float) -> tuple[float, float]:
        return order(0.3, pace, 0.75, chance)

    assert place(1.31, 0.99) < place(1.40, 0.90)
    assert place(1.80, 0.90) < place(1.31, 0.99)
    assert place(1.34, 0.999) < place(1.10, 1.0)
    assert order(0.3, 1.2, 0.75) == place(1.2, 1.0)


@pytest.mark.parametrize("smallest", [False, True])
def test_the_chance_is_that_of_another_draw_of_images(*, smallest: bool) -> None:
    """Of models drawn at random, those told a chance meet the limit so often on as many other images."""
    drawn = np.random.default_rng(5)
    first, other = drawn.normal(drawn.uniform(0.2, 0.8, 5000)[:, None], 0.3, (2, 5000, 40))
    middle, side = first.mean(axis=1), 1.96 * first.std(axis=1, ddof=1) / 40**0.5
    ends = zip(middle.tolist(), side.tolist(), strict=True)
    found = [Estimate(mean, mean - half, mean + half, 40) for mean, half in ends]

    told = np.array([chance(one, 0.5, smallest=smallest) for one in found])

    met = (other.mean(axis=1) < 0.5) ^ smallest
    for low in (0.1, 0.3, 0.5, 0.7, 0.9):
        inside = (told >= low) & (told < low + 0.1)
        assert inside.sum() > 100
        assert abs(told[inside].mean() - met[inside].mean()) < 0.1


@pytest.mark.parametrize("smallest", [False, True])
def test_what_is_exact_meets_a_limit_or_not(*, smallest: bool) -> None:
    """There is no doubt without an interval; at the limit itself an interval leaves one half, and luck below zero is none."""
    exact, sure = Estimate.exact(0.5), Estimate(0.5, 0.4, 0.6, 30)
    step = -0.1 if smallest else 0.1
    lucky = Estimate(-0.03, -0.05, -0.01, 30)

    assert [chance(exact, 0.5 + off, smallest=smallest) for off in (-step, 0, step)] == [0, 1, 1]
    assert chance(sure, 0.5, smallest=smallest) == pytest.approx(0.5)
    assert chance(sure, 0.5 + step, smallest=smallest) > 0.9
    assert chance(lucky, 0.01, smallest=False) == chance(
        Estimate(0.0, -0.02, 0.02, 30), 0.01, smallest=False
    )


def test_the_front_is_what_nothing_dominates() -> None:
    """Against the definition on random points: no other is as good in all and better in one."""
    drawn = np.random.default_rng(3).integers(0, 4, (40, 3)) / 4
    points = [
        Point(
            "",
            "finalist",
            Estimate.exact(loss),
            {"parent_f32": Estimate.exact(1 + speed)},
            1 + size,
        )
        for loss, speed, size in drawn.tolist()
    ]
    good = np.stack([-drawn[:, 0], drawn[:, 1], -drawn[:, 2]], axis=1)
    expected = [
        not any((other >= own).all() and (other > own).any() for other in good) for own in good
    ]

    assert list(front(points)) == expected
    assert 0 < sum(expected) < 40


def test_of_candidates_that_lack_as_much_the_quieter_comes_first() -> None:
    """Few images know few losses: then the noise at the outputs tells; what meets the target goes by its speed."""
    loud, quiet = order(1.25, 2.0, 0.75, noise=0.05), order(1.25 + 1e-12, 1.0, 0.75, noise=0.01)
    slow, fast = order(0.7, 1.0, 0.75, noise=0.0), order(0.7, 2.0, 0.75, noise=0.05)

    assert quiet < loud
    assert fast < slow < quiet
