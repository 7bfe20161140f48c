"""Digests of code: what a room or a plug-in computes changes with it, so it belongs to the keys."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.plugins import GROUPS, modules_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@lru_cache
def code_digest(*rooms: str) -> str:
    """SHA-256 (first 16 hex digits) over every Python file below these folders of the package.

    Packages that add to a catalog count whole: nobody knows here what of them has a part in a number.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for folder in [*(package / room for room in rooms), *_plugged()]:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder.parent).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _plugged() -> Iterator[Path]:
    """Folders of the packages that add to a catalog."""
    for name in sorted({name for group in GROUPS for name in modules_of(group)}):
        spec = find_spec(name.split(".")[0])
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent
