"""How regions of text are decoded, from the adapters of accuracy-check.yml that give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.objects import Decoding

#: Our keys by accuracy_check's.
_PIXEL_LINK = {
    "pixel_class_confidence_threshold": "threshold",
    "pixel_link_confidence_threshold": "link_threshold",
    "min_area": "min_area",
    "min_height": "min_height",
}


def pixel_link(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Logits of text and of links between cells."""
    names = (str(options["pixel_class_out"]), str(options["pixel_link_out"]))
    said = {own: float(options[key]) for key, own in _PIXEL_LINK.items() if key in options}
    return "quads", {"kind": "pixel-link", "outputs": names, **said}


def ctpn(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Shares of text and shifts of anchors."""
    names = (str(options["cls_prob_out"]), str(options["bbox_pred_out"]))
    return "quads", {"kind": "ctpn", "outputs": names}
