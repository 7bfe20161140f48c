"""Attributes: every number against scikit-learn or a plain loop, limits that planted faults miss, what is shown."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.heads import Head
from quantgate.core.predictions import Attributes, Facts
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.pipeline.pictures import picture_of
from quantgate.report.html.palette import CHANGES, OPTIMIZED, PARENT
from quantgate.report.overlays import panes
from quantgate.tasks.attributes import task
from quantgate.tasks.attributes.record import pack, unpack
from quantgate.tasks.doubts.heads import head_doubts
from quantgate.tasks.tallies import load_tally, save_tally

if TYPE_CHECKING:
    from pathlib import Path

PLAN = EvaluationPlan(dataset="faces")
HEADS = (
    Head("colour", "class", 3, ("red", "green", "blue")),
    Head("hat", "label"),
    Head("bag", "label", threshold=0.3),
    Head("yaw", "value", unit="degrees", period=360.0),
)
COUNT = 120


def drawn(seed: int) -> Any:
    """Draw answers of one role, [images, numbers]; shares are coarse, so that some are equal."""
    rng = np.random.default_rng(seed)
    classes = rng.dirichlet((1, 1, 1), COUNT).round(2)
    return np.column_stack(
        [classes, rng.random((COUNT, 2)).round(1), rng.random(COUNT) * 360]
    ).astype(np.float32)


def truths(seed: int, missing: float = 0.2) -> list[dict[str, str]]:
    """Draw annotations, some of them missing."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(COUNT):
        row = {"colour": HEADS[0].classes[rng.integers(3)], "hat": str(rng.integers(2)),
               "bag": str(rng.integers(2)), "yaw": f"{rng.random() * 360:.3f}"}  # fmt: skip
        found.append({name: "" if rng.random() < missing else text for name, text in row.items()})
    return found


def compared(
    parent: Any, optimized: Any, facts: list[dict[str, str]] | None, heads: tuple[Head, ...] = HEADS
) -> Comparison[Attributes]:
    """Compare two tables of answers."""
    images = []
    for i, pair in enumerate(zip(parent, optimized, strict=True)):
        truth = None if facts is None else Facts(tuple(sorted(facts[i].items())))
        record = task.compact(
            Pair(*(Attributes(heads, np.asarray(row, np.float32)) for row in pair)), truth
        )
        images.append(ImageResult(f"{i}.png", (60, 60), truth, record))
    return Comparison((), tuple(images), "digest")


def judged(key: str, comparison: Comparison[Attributes], metric: Any = None) -> float:
    """Give the value that a limit judges."""
    return task.judge_quantity(key, comparison, replace(PLAN, metric=metric)).value


def known(facts: list[dict[str, str]], name: str) -> list[int]:
    """Images of which something is annotated."""
    return [i for i, row in enumerate(facts) if row[name]]


def accuracies(said: Any, facts: list[dict[str, str]]) -> dict[str, float]:
    """Accuracy of classes and labels, image by image."""
    found = {}
    for name, column, cut in (("hat", 3, 0.5), ("bag", 4, 0.3)):
        rows = known(facts, name)
        found[name] = sum(
            (said[i][column] >= np.float32(cut)) == (facts[i][name] == "1") for i in rows
        ) / len(rows)
    rows = known(facts, "colour")
    right = [HEADS[0].classes[int(said[i][:3].argmax())] == facts[i]["colour"] for i in rows]
    found["colour"] = sum(right) / len(rows)
    return found


def wrapped(first: float, second: float) -> float:
    """Degrees between two directions."""
    apart = abs(first - second) % 360
    return min(apart, 360 - apart)


