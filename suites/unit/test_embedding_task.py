"""Embeddings: every number against scikit-learn or plain loops, and what cannot be told is refused."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_curve

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import Embedding, Identity
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.catalog import TASKS
from quantgate.tasks.embedding import sets
from quantgate.tasks.tallies import load_tally, save_tally

TASK = TASKS["embedding"]
PLAN = EvaluationPlan("images")
LENGTH = 16


def unit(rows: Any) -> Any:
    """Bring rows to length 1."""
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def faces(count: int, each: int, noise: float, seed: int = 0) -> tuple[Any, list[str]]:
    """Vectors of some identities, each seen several times."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, LENGTH))
    rows = np.repeat(centres, each, axis=0) + noise * rng.normal(size=(count * each, LENGTH))
    return unit(rows), [f"p{k}" for k in range(count) for _ in range(each)]


def compared(
    parent: Any, optimized: Any, truths: list[Any], *, euclidean: bool = False
) -> Comparison[Embedding]:
    """Put vectors of both roles and truths together."""
    images = tuple(
        ImageResult(
            f"{k:03d}.png",
            (4, 4),
            truth,
            Pair(*(Embedding(one[k], euclidean) for one in (parent, optimized))),
        )
        for k, truth in enumerate(truths)
    )
    return Comparison((), images, "digest")


def noisy(rows: Any, noise: float, seed: int = 5) -> Any:
    """Vectors of a model that INT8 has hurt."""
    return unit(rows + noise * np.random.default_rng(seed).normal(size=rows.shape))


@pytest.fixture
def everyone() -> Comparison[Embedding]:
    """Twelve identities of five images, all sought in all."""
    rows, names = faces(12, 5, 0.6)
    return compared(rows, noisy(rows, 0.25), [Identity(name) for name in names])


def truths_of(comparison: Comparison[Embedding]) -> list[Any]:
    """Give the annotated identities."""
    return [one.truth for one in comparison.images]


def metrics(comparison: Comparison[Embedding]) -> Pair[dict[str, float]]:
    """Every metric of both roles."""
    found: Pair[dict[str, float]] = TASK.metrics(comparison)
    return found


@pytest.mark.parametrize("euclidean", [False, True])
def test_rank_and_precision_are_those_of_scikit_learn(*, euclidean: bool) -> None:
    """Of queries in a gallery, without the query's own camera; distractors are nobody's."""
    rng = np.random.default_rng(1)
    rows, names = faces(15, 6, 0.8)
    rows = rows * rng.uniform(0.5, 2, (len(rows), 1)).astype(np.float32) if euclidean else rows
    cameras = [str(one) for one in rng.integers(0, 3, len(names))]
    sides: list[Any] = ["query" if k % 6 == 0 else "gallery" for k in range(len(names))]
    truths = [Identity(*one) for one in zip(names, cameras, sides, strict=True)]
    extra = unit(rng.normal(size=(20, LENGTH)))
    rows = np.concatenate([rows, extra])
    truths += [Identity("", "1", "gallery")] * len(extra)
    comparison = compared(rows, noisy(rows, 0.2), truths, euclidean=euclidean)

    hits, precisions = [], []
    for k, truth in enumerate(truths):
        if truth.side != "query":
            continue
        valid = [
            j
            for j, other in enumerate(truths)
            if other.side == "gallery"
            and not (other.name == truth.name and other.camera == truth.camera)
        ]
        a, b = rows[k].astype(np.float64), rows[valid].astype(np.float64)
        scores = -np.square(b - a).sum(axis=1) if euclidean else b @ a
        right = np.array([truths[j].name == truth.name for j in valid])
        if right.any():
            hits.append(right[np.argmax(scores)])
            precisions.append(average_precision_score(right, scores))

    found = metrics(comparison).parent
    assert len(hits) > 8
    assert found["rank1"] == np.mean(hits)
    assert found["map"] == pytest.approx(np.mean(precisions), abs=1e-12)


def test_equal_similarities_are_ranked_in_order() -> None:
    """Of images that are equally near the earlier one comes first, in ranks and in neighbours."""
    rows = unit([[1, 0], [0, 1], [0, 1], [0, 1]])
    truths = [Identity("a", side="query"), *(Identity(name, side="gallery") for name in "bab")]
    found = metrics(compared(rows, rows, truths))
    assert (found.parent["rank1"], found.parent["map"]) == (0, 1 / 2)


