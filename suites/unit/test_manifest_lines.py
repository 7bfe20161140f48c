"""What the report shows of models.toml beside a model."""

from __future__ import annotations

import pytest

from quantgate.manifest.lines import line_of, lines_of

MANIFEST = """
# gates of this repository
[defaults]
undecided = "warn"

[defaults.limits]
max_size_ratio = 0.5

[datasets.images]
kind = "folder"

[models.ssd] # the small one
source = "ssd.onnx"
decoder = { kind = "yolo", anchors = [
  [10, 13],
  ["a"],
] }

[models.ssd.limits]
min_match_rate = 0.9


[models."ssd.large"]
source = "large.onnx"
"""


def test_an_entry_is_shown_with_its_sub_tables_and_the_defaults() -> None:
    """Word for word, comments included; other models and datasets are left out."""
    assert lines_of(MANIFEST, "ssd") == (
        '[defaults]\nundecided = "warn"\n\n[defaults.limits]\nmax_size_ratio = 0.5\n\n'
        '[models.ssd] # the small one\nsource = "ssd.onnx"\n'
        'decoder = { kind = "yolo", anchors = [\n  [10, 13],\n  ["a"],\n] }\n\n'
        "[models.ssd.limits]\nmin_match_rate = 0.9"
    )


def test_a_quoted_name_is_found() -> None:
    """A dot inside quotes is part of the name."""
    assert lines_of(MANIFEST, "ssd.large").endswith('[models."ssd.large"]\nsource = "large.onnx"')


@pytest.mark.parametrize("text", ["", "[other]\na = 1\n", "[[models]]\n"])
def test_what_is_not_there_is_empty(text: str) -> None:
    """Nothing is made up."""
    assert lines_of(text, "ssd") == ""


def test_an_inline_entry_is_shown_with_its_table() -> None:
    """Where all models are keys of one table, that table is shown."""
    text = '[models]\nssd = { source = "a.onnx" }\n'

    assert lines_of(text, "ssd") == text.strip()


@pytest.mark.parametrize(
    ("path", "begins"),
    [
        ("models.ssd.limits.min_match_rate", "min_match_rate = 0.9"),
        ("defaults.limits.max_size_ratio", "max_size_ratio = 0.5"),
        ("models.ssd.limits.max_size_ratio", "[models.ssd.limits]"),
        ("models.ssd.decoder.kind", "decoder = {"),
        ("models.ssd", "[models.ssd]"),
    ],
)
def test_the_line_that_sets_a_key_is_found(path: str, begins: str) -> None:
    """Its own line, or that of the nearest table that could hold it; what nothing sets is line 1."""
    lines = MANIFEST.splitlines()

    assert lines[line_of(MANIFEST, path) - 1].startswith(begins)
    assert line_of(MANIFEST, "somewhere.else") == 1