def test_metrics_are_those_of_independent_tools() -> None:
    """Accuracy and error by plain loops, average precision and F1 by scikit-learn: to the last digit."""
    facts, said = truths(0), drawn(1)
    parent, _ = task.metrics(compared(said, drawn(2), facts))

    own = accuracies(said, facts)
    assert parent["accuracy"] == pytest.approx(
        np.mean([own["colour"], own["hat"], own["bag"]]), abs=1e-15
    )
    rows = known(facts, "yaw")
    apart = [wrapped(float(said[i][5]), float(facts[i]["yaw"])) for i in rows]
    assert parent["mae"] == pytest.approx(math.fsum(apart) / len(rows), abs=1e-12)
    precision, f1 = {}, {}
    for name, column, cut in (("hat", 3, 0.5), ("bag", 4, 0.3)):
        rows = known(facts, name)
        truth = [facts[i][name] == "1" for i in rows]
        precision[name] = average_precision_score(truth, said[rows, column])
        f1[name] = f1_score(truth, said[rows, column] >= np.float32(cut))
    rows = known(facts, "colour")
    classes = [
        average_precision_score([facts[i]["colour"] == name for i in rows], said[rows, k])
        for k, name in enumerate(HEADS[0].classes)
    ]
    assert parent["map"] == np.mean([np.mean(classes), precision["hat"], precision["bag"]])
    assert parent["f1"] == pytest.approx(np.mean([f1["hat"], f1["bag"]]), abs=1e-15)


def test_precision_on_resamples_is_that_of_repeated_images() -> None:
    """An image that counts three times is the same as one that is there three times."""
    from quantgate.core.ranked import ranked_precision

    rng = np.random.default_rng(3)
    scores, truth = rng.random(50).round(1), rng.random(50) < 0.3
    counts = rng.integers(0, 4, (20, 50))
    found = ranked_precision(scores, truth, counts)
    for row, value in zip(counts, found, strict=True):
        places = np.repeat(np.arange(50), row)
        assert value == pytest.approx(
            average_precision_score(truth[places], scores[places]), abs=1e-12
        )
    assert np.isnan(ranked_precision(scores, np.zeros(50, np.bool_))).all()


@pytest.mark.parametrize("metric", list(task.METRICS))
def test_a_loss_is_positive_whatever_the_metric(metric: str) -> None:
    """A worse optimized model misses every limit; intervals hold the value; equal roles lose nothing."""
    facts = truths(0)
    good = np.array(
        [
            [*(float(row["colour"] == name) for name in HEADS[0].classes), float(row["hat"] or 0),
             float(row["bag"] or 0), float(row["yaw"] or 0)]
            for row in facts
        ]
    )  # fmt: skip
    comparison = compared(good, drawn(5), facts)
    plan = replace(PLAN, metric=metric)
    drop = task.judge_quantity("max_accuracy_drop", comparison, plan)
    both = task.metrics(comparison)
    assert drop.value == pytest.approx(abs(both.parent[metric] - both.optimized[metric]))
    assert drop.value > 0.2
    assert drop.low <= drop.value <= drop.high
    assert drop.unit == ("units" if metric == "mae" else "")
    even = task.judge_quantity("max_accuracy_drop", compared(good, good, facts), plan)
    assert (even.low, even.high) == (0, 0)


def planted() -> Comparison[Attributes]:
    """A bag that the optimized model sees no more from the 80th image on, and a yaw that is 12 degrees off."""
    facts, parent = truths(0, missing=0.0), drawn(1)
    parent[:, 4] = [float(row["bag"]) for row in facts]
    parent[:, 5] = [float(row["yaw"]) for row in facts]
    optimized = parent.copy()
    optimized[80:, 4] = 0
    optimized[:, 5] = (optimized[:, 5] + 12) % 360
    return compared(parent, optimized, facts)