def test_true_acceptances_are_those_of_scikit_learn(everyone: Comparison[Embedding]) -> None:
    """At each share of false acceptances the best point of the ROC of all pairs."""
    rows = np.array([one.record.parent.vector for one in everyone.images], np.float64)
    names = [truth.name for truth in truths_of(everyone)]
    first, second = np.triu_indices(len(rows), 1)
    same = np.array([names[a] == names[b] for a, b in zip(first, second, strict=True)])
    alike = np.multiply(rows[first], rows[second]).sum(axis=1)
    fpr, tpr, _ = roc_curve(same, alike, drop_intermediate=False)

    found = metrics(everyone).parent
    for power in (1, 2, 3):
        far = 10.0**-power
        assert found[f"tar_at_far_1e-{power}"] == tpr[fpr <= far].max()
    assert "tar_at_far_1e-4" not in found  # of 1,650 pairs of two identities


def lfw(folds: int, each: int) -> Comparison[Embedding]:
    """Pairs as in LFW: so many of one identity and of two in every fold."""
    rows, names = faces(folds * each * 2, 2, 1.0, seed=3)
    truths = [Identity(name) for name in names]
    for k in range(folds * each):
        fold, a, b = k // each, 4 * k, 4 * k + 2
        for first, second, same in ((a, a + 1, True), (a + 1, b, False)):
            own = truths[first]
            truths[first] = replace(own, pairs=(*own.pairs, (f"{second:03d}.png", same, fold)))
    return compared(rows, noisy(rows, 0.3), truths)


def test_verification_accuracy_is_that_of_lfw() -> None:
    """Ten folds, each decided by the threshold that is best on the nine others."""
    comparison = lfw(10, 12)
    for role in ROLES:
        alike, same, folds = [], [], []
        rows = [one.record[role].vector.astype(np.float64) for one in comparison.images]
        for k, truth in enumerate(truths_of(comparison)):
            for other, is_same, fold in truth.pairs:
                alike.append(float(rows[k] @ rows[int(other[:3])]))
                same.append(is_same)
                folds.append(fold)
        shares = []
        for fold in range(10):
            others = [k for k in range(len(alike)) if folds[k] != fold]
            own = [k for k in range(len(alike)) if folds[k] == fold]
            steps = sorted({alike[k] for k in others}, reverse=True)
            between = [
                steps[0] + 1e-9,
                *((a + b) / 2 for a, b in itertools.pairwise(steps)),
                steps[-1],
            ]
            counts = [sum((alike[k] >= t) == same[k] for k in others) for t in between]
            threshold = between[int(np.argmax(counts))]
            shares.append(np.mean([(alike[k] >= threshold) == same[k] for k in own]))
        assert metrics(comparison)[role]["verification_accuracy"] == pytest.approx(
            np.mean(shares), abs=1e-12
        )


def test_without_a_list_both_kinds_of_pairs_weigh_alike(everyone: Comparison[Embedding]) -> None:
    """The best mean of the shares of right decisions of either kind."""
    own = sets.pairs(everyone)
    rows = np.array([one.record.parent.vector for one in everyone.images], np.float64)
    alike = np.multiply(rows[own.first], rows[own.second]).sum(axis=1)
    fpr, tpr, _ = roc_curve(own.same, alike, drop_intermediate=False)
    expected = ((tpr + 1 - fpr) / 2).max()
    assert metrics(everyone).parent["verification_accuracy"] == pytest.approx(expected, abs=1e-12)


