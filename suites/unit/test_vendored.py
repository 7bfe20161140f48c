"""What of other people's work is inside the page: its version, its licence, and its very bytes."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
from importlib import resources
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "6.5.3"
#: SHA-256 of the files of tabulator-tables on npm, without their source-map comments.
TABULATOR = {
    "tabulator.min.js": "7537edc50aa342eadde6ffcc9a6e2ba4f4cab45ed2b6425be3e73a46cccbc302",
    "tabulator_simple.min.css": "20626e3feea130a004cdb8c1b98e715e3536cdf724023a037b435981f54da1da",
    "LICENSE": "191a2ee554684e1064c897b432f0e1bc6dfa714ca045d3f6ea2cf692cbd398b7",
}
_SOURCES = ("package/dist/js/tabulator.min.js", "package/dist/css/tabulator_simple.min.css")
_MAP = re.compile(rb"^(//# sourceMappingURL=.*|/\*# sourceMappingURL=.*\*/)$", re.MULTILINE)
_FOLDER = resources.files("quantgate.report").joinpath("vendor", "tabulator")


@pytest.mark.parametrize("name", sorted(TABULATOR))
def test_tabulator_is_the_published_one(name: str) -> None:
    """Nobody changed the vendored library since it was taken from npm."""
    assert hashlib.sha256(_FOLDER.joinpath(name).read_bytes()).hexdigest() == TABULATOR[name]


def test_it_is_made_again_from_npm(tmp_path: Path) -> None:
    """What npm publishes under this version, without the source-map comments, is what lies here, byte by byte."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to fetch the published package with")
    package = f"tabulator-tables@{VERSION}"
    try:
        ran = subprocess.run(
            [npm, "pack", package, "--silent"],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer within a minute")
    if ran.returncode:
        pytest.skip(f"npm cannot fetch {package}: {ran.stderr.strip()[-200:]}")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        published = {
            name.rpartition("/")[2]: archive.extractfile(name).read()  # type: ignore[union-attr] # files
            for name in ("package/LICENSE", *_SOURCES)
        }

    made = {name: _MAP.sub(b"", data) for name, data in published.items()}

    assert {name: _FOLDER.joinpath(name).read_bytes() for name in made} == made


def test_its_version_and_licence_are_stated() -> None:
    """The library names its version, and the licence that the page promises lies beside it."""
    assert f"Tabulator v{VERSION}" in _FOLDER.joinpath("tabulator.min.js").read_text("utf-8")[:80]
    assert "Permission is hereby granted" in _FOLDER.joinpath("LICENSE").read_text("utf-8")


def test_nothing_else_is_vendored() -> None:
    """Whatever comes into the vendored folder has to be stated here."""
    vendored = resources.files("quantgate.report").joinpath("vendor")

    assert {one.name for one in _FOLDER.iterdir()} == set(TABULATOR)
    assert {one.name for one in vendored.iterdir()} == {"tabulator", "README.md"}
