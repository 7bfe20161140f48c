"""What a run writes of itself as it begins."""

from __future__ import annotations

import pytest

from quantgate.session.run_report import _typed

HANDED_ON = ("site-packages/quantgate/gates", "--manifest", "models.toml")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["/venv/bin/quantgate", "gate", "models.toml"], ["quantgate", "gate", "models.toml"]),
        (["/lib/quantgate/__main__.py", "gate"], ["quantgate", "gate"]),
        (["C:/venv/quantgate.exe", "gate"], ["quantgate", "gate"]),
        (["/lib/pytest/__main__.py", "-k", "ssd"], ["pytest", *HANDED_ON]),
    ],
)
def test_the_command_is_told_as_it_was_typed(argv: list[str], said: list[str]) -> None:
    """Not as `quantgate gate` hands it to pytest, nor by the path of an interpreter's file."""
    assert _typed(argv, HANDED_ON) == said