def test_limits_see_a_planted_fault_and_name_its_head() -> None:
    """Each limit tells it in its own unit; the worst head is the one that was spoiled."""
    comparison = planted()
    lost = sum(row.truth.cells[0][1] == "1" for row in comparison.images[80:])  # type: ignore[union-attr]
    assert lost > 10
    assert judged("max_accuracy_drop", comparison) == pytest.approx(lost / COUNT / 3)
    assert judged("max_class_drop", comparison) == pytest.approx(lost / COUNT)
    assert judged("min_agreement", comparison) == pytest.approx(1 - lost / COUNT / 3)
    assert judged("min_head_agreement", comparison) == pytest.approx(1 - lost / COUNT)
    assert judged("max_head_mae", comparison) == pytest.approx(12, abs=1e-4)
    assert judged("max_mae_increase", comparison) == pytest.approx(12, abs=1e-3)
    subjects = {
        key: task.subject(key, comparison, PLAN)
        for key in (
            "max_class_drop",
            "min_head_agreement",
            "max_head_mae",
            "max_mae_increase",
            "min_agreement",
        )
    }
    assert list(subjects.values()) == ["bag", "bag", "yaw (degrees)", "yaw (degrees)", ""]
    counts = task.detail("min_agreement", comparison, PLAN)
    assert counts.relabelled == lost


def test_a_missing_label_does_not_count_for_its_head() -> None:
    """Images without a label are left out of its head alone, and of no comparison between the roles."""
    facts = truths(0, missing=0.0)
    bare = [row | {"hat": "" if i % 2 else row["hat"]} for i, row in enumerate(facts)]
    said = drawn(1)
    whole, half = (task.metrics(compared(said, said, one)).parent for one in (facts, bare))
    every, some = accuracies(said, facts), accuracies(said, bare)
    assert (every["colour"], every["bag"]) == (some["colour"], some["bag"])
    assert half["accuracy"] - whole["accuracy"] == pytest.approx((some["hat"] - every["hat"]) / 3)
    assert judged("min_agreement", compared(said, said, bare)) == 1


def test_without_annotations_the_roles_are_compared() -> None:
    """Limits on the roles need none; those on accuracy say so, and name columns that fit no head."""
    comparison = compared(drawn(1), drawn(2), None)
    assert 0 < judged("min_head_agreement", comparison) < judged("min_agreement", comparison) < 1
    with pytest.raises(DatasetError, match="accuracy needs annotated attributes"):
        judged("max_accuracy_drop", comparison)
    strange = compared(drawn(1), drawn(2), [{"hatt": "1"}] * COUNT)
    with pytest.raises(
        DatasetError, match=r"none of the annotated attributes \(hatt\).*did you mean hat\?"
    ):
        judged("max_accuracy_drop", strange)
    with pytest.raises(
        DatasetError, match=r"image 0.png, attribute colour: 'pink' is none of red, green, blue"
    ):
        judged("max_accuracy_drop", compared(drawn(1), drawn(2), [{"colour": "pink"}] * COUNT))


def test_what_cannot_be_averaged_is_refused() -> None:
    """Years and degrees have no mean; a model of values alone has no accuracy; roles have the same heads."""
    two = (Head("age", "value", unit="years"), Head("yaw", "value", unit="degrees"))
    rows = np.random.default_rng(0).random((20, 2))
    facts = [{"age": "1", "yaw": "2"}] * 20
    comparison = compared(rows, rows, facts, two)
    for key, metric in (
        ("max_accuracy_drop", "mae"),
        ("max_head_mae", None),
        ("max_mae_increase", None),
    ):
        with pytest.raises(
            MeasurementError, match=r"age \(years\) and yaw \(degrees\) have different units"
        ):
            judged(key, comparison, metric)
    with pytest.raises(MeasurementError, match=r'evaluate\.metric = "mae" may be'):
        judged("max_accuracy_drop", comparison)
    with pytest.raises(MeasurementError, match="no head says a class or a label"):
        judged("min_agreement", comparison)
    one = Attributes(two[:1], np.ones(1, np.float32))
    with pytest.raises(DecoderError, match="the roles have different heads"):
        task.compact(Pair(one, Attributes(two, np.ones(2, np.float32))), None)
    with pytest.raises(DecoderError, match="optimized model: a head holds NaN"):
        task.compact(Pair(one, Attributes(two[:1], np.full(1, np.nan, np.float32))), None)


