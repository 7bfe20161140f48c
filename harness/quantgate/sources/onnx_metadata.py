"""What an exporter wrote into an ONNX file about it: ModelProto's ``metadata_props``."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from quantgate.sources.onnx_external import chunks

if TYPE_CHECKING:
    from pathlib import Path

#: Field numbers of onnx.proto3: ModelProto.metadata_props, StringStringEntryProto.key and value.
_PROPS, _KEY, _VALUE = 14, 1, 2


def onnx_metadata(path: Path) -> dict[str, str]:
    """Read the pairs of text; empty where the file is damaged or holds none."""
    with path.open("rb") as stream:
        try:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                spans = [span for number, *span in chunks(data, (0, len(data))) if number == _PROPS]
                pairs = [
                    {field: data[a:b].decode() for field, a, b in chunks(data, (start, stop))}
                    for start, stop in spans
                ]
        except (IndexError, ValueError):  # UnicodeDecodeError is one, and so is an empty file
            return {}
    return {pair.get(_KEY, ""): pair.get(_VALUE, "") for pair in pairs}
