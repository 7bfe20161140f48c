"""The notes of a release are the changelog's section of its version."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.10] - 2026-01-02

### Added

- Ten.

## [1.2.1] - 2026-01-01

- One.
"""


def notes(version: str, changelog: Path) -> subprocess.CompletedProcess[str]:
    """Run the script that the release workflow runs."""
    return subprocess.run(
        [ROOT / ".ci" / "release-notes", version, changelog],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("version", "expected"), [("1.2.1", "- One.\n"), ("1.2.10", "### Added\n\n- Ten.\n")]
)
def test_the_section_of_a_version_is_printed(version: str, expected: str, tmp_path: Path) -> None:
    """The whole section of this version alone is printed, without heading and blank edges."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG)

    assert notes(version, changelog).stdout == expected


@pytest.mark.parametrize("version", ["Unreleased", "1.2", "2.0.0"])
def test_a_release_without_notes_fails(version: str, tmp_path: Path) -> None:
    """An empty or missing section ends the release before anything is published."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG)

    done = notes(version, changelog)

    assert done.returncode != 0
    assert f"no section for version {version}" in done.stderr


def test_this_repository_s_changelog_has_sections() -> None:
    """What users were not told yet stands under Unreleased."""
    assert notes("Unreleased", ROOT / "CHANGELOG.md").returncode == 0
