"""What a [yolo] or [region] section says about decoding its raw tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from quantgate.sources.darknet.cfg import Section

COORDINATES = 4


@dataclass(frozen=True, slots=True)
class DarknetHead:
    """How one raw head tensor [1, len(mask)·(5 + classes), height, width] is to be decoded.

    Parameters
    ----------
    output
        Name of the model's output.
    kind
        ``yolo`` (v3, v4: anchors in input pixels, a sigmoid a class) or ``region`` (v2: anchors in
        cells, softmax over the classes).
    anchors
        Every ``(width, height)`` of the section; ``mask`` chooses this head's.
    stride_px
        Input pixels a cell.
    scale_xy
        Darknet's ``scale_x_y``: ``xy = sigmoid(t)·s - (s - 1)/2``.
    new_coords
        Whether the network has applied its sigmoids itself, as scaled YOLOv4 does.
    nms_kind, beta_nms, iou_threshold
        As the cfg says, for filling a decoder's defaults.
    """

    output: str
    kind: Literal["yolo", "region"]
    classes: int
    anchors: tuple[tuple[float, float], ...]
    mask: tuple[int, ...]
    stride_px: tuple[int, int]
    scale_xy: float = 1.0
    new_coords: bool = False
    nms_kind: str = "default"
    beta_nms: float = 0.6
    iou_threshold: float = 1.0

    @property
    def own_anchors(self) -> tuple[tuple[float, float], ...]:
        """The anchors that the mask chooses, in its order."""
        return tuple(self.anchors[index] for index in self.mask)


def read_head(
    section: Section, shape: tuple[int, ...], size: tuple[int, int], output: str
) -> DarknetHead:
    """Read the head that ends at a tensor of ``shape`` NCHW in a network of input ``size`` (w, h).

    Raises
    ------
    SourceError
        Where anchors, mask and classes do not fit each other or the tensor's channels.
    """
    classes, anchors = section.integer("classes", 20), _anchors(section)
    mask = section.integers("mask") or tuple(range(len(anchors)))
    if any(not 0 <= index < len(anchors) for index in mask):
        raise section.fail(f"mask {mask} points outside its {len(anchors)} anchors", "mask")
    expected = len(mask) * (COORDINATES + 1 + classes)
    if shape[1] != expected:
        raise section.fail(
            f"{len(mask)} anchors and {classes} classes need {expected} channels, found {shape[1]}: "
            "set filters of the layer before, or classes"
        )
    return DarknetHead(
        output=output,
        kind="region" if section.kind == "region" else "yolo",
        classes=classes,
        anchors=anchors,
        mask=mask,
        stride_px=(size[0] // shape[3], size[1] // shape[2]),
        scale_xy=section.number("scale_x_y", 1.0),
        new_coords=section.integer("new_coords", 0, least=0) != 0,
        nms_kind=section.text("nms_kind", "default"),
        beta_nms=section.number("beta_nms", 0.6),
        iou_threshold=section.number("iou_thresh", 1.0),
    )


def _anchors(section: Section) -> tuple[tuple[float, float], ...]:
    values = section.numbers("anchors")
    count = section.integer("num", 1)
    if len(values) != 2 * count:
        raise section.fail(
            f"num={count} needs {2 * count} numbers in anchors, found {len(values)}", "anchors"
        )
    if min(values) <= 0:
        raise section.fail("anchors must be positive", "anchors")
    return tuple(zip(values[::2], values[1::2], strict=True))
