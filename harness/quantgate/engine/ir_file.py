"""What an IR's files say, read without OpenVINO."""

from __future__ import annotations

import hashlib
import json
import mmap
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

#: Section of an IR's rt_info in which a packaged model names itself.
SECTION = "quantgate"


def info_of_ir(path: Path) -> dict[str, str]:
    """Read what a packaged model's rt_info says of itself; empty for any other model."""
    section = ET.parse(path).getroot().find(f"rt_info/{SECTION}")  # noqa: S314 - as below
    return {} if section is None else {item.tag: item.get("value", "") for item in section}


def digest_of_ir(path: Path) -> str:
    """Digest an IR by its graph and constants: layer names and metadata do not count.

    NNCF numbers the nodes it inserts differently when the number of CPUs differs, while the graph
    stays the same. The names of inputs and of tensors count, as outputs are found by them.
    """
    layers = ET.parse(path).getroot()  # noqa: S314 - written by OpenVINO a moment ago
    digest = hashlib.sha256()
    weights = path.with_suffix(".bin")
    with weights.open("rb") as stream:
        if weights.stat().st_size == 0:
            _feed(layers, b"", digest)
        else:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                _feed(layers, data, digest)
    return digest.hexdigest()


def _feed(element: ET.Element, data: mmap.mmap | bytes, digest: hashlib._Hash) -> None:
    """Digest an element and all below it, constants by their bytes."""
    if element.tag in {"rt_info", "meta_data"}:
        return
    fields = dict(element.attrib)
    named = element.tag == "layer" and fields.get("type") == "Parameter"
    if element.tag in {"net", "layer"} and not named:
        fields.pop("name", None)
    if element.tag == "data" and {"offset", "size"} <= fields.keys():
        start, size = int(fields.pop("offset")), int(fields.pop("size"))
        fields["content"] = hashlib.sha256(data[start : start + size]).hexdigest()
    digest.update(json.dumps([element.tag, sorted(fields.items())]).encode())
    for child in element:
        _feed(child, data, digest)
    digest.update(b"/")
