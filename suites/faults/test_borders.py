"""Damaged and hostile files at every border: an error of ours that names the file, or nothing at all."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import warnings
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import HarnessError
from suites.faults.formats import DATA
from suites.faults.kept import KEPT
from suites.faults.mutants import mutant
from suites.faults.sent import SENT

if TYPE_CHECKING:
    from pathlib import Path

    from suites.faults.formats import Border

#: Mutants a border; the long campaign asks for more.
MUTANTS = int(os.environ.get("QUANTGATE_MUTANTS", "25"))
BORDERS: dict[str, Border] = {**DATA, **KEPT, **SENT}


@pytest.mark.parametrize("name", BORDERS)
def test_damage_is_an_error_of_ours(name: str, tmp_path: Path) -> None:
    """No foreign exception in any number of mutants, each told with the number that makes it again."""
    border = BORDERS[name]
    good = tmp_path / "good"
    good.mkdir()
    damaged = border.write(good)
    expected = border.read(_copy(good, tmp_path / "control"))
    escaped: list[str] = []
    refused = 0
    for number in range(MUTANTS):
        seed = int.from_bytes(hashlib.sha256(f"{name} {number}".encode()).digest()[:8], "big")
        rng = random.Random(seed)  # noqa: S311 - mutants are made again by their number
        folder = _copy(good, tmp_path / "mutant")
        path = folder / rng.choice(damaged).relative_to(good)
        path.write_bytes(mutant(path.read_bytes(), rng))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = border.read(folder)
        except HarnessError as error:
            refused += 1
            told = str(error)
            if not (path.stem in told or "datasets.d" in told) or "\x1b" in told:
                escaped.append(f"mutant {number} of {path.name}: says {told!r}"[:300])
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            escaped.append(f"mutant {number} of {path.name}: {type(error).__name__}: {error}"[:300])
        else:
            if border.same and found != expected:
                escaped.append(f"mutant {number} of {path.name}: read with other content")
    assert escaped == []
    assert refused or border.same


def _copy(good: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(good, target)
    return target
