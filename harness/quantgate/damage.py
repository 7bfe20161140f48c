"""What a run has to say of its store, by whichever process saw it: what was healed, and what could not be shared."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "damage.jsonl"
#: Lines of a run are few; older ones are of use to nobody but a person who looks.
_LARGEST_BYTES = 1 << 20


def note_damage(root: Path, what: str, problem: str) -> None:
    """Write down what was damaged and how; a disk that cannot be written stops no run."""
    _note(root, {"what": what, "problem": problem})


def note_trouble(root: Path, said: str) -> None:
    """Write down a sentence that stands for itself."""
    _note(root, {"said": said})


def _note(root: Path, told: dict[str, str]) -> None:
    line = json.dumps({"at_ns": time.time_ns(), **told}) + "\n"
    with suppress(OSError):
        path = root / _FILE
        if path.exists() and path.stat().st_size > _LARGEST_BYTES:
            path.unlink()
        with path.open("a", encoding="utf-8") as file:
            file.write(line)


def damage_since(root: Path, since_s: float) -> list[str]:
    """Say what was noted since a time (seconds since 1970), by whichever process uses this store."""
    try:
        lines = (root / _FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    said: dict[str, None] = {}
    told: dict[str, None] = {}
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            found = json.loads(line)
            if found["at_ns"] < since_s * 1e9:
                continue
            if "said" in found:
                said[str(found["said"])] = None
            else:
                told[f"{found['what']} was damaged ({found['problem']}) and was made again"] = None
    if not told:
        return list(said)
    advice = "bits that change in a store are the first sign of a failing disk or memory"
    return [*said, *(f"{root}: {sentence}" for sentence in told), f"{root}: {advice}"]