def test_the_worst_images_come_first() -> None:
    """Right that is wrong now comes before what was wrong in both, and that before what is right now."""
    heads = (Head("sex", "class", 2, ("f", "m")), Head("age", "value", unit="years"))
    facts = [{"sex": "m", "age": "30"}] * 6
    parent = [
        [0.2, 0.8, 30],
        [0.8, 0.2, 30],
        [0.2, 0.8, 30],
        [0.2, 0.8, 10],
        [0.4, 0.6, 50],
        [0.2, 0.8, 30],
    ]
    optimized = [
        [0.2, 0.8, 30],
        [0.2, 0.8, 30],
        [0.8, 0.2, 30],
        [0.2, 0.8, 40],
        [0.6, 0.4, 50],
        [0.2, 0.8, 30.1],
    ]
    comparison = compared(parent, optimized, facts, heads)
    found = task.worst(comparison, PLAN)
    assert [change.index for change in found] == [2, 4, 3, 1]
    assert found[0].sentence == "sex: m became f; changed and now wrong"
    assert found[2].sentence == "age: 10 years became 40 years; changed"
    assert found[3].sentence.endswith("changed and now right")


def test_tables_tell_images_answers_and_heads() -> None:
    """What changed on each image, what each head said there, and what each head is worth; the least alike first."""
    comparison = planted()
    by_image, answers, heads = task.tables(comparison, PLAN)
    keys = [column.key for column in by_image.columns]
    first = dict(zip(keys, by_image.rows[0], strict=True))
    assert (first["changed"], first["verdict"]) == (0, "same")
    assert by_image.changed == frozenset(i for i, row in enumerate(by_image.rows) if row[1])
    assert len(answers.rows) == COUNT * len(HEADS)
    assert heads.rows[0][0] == "bag"
    row = dict(zip([column.key for column in heads.columns], heads.rows[0], strict=True))
    assert row["parent_accuracy"] == 1.0
    assert row["agreement"] == row["optimized_accuracy"] == judged("min_head_agreement", comparison)
    yaw = next(
        dict(zip([c.key for c in heads.columns], r, strict=True))
        for r in heads.rows
        if r[0] == "yaw"
    )
    assert yaw["role_mae"] == pytest.approx(12, abs=1e-4)
    assert (yaw["unit"], yaw["parent_accuracy"]) == ("degrees", None)


def test_of_very_many_answers_those_of_interest_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a count of rows the table by image and head keeps what changed or is wrong, and says so."""
    every = task.tables(planted(), PLAN)[1]
    monkeypatch.setattr("quantgate.tasks.attributes.tables._MOST_ROWS", 10)
    few = task.tables(planted(), PLAN)[1]
    wanted = sorted(every.erroneous | (every.changed or frozenset()))
    assert few.rows == tuple(every.rows[k] for k in wanted)
    assert len(few.rows) < len(every.rows)
    assert few.title.endswith("what changed or is wrong")


def test_records_and_tallies_come_back_exactly(tmp_path: Path) -> None:
    """Numbers that are made of a tally are those of the gate."""
    records = [Attributes(HEADS, row) for row in drawn(1)]
    again = unpack(pack(records))
    assert all(
        a.heads == b.heads and (a.values == b.values).all()
        for a, b in zip(again, records, strict=True)
    )
    assert unpack(pack([])) == []
    between = ("min_agreement", "min_head_agreement", "max_head_mae")
    against = ("max_accuracy_drop", "max_class_drop", "max_error_increase", "max_mae_increase")
    for facts, metric, keys in (
        (truths(0), None, (*between, *against)),
        (truths(0), "mae", (*between, *against)),
        (truths(0), "map", (*between, "max_mae_increase")),
        (None, None, between),
    ):
        comparison = compared(drawn(1), drawn(2), facts)
        plan = replace(PLAN, metric=metric)
        assert save_tally("attributes", comparison, plan, tmp_path / "tally.npz")
        names, tally = load_tally("attributes", tmp_path / "tally.npz")
        whole = tally.scores(np.ones((1, len(names)), np.int32))
        for key in keys:
            number = tally.number(key, whole, whole)
            assert number is not None
            assert number[0] == pytest.approx(judged(key, comparison, metric))


def test_pictures_have_a_bar_a_head() -> None:
    """Each pane has its role's colour, what changed is marked in the last, and where a value is annotated in all."""
    comparison = planted()
    index = next(one.index for one in task.worst(comparison, PLAN) if "bag" in one.sentence)
    picture = picture_of(_Entry(), task, (comparison, comparison.images[index]), "changed")  # type: ignore[arg-type]
    drawn = panes(picture, [np.full((60, 60, 3), 128, np.uint8)])
    assert len({pane.size for pane in drawn}) == 1
    assert drawn[0].size[0] == picture.size[0]
    seen = []
    for pane in drawn:
        pixels = np.unique(np.asarray(pane).reshape(-1, 3), axis=0)
        seen.append({f"#{r:02X}{g:02X}{b:02X}" for r, g, b in pixels.tolist()})
    for own, (parent, optimized, relabelled) in zip(
        seen, ((1, 0, 0), (0, 1, 0), (1, 1, 1)), strict=True
    ):
        assert (PARENT in own, OPTIMIZED in own) == (bool(parent), bool(optimized))
        assert (CHANGES["relabelled"] in own) == bool(relabelled)
    bag, yaw = picture.heads[2], picture.heads[3]
    assert (bag.told[0][:3], bag.told[1][:2], bag.truth, bag.wrong) == (
        "yes",
        "no",
        "yes",
        (False, True),
    )
    assert yaw.mark == pytest.approx(yaw.shares[0], abs=1e-3)


