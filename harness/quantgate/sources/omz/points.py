"""How key points are decoded, from the adapters of accuracy-check.yml that give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.objects import Decoding


def openpose(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Heat maps and fields along limbs."""
    names = (options["keypoints_heatmap_out"], options["part_affinity_fields_out"])
    return "keypoints", {"kind": "openpose", "outputs": names}


def tagged(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Heat maps and tags, peaks counted from the corners of their cells."""
    return "keypoints", {**_tagged(options), "cell_offset": 0.0}


def tagged_in_the_middle(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """The same, counted from the middles."""
    return "keypoints", _tagged(options)


def _tagged(options: Mapping[str, Any]) -> dict[str, Any]:
    names = (options["heatmaps_out"], options["embeddings_out"])
    return {"kind": "associative-embedding", "outputs": names}


def one_person(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    """Heat maps of one person: the highest cells' corners, as they are."""
    return "keypoints", {"kind": "heat-maps", "refine": "none", "cell_offset": 0.0}


def face(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Heat maps of one face."""
    return "keypoints", {"kind": "heat-maps", "outputs": (str(options["output_blob"]),)}


def landmarks(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    """Places in fractions of the face."""
    return "keypoints", {"kind": "landmarks"}
