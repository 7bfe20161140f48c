"""Parameters that several decoders share, with the descriptions that editors show."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - read at run time
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, MinLen
from typing_extensions import Doc

Fraction = Annotated[float, Interval(ge=0, le=1)]
PositiveInt = Annotated[int, Gt(0)]
ScoreThreshold = Annotated[Fraction, Doc("objects below this score are dropped; low, for AP")]
IouThreshold = Annotated[Fraction, Doc("NMS: a box overlapping a better one by more is dropped")]
MaxDetections = Annotated[PositiveInt, Doc("most objects kept an image, best first")]
Strides = Annotated[tuple[PositiveInt, ...], MinLen(1), Doc("pixels a cell, finest grid first")]
MultiLabel = Annotated[bool, Doc("every class above the threshold, or only the best of a box")]
NmsMeasure = Annotated[
    Literal["iou", "diou"], Doc("diou: boxes whose centres lie apart are suppressed less")
]
Agnostic = Annotated[bool, Doc("NMS across classes: a box suppresses those of other classes too")]
OutputNames = Annotated[
    Annotated[tuple[str, ...], MinLen(1)] | None,
    Doc("names of the outputs, in the decoder's order; default: found by their shapes"),
]
Background = Annotated[
    bool | Annotated[int, Ge(0)],
    Doc("true: class 0 is the background and dropped; a number: that class"),
]
ClassIds = Annotated[
    Literal["coco90"] | tuple[Annotated[int, Ge(-1)], ...] | None,
    Doc(
        "label index of each class of the model (without background), -1: ignored; coco90: the "
        "model's classes are COCO's category ids 1..90, the labels COCO's 80"
    ),
]

#: COCO's category ids run from 1 to 90; these ten were never annotated (Lin et al. 2014, release).
COCO_UNUSED_IDS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})


def _coco90() -> tuple[int, ...]:
    used = [i for i in range(1, 91) if i not in COCO_UNUSED_IDS]
    index = {category: label for label, category in enumerate(used)}
    return tuple(index.get(category, -1) for category in range(1, 91))


#: The well-known lists of ``class_ids`` by name.
CLASS_ID_LISTS: dict[str, tuple[int, ...]] = {"coco90": _coco90()}


def class_table(class_ids: str | Sequence[int] | None) -> tuple[int, ...] | None:
    """Look up a well-known list by name, or take the list itself; None: classes are labels."""
    if isinstance(class_ids, str):
        return CLASS_ID_LISTS[class_ids]
    return None if class_ids is None else tuple(class_ids)


def background_index(background: bool | int) -> int | None:  # noqa: FBT001 - the manifest's value
    """Index of the class to drop, or None where every class is an object."""
    if background is True:
        return 0
    return None if background is False else int(background)
