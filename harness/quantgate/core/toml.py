"""Names as TOML has them, for lines that are pasted into models.toml."""

from __future__ import annotations

from quantgate.escaping import toml_key


def table_name(*keys: str) -> str:
    """Write the name of a table: ``models."mobilenet-v2-1.0".limits``.

    Examples
    --------
    >>> table_name("models", "mobilenet-v2-1.0", "limits")
    'models."mobilenet-v2-1.0".limits'
    """
    return ".".join(map(toml_key, keys))