def test_roles_are_compared_without_annotations(everyone: Comparison[Embedding]) -> None:
    """Cosines, nearest neighbours, and decisions at the parent's threshold, by plain loops."""
    rows = np.array([one.record.parent.vector for one in everyone.images])
    bare = compared(rows, noisy(rows, 0.03), [None] * len(rows))
    parent, optimized = (
        np.array([one.record[role].vector for one in bare.images], np.float64) for role in ROLES
    )
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in zip(parent, optimized, strict=True)
    ]
    tables = [rows @ rows.T - 9 * np.eye(len(rows)) for rows in (parent, optimized)]
    same = np.mean(tables[0].argmax(axis=1) == tables[1].argmax(axis=1))
    upper = np.triu_indices(len(parent), 1)
    pairs = [table[upper] for table in tables]
    threshold = np.sort(pairs[0])[::-1][int(0.01 * len(pairs[0]))]
    accepted = [of > threshold for of in pairs]
    changed = (accepted[0] ^ accepted[1]).sum() / (accepted[0] | accepted[1]).sum()

    def judged(key: str) -> float:
        estimate = TASK.judge_quantity(key, bare, PLAN)
        assert estimate.low <= estimate.value <= estimate.high
        return estimate.value

    assert judged("min_role_cosine") == pytest.approx(np.mean(cosines), abs=1e-9)
    assert judged("min_worst_cosine") == pytest.approx(min(cosines), abs=1e-9)
    assert judged("min_agreement") == same < 1
    assert judged("max_changed_decisions") == pytest.approx(changed, abs=1e-12)
    assert 0 < changed < 1
    with pytest.raises(DatasetError, match="needs an annotated identity, found NoneType"):
        TASK.judge_quantity("max_accuracy_drop", bare, PLAN)


@pytest.mark.parametrize("metric", ["verification_accuracy", "tar_at_far_1e-2", "rank1", "map"])
def test_what_int8_costs_is_seen_and_has_an_interval(metric: str) -> None:
    """A drop above 0 of vectors that were hurt, none of equal ones; identities are drawn with all their images."""
    rows, names = faces(20, 5, 0.7)
    truths = [Identity(name) for name in names]
    plan = replace(PLAN, metric=metric)
    hurt = TASK.judge_quantity("max_accuracy_drop", compared(rows, noisy(rows, 0.6), truths), plan)
    same = TASK.judge_quantity("max_accuracy_drop", compared(rows, rows, truths), plan)

    assert hurt.value > 0.03
    assert hurt.low < hurt.value < hurt.high
    assert (same.value, same.low, same.high) == (0, 0, 0)
    roles = TASK.role_scores(compared(rows, noisy(rows, 0.6), truths), plan)
    assert roles.parent.value - roles.optimized.value == pytest.approx(hurt.value)


def test_accuracy_may_stay_where_likeness_falls() -> None:
    """One face turned half away: every pair is still right, and the worst cosine tells; both are said."""
    rows, names = faces(8, 4, 0.05)
    moved = rows.copy()
    moved[5] = unit(rows[5:6] + 0.3 * unit(np.random.default_rng(0).normal(size=(1, LENGTH))))[0]
    comparison = compared(rows, moved, [Identity(name) for name in names])

    drop = TASK.judge_quantity("max_accuracy_drop", comparison, PLAN)
    worst = TASK.judge_quantity("min_worst_cosine", comparison, PLAN)
    said = TASK.remarks(comparison, PLAN)  # type: ignore[attr-defined]
    assert drop.value == 0
    assert worst.value < 0.98
    assert said[0] == "Verification accuracy 1.0000 → 1.0000"
    assert "005.png" in said[1]
    assert "of 32 nearest neighbours are others" in said[2]
    assert TASK.worst(comparison, PLAN)[0].index == 5


def test_images_that_were_found_come_first(everyone: Comparison[Embedding]) -> None:
    """What was right and is wrong now before what only changed, and the tables say the same."""
    worst = TASK.worst(everyone, PLAN)
    basic, pairs, identities, decisions = TASK.tables(everyone, PLAN)
    verdicts = [row[-1] for row in basic.rows]

    assert next(verdicts[one.index] for one in worst) == "changed and now wrong"
    assert sum(one != "same" for one in verdicts) <= len(worst)
    assert "became" in worst[0].sentence
    assert {row[0] for row in identities.rows} == {f"p{k}" for k in range(12)}
    assert [row[0] for row in decisions.rows] == [0.1, 0.01, 0.001]
    assert decisions.rows[0][1] == metrics(everyone).parent["tar_at_far_1e-1"]
    assert all(row[5] != row[6] for row in pairs.rows)


