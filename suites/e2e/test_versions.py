"""The versions that the project promises, asked of the package index through uv's resolver."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# No wheels of every dependency exist for Intel's macOS.
PLATFORMS = ("x86_64-manylinux_2_28", "windows", "aarch64-apple-darwin")


def resolve(python: str, platform: str, *options: str, project: Path = PROJECT) -> str | None:
    """Resolve the dependencies for a Python and a platform; None, or why that cannot be done."""
    wanted = ("--python", sys.executable, "--python-version", python, "--python-platform", platform)
    done = subprocess.run(
        [find_uv_bin(), "pip", "compile", "--quiet", *wanted, *options, str(project)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    if re.search(r"Failed to fetch|error sending request|Network connectivity", done.stderr):
        assert "CI" not in os.environ, done.stderr
        pytest.skip("the package index cannot be reached")
    return done.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_has_a_wheel(python: str, platform: str) -> None:
    """A plain install builds nothing, on every Python and platform that is promised."""
    problem = resolve(python, platform, "--only-binary", ":all:")

    assert problem is None


def test_the_second_stack_ends_with_python_3_12() -> None:
    """The extra omz resolves for Python 3.12; OpenVINO 2024.6 has no wheels for 3.13."""
    assert resolve("3.12", PLATFORMS[0], "--extra", "omz") is None
    assert "openvino==2024.6.0 has no wheels" in str(
        resolve("3.13", PLATFORMS[0], "--extra", "omz")
    )


def test_a_dependency_without_wheels_is_noticed(tmp_path: Path) -> None:
    """A dependency that exists for Windows alone fails the check for Linux."""
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\nname = "planted"\nversion = "1"\ndependencies = ["pywin32>=306"]\n'
    )

    assert resolve("3.12", "windows", "--only-binary", ":all:", project=project) is None
    problem = resolve("3.12", PLATFORMS[0], "--only-binary", ":all:", project=project)
    assert "pywin32" in str(problem)
