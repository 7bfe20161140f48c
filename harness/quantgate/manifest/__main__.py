"""``python -m quantgate.manifest``: write the JSON Schema and the reference anew from the types."""

from __future__ import annotations

import json
from pathlib import Path

from quantgate.manifest.reference import with_reference
from quantgate.manifest.schema import json_schema

SCHEMA = Path(__file__).parents[1] / "schema" / "models.schema.json"
REFERENCE = Path(__file__).parents[3] / "docs" / "manifest.md"


def schema_text() -> str:
    """Write the schema as it is kept in the package."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Refresh both files; the reference exists in a checkout only."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    if REFERENCE.exists():
        REFERENCE.write_text(with_reference(REFERENCE.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
