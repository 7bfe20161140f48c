from __future__ import annotations

import tomllib

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.limits import LIMITS
from quantgate.core.suggest import Provenance, snippet, suggest, vacuous

SOURCE = Provenance("Some CPU", "amx", "2026-11-20", "openvino 2026.4.1")
RUNS = (Estimate(1.50, 1.45, 1.55, 12, of="rounds"), Estimate(1.48, 1.40, 1.56, 12, of="rounds"))


def test_speed_is_proposed_below_everything_measured() -> None:
    """The worst end of all runs less five per cent, rounded down."""
    assert suggest("min_speedup", RUNS).limit == pytest.approx(1.33)


def test_runs_that_differ_widen_the_margin() -> None:
    """Runs that lie apart by more than the margin move the limit by their distance."""
    runs = (Estimate.exact(1.0, of="rounds"), Estimate.exact(2.0, of="rounds"))
    said = suggest("min_speedup", runs)

    assert said.limit is None
    assert "nothing could breach" in said.note


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("max_accuracy_drop", 0.0041, 0.0061),
        ("max_accuracy_drop", -0.2, 0.002),
        ("min_match_rate", 0.95, 0.94),
        ("min_int8_share", 0.999, 0.989),
        ("max_size_ratio", 0.30, 0.306),
        ("min_sqnr_db", 25.0, 24.0),
    ],
)
def test_every_kind_has_its_margin(key: str, value: float, expected: float) -> None:
    """Fractions move by points, ratios by per cent, an improvement by nothing."""
    limit = suggest(key, [Estimate.exact(value)]).limit

    assert limit == pytest.approx(expected)


def test_what_was_measured_always_meets_the_proposal() -> None:
    """A proposed limit is met by every run it was made from."""
    low = suggest("min_match_rate", [Estimate(0.9, 0.85, 0.95, 50)]).limit
    high = suggest("max_latency_ratio", [Estimate(0.7, 0.6, 0.8, 12)]).limit

    assert low is not None
    assert low <= 0.85
    assert high is not None
    assert high >= 0.8


@pytest.mark.parametrize("key", ["min_match_rate", "min_agreement", "min_int8_share"])
def test_nothing_vacuous_is_proposed(key: str) -> None:
    """A share of nearly 0 gets no limit, because none could be breached."""
    assert suggest(key, [Estimate.exact(0.005)]).limit is None
    assert vacuous(LIMITS[key], -0.1)


def test_a_drop_in_decibels_is_proposed_with_a_margin_of_its_own() -> None:
    """A metric in dB has no end, and 0.002 dB would be no margin."""
    found = suggest("max_accuracy_drop", [Estimate.exact(1.2, unit="dB")])

    assert found.limit == pytest.approx(2.2)


def test_snippet_is_a_manifest() -> None:
    """The lines parse, speed limits are given for this class of machine, and the source is told."""
    found = [suggest("min_speedup", RUNS), suggest("min_match_rate", [Estimate.exact(0.001)])]
    text = snippet("ssd", found, SOURCE)

    assert tomllib.loads(text) == {"models": {"ssd": {"limits": {"min_speedup": {"amx": 1.33}}}}}
    assert "Some CPU" in text
    assert f"in {len(RUNS)} runs of {min(run.n for run in RUNS)} rounds" in text
    assert "# min_match_rate" in text


def test_what_a_class_of_machine_executes_is_proposed_for_it_alone() -> None:
    """Other processors run other work in INT8: the share is given by class, as speed is."""
    found = [suggest("min_int8_share", [Estimate.exact(1.0)])]

    limits = tomllib.loads(snippet("ssd", found, SOURCE))["models"]["ssd"]["limits"]
    assert limits == {"min_int8_share": {"amx": 0.99}}


def test_a_name_with_a_dot_can_be_pasted() -> None:
    """TOML would take the dot for the end of the name."""
    text = snippet("net-1.0-224", [suggest("min_speedup", RUNS)], SOURCE)

    assert list(tomllib.loads(text)["models"]) == ["net-1.0-224"]


def test_unknown_limits_and_no_runs_raise() -> None:
    """There is nothing to suggest from nothing."""
    with pytest.raises(ValueError, match="cannot suggest"):
        suggest("min_speedup", [])
    with pytest.raises(ValueError, match="cannot suggest"):
        suggest("min_beauty", RUNS)
