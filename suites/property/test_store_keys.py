from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.store import Store, digest_of

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
KEYS = st.dictionaries(st.text(), VALUES, max_size=5)


@given(KEYS, KEYS)
def test_equal_addresses_mean_equal_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two keys share a digest exactly when their canonical JSON is the same."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert same == (digest_of(one) == digest_of(other))


@given(KEYS)
def test_order_of_keys_does_not_matter(key: dict[str, Any]) -> None:
    """A key is what it says, not the order in which it was put together."""
    assert digest_of(key) == digest_of(dict(reversed(key.items())))


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.text("abcxyz", min_size=1, max_size=8), st.binary(max_size=64), min_size=1, max_size=4
    ),
    st.data(),
)
def test_any_single_flip_is_repaired(files: dict[str, bytes], data: st.DataObject) -> None:
    """Whichever byte of whichever file is changed, the next run hands out the original."""

    def build(folder: Path) -> None:
        for name, content in files.items():
            (folder / name).write_bytes(content)

    with tempfile.TemporaryDirectory() as root:
        entry = Store(Path(root)).get_or_build("thing", {}, build)
        name = data.draw(st.sampled_from(sorted(files)))
        content = bytearray(files[name]) or bytearray(b"\0")
        content[data.draw(st.integers(0, len(content) - 1))] ^= 0x40
        (entry / name).write_bytes(content)
        again = Store(Path(root)).get_or_build("thing", {}, build)

        assert files == {name: (again / name).read_bytes() for name in files}
