"""What an installation brings."""

from __future__ import annotations

import json
from importlib.metadata import distribution

import pytest


def test_the_wheel_holds_the_package_alone() -> None:
    """Nothing but `quantgate`, its gates included: no tests, no training, no second top-level name."""
    installed = distribution("quantgate")
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        pytest.skip("installed as editable from a checkout, not from a wheel")
    places = {str(path) for path in installed.files or ()}
    tops = {place.split("/")[0] for place in places if not place.startswith("..")}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"quantgate"}
    assert "quantgate/gates/test_accuracy.py" in places
    assert not any("training" in place for place in places)