def test_memory_is_bounded_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks of some rows everything is as in one; beyond a number of pairs some are drawn, all of one identity kept."""
    from quantgate.core import nearest

    rows, names = faces(30, 4, 0.8)
    truths = [Identity(name) for name in names]
    whole = metrics(compared(rows, rows, truths)).parent
    monkeypatch.setattr(nearest, "_HELD", 500)
    assert metrics(compared(rows, rows, truths)).parent == whole

    monkeypatch.setattr(sets, "MOST_PAIRS", 1500)
    drawn = sets.pairs(compared(rows, rows, truths))
    assert len(drawn) == 1500
    assert drawn.same.sum() == 30 * 6
    assert (drawn.first < drawn.second).all()
    assert len(set(zip(drawn.first.tolist(), drawn.second.tolist(), strict=True))) == 1500


def test_what_cannot_be_told_is_refused(everyone: Comparison[Embedding]) -> None:
    """Too few pairs for a share, identities of one image each, one identity alone."""
    rows, _ = faces(6, 1, 0.1)
    alone = compared(rows, rows, [Identity(f"p{k}") for k in range(6)])
    one = compared(rows, rows, [Identity("p")] * 6)
    for comparison, metric, said in (
        (everyone, "tar_at_far_1e-4", "at least 10,000 are needed"),
        (alone, "rank1", "no identity has two"),
        (alone, "verification_accuracy", "0 pairs are of one identity and 15 of two"),
        (one, "tar_at_far_1e-1", "15 pairs are of one identity and 0 of two"),
        (everyone, "top1", "cannot be judged for embeddings"),
    ):
        with pytest.raises(MeasurementError, match=said):
            TASK.judge_quantity("max_accuracy_drop", comparison, replace(PLAN, metric=metric))
    with pytest.raises(MeasurementError, match="holds no image"):
        TASK.judge_quantity("min_role_cosine", replace(one, images=()), PLAN)


@pytest.mark.parametrize(
    ("optimized", "said"),
    [
        ([np.nan, 1], "holds NaN or infinity"),
        ([0, 0], "all zeros"),
        ([1, 0, 0], "parent's vector has 2 numbers, the optimized model's 3"),
    ],
)
def test_broken_vectors_are_refused(optimized: list[float], said: str) -> None:
    """Naming image and role."""
    both = Pair(*(Embedding(np.array(one, np.float32)) for one in ([1, 0], optimized)))
    with pytest.raises(DecoderError, match=said):
        TASK.compact(both, None, "a.png")


def test_records_come_back_bit_for_bit(everyone: Comparison[Embedding]) -> None:
    """Also of vectors of several lengths."""
    records = [
        *(one.record.parent for one in everyone.images),
        Embedding(np.ones(3, np.float32), True),
    ]
    found = TASK.unpack(TASK.pack(records))
    assert [one.vector.tobytes() for one in found] == [one.vector.tobytes() for one in records]
    assert [one.euclidean for one in found] == [one.euclidean for one in records]


@pytest.mark.parametrize("metric", ["verification_accuracy", "tar_at_far_1e-2", "rank1", "map"])
def test_what_is_kept_gives_the_judged_numbers(
    everyone: Comparison[Embedding], metric: str, tmp_path: Any
) -> None:
    """From a file, on all images and on some of them."""
    plan = replace(PLAN, metric=metric)
    assert save_tally("embedding", everyone, plan, tmp_path / "t.npz")
    names, tally = load_tally("embedding", tmp_path / "t.npz")

    whole = tally.scores(np.ones((1, len(names)), np.int32))
    some = np.zeros((1, len(names)), np.int32)
    some[0, :30] = 1
    part = replace(everyone, images=everyone.images[:30])
    for key in ("max_accuracy_drop", "min_agreement", "min_role_cosine", "max_changed_decisions"):
        value = TASK.judge_quantity(key, everyone, plan).value
        assert tally.number(key, whole, whole)[0] == pytest.approx(value, abs=1e-12)  # type: ignore[index]
    cosine = tally.number("min_role_cosine", tally.scores(some), whole)
    assert cosine is not None
    assert cosine[0] == pytest.approx(TASK.judge_quantity("min_role_cosine", part, plan).value)


def exchanged(comparison: Comparison[Embedding]) -> Comparison[Embedding]:
    """Turn the labels of all pairs round."""
    return with_truths(
        comparison,
        [
            replace(truth, pairs=tuple((name, not same, fold) for name, same, fold in truth.pairs))
            for truth in truths_of(comparison)
        ],
    )


def with_truths(comparison: Comparison[Embedding], truths: list[Any]) -> Comparison[Embedding]:
    """The same vectors, otherwise annotated."""
    images = [
        replace(one, truth=truth) for one, truth in zip(comparison.images, truths, strict=True)
    ]
    return replace(comparison, images=tuple(images))


def doubts(comparison: Comparison[Embedding]) -> tuple[str, ...]:
    """What speaks against the annotations."""
    found: tuple[str, ...] = TASK.doubts(comparison)  # type: ignore[attr-defined]
    return found


def test_misread_truth_is_suspected(everyone: Comparison[Embedding]) -> None:
    """Exchanged labels, identities of other images, one for all, a new one each, queries under other names."""
    count = len(everyone)
    shuffled = np.random.default_rng(0).permutation([f"p{k % 12}" for k in range(count)])
    sides = [
        Identity(f"q{k}" if k < 20 else f"g{k}", "", "query" if k < 20 else "gallery")
        for k in range(count)
    ]
    for comparison, said in (
        (exchanged(lfw(10, 12)), "are 0 and 1 of the annotated pairs exchanged"),
        (
            with_truths(everyone, [Identity(str(name)) for name in shuffled]),
            "no more alike than pairs of two",
        ),
        (with_truths(everyone, [Identity("p")] * count), "annotated as one identity, 'p'"),
        (with_truths(everyone, [Identity(f"p{k}") for k in range(count)]), "have one image each"),
        (with_truths(everyone, sides), "no identity of 20 that are sought is in the gallery"),
    ):
        assert said in " ".join(doubts(comparison)), said


def test_pairs_of_one_label_and_copies_are_suspected() -> None:
    """A list that says the same of all, an image with itself, pairs twice, one picture under two names."""
    comparison = lfw(10, 12)
    truths = truths_of(comparison)
    only = [replace(t, pairs=tuple(p for p in t.pairs if p[1])) for t in truths]
    twice = [replace(t, pairs=t.pairs * 2) for t in truths]
    itself = list(truths)
    itself[0] = replace(truths[0], pairs=(("000.png", True, 0),))
    assert "all 120 annotated pairs are of one identity" in doubts(with_truths(comparison, only))[0]
    assert (
        "240 of 480 annotated pairs are listed more than once"
        in doubts(with_truths(comparison, twice))[0]
    )
    assert (
        "1 of 240 annotated pairs compare an image with itself"
        in doubts(with_truths(comparison, itself))[0]
    )

    images = list(comparison.images)
    images[2] = replace(images[2], record=images[1].record)
    assert (
        "are the same picture: one of the annotations is wrong (001.png and 002.png)"
        in " ".join(doubts(replace(comparison, images=tuple(images))))
    )


def test_honest_truth_is_not_suspected(everyone: Comparison[Embedding]) -> None:
    """Neither of folders nor of pairs, and not of a weak parent."""
    rows, names = faces(12, 5, 1.2)
    weak = compared(rows, rows, [Identity(name) for name in names])
    assert doubts(everyone) == doubts(lfw(10, 12)) == doubts(weak) == ()


def test_identities_are_drawn_whole() -> None:
    """Drawing twice as many images of each identity does not narrow the interval as twice as many identities would."""
    rows, names = faces(10, 4, 0.9)
    truths = [Identity(name) for name in names]
    plan = replace(PLAN, metric="rank1")
    once = TASK.role_scores(compared(rows, rows, truths), plan).parent
    copies = np.repeat(rows, 2, axis=0) + 1e-3 * np.random.default_rng(0).normal(size=(80, LENGTH))
    sides: list[Any] = ["query", "gallery"] * 40
    double = [
        Identity(name, "", side)
        for name, side in zip(np.repeat(names, 2).tolist(), sides, strict=True)
    ]
    assert sets.units(compared(unit(copies), unit(copies), double)).max() == 9
    assert 0 < once.spread < math.inf


def test_what_is_left_out_is_noted(everyone: Comparison[Embedding]) -> None:
    """Queries that nobody is like, and pairs of which an image is not judged."""
    truths = truths_of(everyone)
    alone = with_truths(everyone, [Identity("nobody else"), *truths[1:]])
    listed = lfw(10, 12)
    some = replace(listed, images=listed.images[:100])

    def notes(comparison: Comparison[Embedding]) -> tuple[str, ...]:
        found: tuple[str, ...] = TASK.notes(comparison)  # type: ignore[attr-defined]
        return found

    assert notes(everyone) == notes(listed) == ()
    assert notes(alone)[0].startswith(
        "1 of 60 images are sought in a gallery without another image"
    )
    assert notes(some) == ()
    cut = replace(listed, images=listed.images[:98])
    assert notes(cut)[0].startswith("1 of ")
