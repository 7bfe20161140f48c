"""The command that judges: what it spares a short run."""

from __future__ import annotations

import gc
from weakref import ref

from quantgate.commands.gate import _NoGarbage


class Node:
    """Part of a ring, which only a search for garbage would find."""

    ring: Node


def test_a_session_that_ends_is_not_searched_for_garbage() -> None:
    """What is alive then ends with the process: searches behind it pass over it."""
    node = Node()
    node.ring = node
    seen = ref(node)
    try:
        _NoGarbage().pytest_sessionfinish()
        del node
        gc.collect()
        assert seen() is not None
    finally:
        gc.unfreeze()
    gc.collect()
    assert seen() is None
