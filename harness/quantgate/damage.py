"""What was found damaged in the store and healed: kept beside it, so that a dying disk is seen."""

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
    line = json.dumps({"at_ns": time.time_ns(), "what": what, "problem": problem}) + "\n"
    with suppress(OSError):
        path = root / _FILE
        if path.exists() and path.stat().st_size > _LARGEST_BYTES:
            path.unlink()
        with path.open("a", encoding="utf-8") as file:
            file.write(line)


def damage_since(root: Path, since_s: float) -> list[str]:
    """Say what was healed since a time (seconds since 1970), by whichever process uses this store."""
    try:
        lines = (root / _FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    told: dict[str, None] = {}
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            found = json.loads(line)
            if found["at_ns"] >= since_s * 1e9:
                told[f"{found['what']} was damaged ({found['problem']}) and was made again"] = None
    if not told:
        return []
    advice = "bits that change in a store are the first sign of a failing disk or memory"
    return [*(f"{root}: {sentence}" for sentence in told), f"{root}: {advice}"]
