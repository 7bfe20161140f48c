"""models.toml → frozen entries, all problems at once; pydantic lives in this room only."""

from __future__ import annotations

from harness.manifest.load import load_manifest

__all__ = ["load_manifest"]
