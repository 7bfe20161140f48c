"""models.toml → frozen entries, all problems at once; pydantic lives in this room only."""

from __future__ import annotations

from quantgate.manifest.load import load_manifest
from quantgate.manifest.schema import json_schema

__all__ = ["json_schema", "load_manifest"]
