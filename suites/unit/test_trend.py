"""``quantgate trend`` on recorded nights: what it says, what fails, and a page that nothing breaks out of."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from quantgate.cli import main
from quantgate.core.estimate import Estimate
from quantgate.core.series import CONTROL, Accepted
from quantgate.history.record import Number
from quantgate.history.store import History, open_history
from quantgate.report.trend.data import report_link
from suites.e2e.world import ROOT
from suites.nights import FIRST, night

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NASTY = '</script><img src=x onerror="alert(1)">&<b>'


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Provide an empty history in a file."""
    return open_history(str(tmp_path / "nights.sqlite"), create=True)


@pytest.fixture
def trend(
    tmp_path: Path, history: History, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run the command; give its exit status and what it said."""

    def run(*arguments: str) -> tuple[int, str]:
        page = str(tmp_path / "trend.html")
        status = main(["trend", history.name, "--output", page, *arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def record(history: History, nights: int, *, factor: float = 1.0, at: int = 30) -> None:
    """Record nights of a speedup that wobbles by a per cent and moves by a factor on one night."""
    for day in range(nights):
        wobble = 0.013 * ((day * 7919 % 13) / 6 - 1)
        value = 1.3 * (1 + wobble) * (factor if day >= at else 1.0)
        history.record(night(day, value=value))


def test_an_empty_history_is_one_sentence(trend: Callable[..., tuple[int, str]]) -> None:
    """Nothing recorded is nothing wrong, and no page."""
    status, said = trend("--fail-on-change")

    assert status == 0
    assert said.count("\n") == 1
    assert "holds no run yet" in said


def test_a_history_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped path makes no new file."""
    missing = tmp_path / "missing.sqlite"

    assert main(["trend", str(missing)]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert not missing.exists()


def test_a_look_at_a_history_starts_no_test_runner(history: History, tmp_path: Path) -> None:
    """What is not needed is not loaded: the command begins in the time of its database and arrays."""
    record(history, 3)
    page = str(tmp_path / "trend.html")
    heavy = {"pytest", "pydantic", "openvino", "nncf", "cv2", "scipy.stats"}
    code = (
        f"import sys; from quantgate.cli import main; main(['trend', {history.name!r}, '--output', {page!r}]);"
        f"print(*sorted(set(sys.modules) & {heavy!r}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert done.stderr.strip() == ""


def test_quiet_nights_are_one_sentence(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """Noise is no news."""
    record(history, 45)
    status, said = trend("--fail-on-change")

    assert status == 0
    assert said.startswith("nothing changed in 2 series over 45 runs\npage: ")


def test_a_planted_step_is_told_and_fails_where_that_is_wanted(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """The night, the size, the commits; the exit status only with the option."""
    record(history, 36, factor=0.9)
    status, said = trend()
    failing, _ = trend("--fail-on-change")

    (line,) = (line for line in said.splitlines() if line.startswith("WORSE"))
    assert (status, failing) == (0, 1)
    assert FIRST.date() + dt.timedelta(days=30) == dt.date.fromisoformat(line.split()[1])
    assert re.search(r"ssd +speedup +1\.3\d× → 1\.1\d× +−\d+\.\d % \[−\d+\.\d, −\d+\.\d\]", line)
    assert f"{29:040x}"[:9] in line


def test_a_better_number_fails_nothing(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """It is told all the same."""
    record(history, 36, factor=1.1)
    status, said = trend("--fail-on-change")

    assert status == 0
    assert "BETTER" in said


def test_the_first_night_alone_fails_nothing(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """One bad night may be an outlier; the second tells."""
    record(history, 31, factor=0.9)
    assert trend("--fail-on-change")[0] == 0

    record(history, 32, factor=0.9)
    assert trend("--fail-on-change")[0] == 1


def test_an_accepted_step_is_not_told_until_it_has_run_out(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """Its expiry is told as such, with the reason once given."""
    record(history, 36, factor=0.9)
    accepted = Accepted(
        "ssd", "min_speedup", "a safer resize", "A <a@b.c>", FIRST + dt.timedelta(days=35)
    )
    history.accept(accepted)
    status, said = trend("--fail-on-change")
    assert status == 0
    assert "nothing changed in 2 series over 36 runs (1 accepted)" in said
    assert "WORSE" not in said

    history.accept(replace(accepted, at=accepted.at + dt.timedelta(days=1)))
    assert trend("--fail-on-change")[0] == 0


def test_an_expired_acceptance_is_told(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """From its last day on the step is open again."""
    record(history, 36, factor=0.9)
    at = FIRST + dt.timedelta(days=35)
    history.accept(Accepted("ssd", "min_speedup", "for now", "A <a@b.c>", at, dt.date(2026, 3, 1)))
    status, said = trend("--fail-on-change")

    assert status == 1
    assert "accepted by A <a@b.c> until 2026-03-01: for now; the acceptance has expired" in said


def test_machines_are_named_where_the_table_has_several(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """Two rows of one model are told apart; with one machine the column would say nothing."""
    record(history, 36, factor=0.9)
    _, alone = trend()
    for day in range(36):
        value = 1.3 * (1 + 0.001 * (day % 3)) * (0.9 if day >= 30 else 1.0)
        history.record(night(day, run=f"other-{day}", machine="c3d4", value=value))
    _, both = trend()

    assert "machine" not in alone.splitlines()[0]
    rows = [line for line in both.splitlines() if line.startswith("WORSE")]
    assert sorted(line.split()[-1] for line in rows) == ["a1b2", "c3d4"]


def record_both(history: History, nights: int, *, control_at: int, slower_at: int) -> None:
    """Record nights of a control that rises by a tenth on one night, and of a speedup that falls by one."""
    for day in range(nights):
        wobble = 1 + 0.013 * ((day * 7919 % 13) / 6 - 1)
        control = 1.1 if day >= control_at else 1.0
        moved = 0.9 if day >= slower_at else 1.0
        numbers = tuple(
            Number(model, quantity, Estimate(v, v - 0.05, v + 0.05, 12, of="rounds"), segment="s")
            for model, quantity, v in (
                (*CONTROL, control * (1 + (wobble - 1) / 4)),
                ("ssd", "min_speedup", 1.3 * wobble * moved),
            )
        )
        history.record(night(day, numbers=numbers))


def test_a_control_that_moved_days_before_excuses_nothing(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """A machine that changed is what it is now: a model slower some nights later is the model's fault."""
    record_both(history, 36, control_at=25, slower_at=30)
    status, said = trend("--fail-on-change")

    assert status == 1
    assert "WORSE" in said
    assert "MACHINE" not in said


def test_a_control_that_moved_is_told_as_the_reason(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """The machine's line says whether its control or most of its models changed; no series is the control's."""
    record_both(history, 36, control_at=30, slower_at=30)
    status, said = trend("--fail-on-change", "--model", "ssd")

    assert status == 0
    assert "a1b2: its control changed, and 1 number with it; no model is blamed" in said
    assert "nothing changed in 1 series over 36 runs (1 changed with a machine)" in said


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [("--model", "sdd", "ssd"), ("--quantity", "min_speed", "min_speedup")],
)
def test_a_filter_that_nothing_fits_says_what_was_meant(
    history: History,
    trend: Callable[..., tuple[int, str]],
    *,
    option: str,
    value: str,
    named: str,
) -> None:
    """A typo shows no empty page."""
    record(history, 3)
    status, said = trend(option, value)

    assert status == 1
    assert option in said
    assert f"did you mean {named}" in said


def test_filters_narrow_what_is_told(
    history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """A change of another quantity neither shows nor fails."""
    record(history, 36, factor=0.9)
    status, said = trend("--quantity", "max_size_ratio", "--fail-on-change")

    assert status == 0
    assert said.startswith("nothing changed in 1 series")


def test_markup_in_names_stays_text(
    tmp_path: Path, history: History, trend: Callable[..., tuple[int, str]]
) -> None:
    """Models, runs, commits and reasons of a history cannot leave the page's text or its data."""
    for day in range(20):
        value = 1.3 if day < 10 else 1.0
        number = Number(
            NASTY, "min_speedup", Estimate.exact(value, of="rounds"), "passed", 1.2, "s"
        )
        place = 'javascript:alert("1")'
        history.record(
            night(
                day, numbers=(number,), commit=NASTY + str(day), run=NASTY + str(day), place=place
            )
        )
    history.accept(Accepted(NASTY, "min_speedup", NASTY, NASTY, FIRST + dt.timedelta(days=19)))
    trend()
    page = (tmp_path / "trend.html").read_text(encoding="utf-8")

    assert "<img" not in page
    assert "javascript:" not in page
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert json.loads(data)["models"][0]["name"] == NASTY


def test_links_lead_to_the_web_or_to_a_folder(tmp_path: Path) -> None:
    """A job's address stays one; a folder on this disk is led to from the page; else no link."""
    assert report_link("https://ci.example/7", tmp_path) == "https://ci.example/7"
    assert report_link(str(tmp_path / "runs" / "a b"), tmp_path) == "runs/a%20b/index.html"
    assert report_link("javascript:alert(1)", tmp_path) == ""
    assert report_link("", tmp_path) == ""
