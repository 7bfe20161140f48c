"""Names as TOML has them, for lines that are pasted into models.toml."""

from __future__ import annotations

import json
import re

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def quoted(key: str) -> str:
    """Write a key as TOML has it: in quotes where it holds a dot, a space or the like."""
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def table_name(*keys: str) -> str:
    """Write the name of a table: ``models."mobilenet-v2-1.0".limits``."""
    return ".".join(map(quoted, keys))
