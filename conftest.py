"""Settings of the property tests; the gates' own plugin is named in pyproject.toml."""

from __future__ import annotations

import os
from importlib.util import find_spec

if find_spec("hypothesis") is not None:
    from hypothesis import settings

    # Shared machines stall: a slow example is not a wrong one. In CI the examples are the same each time, so
    # that a change is judged by what it changes; elsewhere they are drawn anew and find what is left.
    settings.register_profile("quantgate", deadline=None, derandomize=bool(os.environ.get("CI")))
    settings.load_profile("quantgate")