class _Entry:
    evaluate = PLAN


def doubted(head: Head, truth: list[str], said: Any) -> tuple[str, ...]:
    """Doubt one head's annotations; answers [images, numbers]."""
    return head_doubts(compared(said, said, [{head.name: one} for one in truth], (head,)))


def one_hot(classes: Any, size: int) -> Any:
    """Answers that are sure of a class each."""
    return np.eye(size)[np.asarray(classes)]


def test_doubts_about_annotations() -> None:
    """Other units, other counting, other images, constant columns; none about a parent that is right on most."""
    rng = np.random.default_rng(0)
    age, sex, hat = (
        Head("age", "value", unit="years"),
        Head("kind", "class", 5),
        Head("hat", "label"),
    )
    years = rng.uniform(5, 80, 40)
    near = (years + rng.normal(0, 6, 40))[:, None]
    assert doubted(age, [f"{y:.0f}" for y in years], near) == ()
    (said,) = doubted(age, [f"{y:.0f}" for y in years], near / 100)
    assert said.startswith(
        "the annotations of age are about 100 times what the parent tells, as of hundredths"
    )
    (said,) = doubted(age, [f"{y:.0f}" for y in years], -near)
    assert "counted in the other direction" in said
    (said,) = doubted(age, ["30"] * 40, near)
    assert said.startswith("all 40 annotations of age are 30 years")
    classes = rng.integers(0, 5, 60)
    assert doubted(sex, [str(k) for k in classes], one_hot(classes, 5)) == ()
    (said,) = doubted(sex, [str((k + 1) % 5) for k in classes], one_hot(classes, 5))
    assert said.startswith("kind: ")
    assert "larger by -1" in said
    (said,) = doubted(sex, [str(k) for k in np.roll(classes, 7)], one_hot(classes, 5))
    assert "of other images" in said
    there = rng.integers(0, 2, 60)
    (said,) = doubted(hat, [str(1 - k) for k in there], there[:, None])
    assert "the other way round" in said
    facts = [{"hat": str(k), "sexx": "1"} for k in there]
    said_of = np.column_stack([there, one_hot(there, 2)])
    comparison = compared(said_of, said_of, facts, (hat, Head("sex", "class", 2)))
    (said,) = head_doubts(comparison)
    assert said == (
        "nothing is annotated of sex: it is compared between the roles alone; is 'sexx' meant? Rename it by "
        "datasets.NAME.columns"
    )
