"""How embeddings are decoded, from the adapter of accuracy-check.yml that gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.objects import Decoding


def vector(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """One vector of all the output's numbers, brought to length 1 as the adapter does (grn_workaround)."""
    output = options.get("target_out")
    named = {} if output is None else {"outputs": (str(output),)}
    plain = {} if options.get("grn_workaround", True) else {"compare": "euclidean"}
    return "embedding", {"kind": "vector", **plain, **named}
