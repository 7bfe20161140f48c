"""Settings of the property tests; the gates' own plugin is named in pyproject.toml."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("hypothesis") is not None:
    from hypothesis import settings

    # Shared machines stall: a slow example is not a wrong one.
    settings.register_profile("quantgate", deadline=None)
    settings.load_profile("quantgate")
