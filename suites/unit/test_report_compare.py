"""Two runs side by side."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.table import Column, Table
from quantgate.core.verdict import Outcome
from quantgate.errors import ReportError
from quantgate.report.codec import encode
from quantgate.report.compare import compare_runs, comparison_lines, movement
from quantgate.report.green import last_green
from quantgate.report.html.compare_pictures import changed_pictures
from quantgate.report.model import Judged, KnownFailure
from quantgate.report.publish import finish_run, write_comparison, write_side_by_side
from quantgate.report.side_by_side import side_lines
from quantgate.report.words.verdicts import moved_sentence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ((0.97, PASSED), (0.91, FAILED), "regressed"),
        ((0.91, FAILED), (0.97, PASSED), "repaired"),
        ((0.97, PASSED), (0.955, UNDECIDED), "regressed"),
        ((0.91, FAILED), (0.955, UNDECIDED), "better"),
        ((0.97, PASSED), (0.972, PASSED), "same"),
        ((0.96, PASSED), (0.99, PASSED), "better"),
        ((0.92, FAILED), (0.80, FAILED), "worse"),
    ],
)
def test_a_gate_moves_by_outcome_then_beyond_its_interval(
    judged_of: Callable[..., Judged],
    before: tuple[float, Outcome],
    after: tuple[float, Outcome],
    moved: str,
) -> None:
    """A difference that the intervals could explain is none."""
    made = [
        judged_of("min_match_rate", 0.95, Estimate(v, v - 0.01, v + 0.01, 200), outcome)
        for v, outcome in (before, after)
    ]

    assert movement(made[0], made[1]) == moved


def test_better_follows_the_direction_of_the_limit(judged_of: Callable[..., Judged]) -> None:
    """A smaller drop is better."""
    made = [
        judged_of("max_accuracy_drop", 0.05, Estimate.exact(v, 9), PASSED) for v in (0.02, 0.01)
    ]

    assert movement(made[0], made[1]) == "better"


def test_a_trifle_of_an_exact_number_is_no_movement(judged_of: Callable[..., Judged]) -> None:
    """Some bytes less in a file are the same; a thousandth is not."""
    made = [
        judged_of("max_size_ratio", 0.5, Estimate.exact(value), PASSED)
        for value in (0.330363, 0.330358, 0.3309)
    ]

    assert [movement(made[0], other) for other in made] == ["same", "same", "worse"]


def test_known_failures_lie_between_passed_and_undecided(judged_of: Callable[..., Judged]) -> None:
    """A limit that became a known failure has regressed."""
    known = KnownFailure("why", 0.5, "2099-01-01")
    made = [
        judged_of("min_match_rate", 0.95, Estimate.exact(0.96, 9), PASSED),
        judged_of("min_match_rate", 0.95, Estimate.exact(0.90, 9), FAILED, known=known),
    ]

    assert movement(made[0], made[1]) == "regressed"
    assert movement(None, made[0]) == "new"
    assert movement(made[0], None) == "gone"


def changed(report: Any) -> Any:
    """Make the same run again with one gate repaired, one image changed, on another machine."""
    first, *others = report.judged
    verdict = dataclasses.replace(
        first.verdict, estimate=Estimate.exact(0.96, 200), outcome=Outcome.PASSED
    )
    model = report.models[0]
    table = model.tables[0]
    rows = (("img-00000.png", 9, 1, 0.5), *table.rows[1:])
    tables = (dataclasses.replace(table, rows=rows), *model.tables[1:])
    return dataclasses.replace(
        report,
        run="run-2",
        fingerprint="other",
        versions={"quantgate": "0.2.0"},
        machine={"CPU": "another CPU"},
        judged=(dataclasses.replace(first, verdict=verdict), *others),
        models=(dataclasses.replace(model, tables=tables), *report.models[1:]),
    )


def test_what_changed_is_listed_and_nothing_else(sample: Any) -> None:
    """The gate, the version, the machine and the one image."""
    found = compare_runs(sample.report, changed(sample.report))

    assert [(c.key, c.movement) for c in found.verdicts if c.movement != "same"] == [
        ("min_match_rate", "repaired")
    ]
    assert found.facts == (("quantgate", "0.1.0", "0.2.0"), ("CPU", "a CPU", "another CPU"))
    assert found.notes[0].startswith("the runs come from different machines")
    ((model, table),) = found.images
    assert (model, table.rows) == ("ssd", (("img-00000.png", 0, 9, 0.0, 0.5),))


def test_a_small_move_of_an_exact_value_is_shown(judged_of: Callable[..., Judged]) -> None:
    """Where both values are written alike, their digits follow."""
    made = [
        judged_of("max_size_ratio", 0.5, Estimate.exact(value), PASSED)
        for value in (0.4012, 0.4037)
    ]

    line = moved_sentence(("ssd", "max_size_ratio"), movement(made[0], made[1]), *made)

    assert line.startswith("WORSE  ssd: size ratio: PASSED 0.40× (0.4012) → PASSED 0.40× (0.4037)")


def test_different_stacks_are_said_first(sample: Any) -> None:
    """Two stacks on one machine: what differs between them, and nothing about machines."""
    before = dataclasses.replace(sample.report, versions={"openvino": "2024.6.0", "nncf": "2.14.1"})
    after = dataclasses.replace(before, versions={"openvino": "2026.4.1", "nncf": "3.4.0"})

    (note,) = compare_runs(before, after).notes

    assert note.startswith("the stacks differ (openvino 2024.6.0 → 2026.4.1, nncf 2.14.1 → 3.4.0)")


def test_the_terminal_says_what_moved(sample: Any) -> None:
    """One line a gate; nothing moved is said too."""
    lines = comparison_lines(compare_runs(sample.report, changed(sample.report)))

    assert "REPAIRED  ssd: match rate: FAILED 0.912 [0.894, 0.931] → PASSED 0.960" in lines
    assert comparison_lines(compare_runs(sample.report, sample.report)) == [
        "no verdict and no value changed"
    ]


def test_the_page_compares_two_folders(sample: Any) -> None:
    """Both runs are read from their folders; one run twice is a mistake."""
    other = sample.directory.with_name("run-2")
    finish_run(sample.report, sample.directory)
    report = changed(sample.report)
    _copy_pictures(sample.directory, other)
    finish_run(report, other)
    page = sample.directory.parent / "compare.html"

    write_comparison(sample.directory, other, page)

    text = page.read_text(encoding="utf-8")
    assert "repaired" in text
    assert "img-00000.png" in text
    with pytest.raises(ReportError, match="are the same run"):
        write_comparison(other, other, page)


def _copy_pictures(source: Path, target: Path) -> None:
    import shutil

    shutil.copytree(source / "pictures", target / "pictures")


def test_changed_images_are_shown_as_each_run_drew_them(sample: Any, tmp_path: Path) -> None:
    """Side by side where both drew them; a run.json alone has no pictures and is no error."""
    finish_run(sample.report, sample.directory)
    alone = tmp_path / "later.json"
    alone.write_text(json.dumps(encode(changed(sample.report))), encoding="utf-8")
    page = tmp_path / "comparison.html"

    comparison = write_comparison(sample.directory, alone, page)
    both = changed_pictures(comparison, (sample.directory, sample.directory))
    text = page.read_text("utf-8")

    assert [(p.model, p.name, bool(p.before), bool(p.after)) for p in both] == [
        ("ssd", "img-00000.png", True, True)
    ]
    assert "img-00000.png, before: parent, optimized, diff" in text
    assert "no picture: it is not among" in text


def test_columns_in_which_nothing_changed_are_left_out(sample: Any) -> None:
    """What is the same before and after tells nobody anything."""
    after = changed(sample.report)
    model = after.models[0]
    rows = (
        ("img-00000.png", 9, *sample.report.models[0].tables[0].rows[0][2:]),
        *model.tables[0].rows[1:],
    )
    table = dataclasses.replace(model.tables[0], rows=rows)
    after = dataclasses.replace(after, models=(dataclasses.replace(model, tables=(table,)),))

    ((_, found),) = compare_runs(sample.report, after).images

    assert [column.key for column in found.columns] == ["image", "a_before", "a_after"]
    assert found.rows == (("img-00000.png", 0, 9),)


def compared_rates(sample: Any, rates: tuple[list[int], list[int]]) -> tuple[str, Estimate | None]:
    """Compare two runs whose images have 10 objects each, of which so many match."""
    columns = tuple(Column(key, key, "count") for key in ("a", "b", "matches"))
    runs = []
    for place, matches in enumerate(rates):
        rows = tuple((f"{i}.png", 10, 10, m) for i, m in enumerate(matches))
        table = Table("basic", "by image", (Column("image", "Image"), *columns), rows)
        value = sum(matches) / (10 * len(matches))
        first = sample.report.judged[0]
        estimate = Estimate(value, value - 0.1, value + 0.1, len(matches))
        judged = dataclasses.replace(
            first, verdict=dataclasses.replace(first.verdict, estimate=estimate)
        )
        model = dataclasses.replace(sample.report.models[0], tables=(table,))
        runs.append(
            dataclasses.replace(
                sample.report, run=f"run-{place}", judged=(judged,), models=(model,)
            )
        )
    (change,) = compare_runs(runs[0], runs[1]).verdicts
    return change.movement, change.difference


def test_three_runs_stand_side_by_side(sample: Any, tmp_path: Path) -> None:
    """Each run against the first, gate by gate; a gate that one run left out is folded away."""
    first = sample.report
    better = dataclasses.replace(changed(first), run="recipe-b")
    fewer = dataclasses.replace(first, run="recipe-c", judged=first.judged[:1])
    folders = []
    for run in (first, better, fewer):
        folder = tmp_path / run.run
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(encode(run)))
        folders.append(folder)

    found = write_side_by_side(folders, tmp_path / "page.html")
    lines, page = side_lines(found), (tmp_path / "page.html").read_text("utf-8")

    assert [run.run for run in found.runs] == [first.run, "recipe-b", "recipe-c"]
    assert any(line.startswith("    recipe-b: ") and "repaired" in line for line in lines)
    assert sum(not row.everywhere for row in found.rows) == len(first.judged) - 1
    for text in ("3 runs side by side", "recipe-b", "recipe-c", "repaired", "Not judged in every"):
        assert text in page
    with pytest.raises(ReportError, match="name each run once"):
        write_side_by_side([folders[0], folders[1], folders[0]], tmp_path / "page.html")


def test_likeness_of_pictures_is_paired(sample: Any) -> None:
    """Signal to noise of restored pictures is compared image by image."""
    columns = (Column("image", "Image"), Column("psnr_db", "PSNR", "number"))
    first = sample.report.judged[0]
    runs = []
    for place, lift in enumerate((0.0, 0.4)):
        rows = tuple((f"{i}.png", 30.0 + i + lift + 0.1 * (i % 2)) for i in range(20))
        value = sum(row[1] for row in rows) / 20
        limit = dataclasses.replace(first.verdict.limit, key="min_psnr_db", threshold=20.0)
        estimate = Estimate(value, value - 3, value + 3, 20, "dB")
        verdict = dataclasses.replace(first.verdict, limit=limit, estimate=estimate, outcome=PASSED)
        judged = dataclasses.replace(first, verdict=verdict)
        table = Table("basic", "by image", columns, rows)
        model = dataclasses.replace(sample.report.models[0], tables=(table,))
        runs.append(
            dataclasses.replace(sample.report, run=f"r{place}", judged=(judged,), models=(model,))
        )
    (change,) = compare_runs(*runs).verdicts

    assert change.movement == "better"
    assert change.difference is not None
    assert change.difference.value == pytest.approx(0.4)


def test_what_every_image_lost_is_worse_although_intervals_overlap(sample: Any) -> None:
    """Half an object less on each image: images differ more among themselves than the runs do."""
    before = [3, 9, 4, 10, 5, 9, 2, 8, 9, 7] * 4
    after = [max(0, m - 1 + i % 2) for i, m in enumerate(before)]

    moved, difference = compared_rates(sample, (before, after))

    assert difference is not None
    assert (moved, difference.n) == ("worse", 40)
    assert difference.low < -0.05 < difference.high < 0


def test_a_difference_that_may_be_none_is_undecided(sample: Any) -> None:
    """A few images up, a few down; equal runs stay the same."""
    before = [5] * 20
    after = [8, 8, 8, 2, 3, *before[5:]]

    assert compared_rates(sample, (before, after))[0] == "undecided"
    assert compared_rates(sample, (before, before))[0] == "same"


def test_only_shared_images_are_paired(sample: Any) -> None:
    """Images that one of the runs has alone say nothing about the other."""
    before, after = [5] * 10, [6] * 10 + [0] * 30

    moved, difference = compared_rates(sample, (before, after))

    assert difference is not None
    assert (moved, difference.n) == ("better", 10)
    assert difference.value == pytest.approx(0.1)


def test_gates_of_one_run_alone_are_one_line(sample: Any) -> None:
    """A run of a selection buries nothing: what it left out is counted."""
    alone = dataclasses.replace(sample.report, run="run-2", judged=sample.report.judged[:1])

    lines = comparison_lines(compare_runs(sample.report, alone))

    assert lines == [
        "no verdict and no value changed",
        "2 gates of 2 models were judged in run-1 alone: not compared",
    ]


def test_the_last_green_run_is_found(sample: Any) -> None:
    """Not a red one, not a later one, not one of another branch."""
    passed = tuple(item for item in sample.report.judged if item.verdict.outcome is PASSED)
    bare = tuple(dataclasses.replace(model, pictures=()) for model in sample.report.models)
    made: dict[str, tuple[str, str, Any]] = {
        "red": ("2026-11-20T10:00:00+00:00", "main", sample.report.judged),
        "old": ("2026-11-19T10:00:00+00:00", "main", passed),
        "other": ("2026-11-20T09:00:00+00:00", "feature", passed),
        "later": ("2026-11-22T10:00:00+00:00", "main", passed),
        "own": ("2026-11-21T10:00:00+00:00", "main", sample.report.judged),
    }
    reports = sample.directory.parent
    for name, (started, branch, judged) in made.items():
        report = dataclasses.replace(sample.report, run=name, models=bare, started=started)
        report = dataclasses.replace(report, branch=branch, judged=judged)
        finish_run(report, reports / name)

    assert last_green(reports / "own").name == "old"
    with pytest.raises(ReportError, match="no green run before old"):
        last_green(reports / "old")
