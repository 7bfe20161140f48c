"""Digests of our own code: what a room computes changes with it, so it belongs to the keys."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


@lru_cache
def code_digest(*rooms: str) -> str:
    """SHA-256 (first 16 hex digits) over every Python file below these folders of the package."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
