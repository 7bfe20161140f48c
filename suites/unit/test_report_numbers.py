"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from quantgate.core.limits import form_of
from quantgate.report.words.numbers import (
    cell,
    counted,
    decimals_between,
    duration,
    rate,
    signed,
    size,
    written,
)

if TYPE_CHECKING:
    from quantgate.core.limit_kind import Form


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.912, "fraction", "0.912"),
        (-0.004, "fraction", "−0.004"),
        (-0.0001, "fraction", "0.000"),
        (1.333, "factor", "1.33×"),
        (0.872, "percent", "87.2 %"),
        (31.42, "decibel", "31.4 dB"),
        (0.0000123, "magnitude", "1.23e−05"),
        (12_345_678.0, "duration", "12.3 ms"),
        (999.0, "duration", "999 ns"),
        (4_812_000.0, "bytes", "4.81 MB"),
        (0.0, "bytes", "0 B"),
    ],
)
def test_each_form_has_its_unit(value: float, form: Form, text: str) -> None:
    """The unit belongs to the number."""
    assert written(value, form) == text


@pytest.mark.parametrize(
    ("key", "unit", "form"),
    [
        ("min_speedup", "", "factor"),
        ("max_size_ratio", "", "factor"),
        ("min_int8_share", "", "percent"),
        ("max_error_increase", "", "percent"),
        ("min_sqnr_db", "dB", "decibel"),
        ("max_accuracy_drop", "", "fraction"),
        ("max_tensor_distance", "", "magnitude"),
        ("anything", "ns", "duration"),
    ],
)
def test_the_form_follows_key_and_unit(key: str, unit: str, form: Form) -> None:
    """An estimate's unit goes first."""
    assert form_of(key, unit) == form


def test_decimals_grow_until_a_difference_shows() -> None:
    """And stay few where none is."""
    assert decimals_between(0.912, 0.95, "fraction") == 3
    assert decimals_between(0.94999, 0.95, "fraction") == 5
    assert decimals_between(0.95, 0.95, "fraction") == 3


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "count", "–"),
        (1234, "count", "1,234"),
        (0.5, "fraction", "0.500"),
        (True, "text", "yes"),
        ("plain", "text", "plain"),
        (math.inf, "number", "∞"),
        (-math.inf, "number", "−∞"),
        (math.nan, "number", "–"),
        (0.00001234, "number", "1.234e−5"),
        (19640.4, "number", "19,640"),
        (-9999.7, "number", "−10,000"),
        (1.5e9, "number", "1.5e9"),
    ],
)
def test_cells_are_written_by_kind(value: float | str | None, kind: str, text: str) -> None:
    """None is "not defined here", never zero."""
    assert cell(value, kind) == text


def test_counts_take_the_singular() -> None:
    """One image, two images."""
    assert [counted(n, "images") for n in (1, 2, 5000)] == ["1 image", "2 images", "5,000 images"]
    assert counted(1, "boxes") == "1 box"


def test_missing_measurements_are_dashes() -> None:
    """A time or a size that nobody measured is no zero."""
    assert (duration(None), size(None)) == ("–", "–")


def test_differences_carry_their_sign() -> None:
    """Except where there is none."""
    assert [signed(v, "fraction") for v in (0.004, -0.004, 0.0)] == ["+0.004", "−0.004", "0.000"]


def test_rates_keep_a_decimal_while_small() -> None:
    """1,234 inferences a second need none."""
    assert (rate(12.34), rate(1234.4)) == ("12.3 /s", "1,234 /s")
