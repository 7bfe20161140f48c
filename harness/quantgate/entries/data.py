"""Images and how they become an input: ``[datasets.NAME]`` and ``preprocess``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Interval, MinLen
from typing_extensions import Doc

from quantgate.entries.kinds import (
    DatasetKindName,
    PerChannel,
    PerInput,
    Positive,
    PositiveInt,
    Size,
)

#: Names of classes, or their ids in the annotations.
ClassNames = Annotated[tuple[str | int, ...], MinLen(1)]


#: Key points of the annotations, counted from 0.
PointIndex = Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True)
class RegionEntry:
    """``datasets.NAME.region``: each annotated object, cut out of its image, is a sample of its own."""

    around: Annotated[
        Literal["box", "points", "polygon"],
        Doc(
            "the annotated box, the extent of its annotated key points, or the smallest rectangle around its "
            "annotated polygon, turned as it lies"
        ),
    ] = "box"
    factor: Annotated[
        float, Interval(gt=0, le=100), Doc("sides of the region, in those of what it is around")
    ] = 1.0
    shape: Annotated[
        Literal["box", "square"] | Size,
        Doc("as it is; square; or a ratio, [3, 4]: the shorter side is enlarged"),
    ] = "box"
    up: Annotated[
        tuple[PointIndex, PointIndex] | None,
        Doc("two key points: the region is turned so that the second is above the first"),
    ] = None
    align: Annotated[
        Literal["face-112"] | Annotated[tuple[tuple[float, float], ...], MinLen(2)] | None,
        Doc(
            "places in the region, px, to which `align_points` are brought by scale, rotation and shift; "
            "face-112: the usual five of face recognizers"
        ),
    ] = None
    align_points: Annotated[
        tuple[PointIndex, ...], Doc("key points that `align` places, in its order")
    ] = (0, 1, 2, 3, 4)
    corners: Annotated[
        Literal["polygon"] | tuple[PointIndex, PointIndex, PointIndex, PointIndex] | None,
        Doc(
            "four key points, clockwise from the upper left, or the annotated polygon of four corners, from the "
            "upper left: the quadrilateral is straightened"
        ),
    ] = None
    size: Annotated[
        Size | None,
        Doc(
            "of the region, which is brought to it at once; default: whole pixels as they are (112, 112 with "
            "align, its sides with corners)"
        ),
    ] = None
    counted_from: Annotated[
        Literal["edges", "centres"],
        Doc(
            "edges: a coordinate of 0 is the edge of the first pixel; centres: its middle, for key points and "
            "models that were trained with OpenCV's warpAffine"
        ),
    ] = "edges"
    outside: Annotated[
        Annotated[int, Interval(ge=0, le=255)], Doc("value of pixels outside of the image, 0..255")
    ] = 114

    @property
    def needs_points(self) -> bool:
        """Whether annotated boxes alone do not tell the region."""
        named = self.corners is not None and not self.needs_outlines
        return self.around == "points" or bool(self.up or self.align or named)

    @property
    def needs_outlines(self) -> bool:
        """Whether it is annotated polygons that tell the region."""
        return "polygon" in {self.around, self.corners}

    @property
    def width_to_height(self) -> float | None:
        """Ratio of the region's sides; None: as they are."""
        if isinstance(self.shape, tuple):
            return self.shape[0] / self.shape[1]
        return 1.0 if self.shape == "square" else None


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """``[datasets.NAME]``: where images and their truth are."""

    kind: Annotated[
        DatasetKindName,
        Doc(
            "coco: one json; voc: Annotations/JPEGImages; imagenet: a list file or a folder per "
            "class; yolo-txt: a text file of boxes beside each image; wider: WIDER FACE's text file; "
            "wflw: WFLW's list of landmarks, or one like it; pts: 300-W's landmarks beside each image; "
            "open-images: the csv of boxes; "
            "masks: a folder of class maps (PNG) beside the images; pairs: a folder of target "
            "pictures; values: maps of numbers beside the images (depth, disparity, flow); "
            "text: pictures of words or lines with what they read; icdar: regions of text, a text file "
            "beside each image or one json; dota: turned boxes, a text file beside each image; identities: images of persons, vehicles, places, "
            "a folder each, as query and gallery, by name, or a list (also of pairs); table: images with a table of what they show; folder: images without annotations; digits: the built-in rendered scenes"
        ),
    ]
    path: Annotated[Path | None, Doc("folder of the images")] = None
    annotations: Annotated[
        Path | None,
        Doc(
            "coco json, imagenet list, WIDER FACE text, csv, table of attributes, list of texts (file TAB text, or ICDAR's file, "
            '"text"), json of regions of text, list of identities or pairs (LFW\'s pairs.txt, csv), csv of images and maps; folder of voc xml, '
            "text files of yolo, icdar or dota, class maps, targets or maps of numbers"
        ),
    ] = None
    labels: Annotated[
        Path | Annotated[tuple[str, ...], MinLen(1)] | None,
        Doc("class names: a text file with one a line, or a list; index = class id"),
    ] = None
    split: Annotated[
        str | None, Doc("voc: image set (val); digits: train, calibrate or evaluate")
    ] = None
    size: Annotated[Size | None, Doc("digits: size of the rendered images")] = None
    count: Annotated[PositiveInt | None, Doc("digits: how many images")] = None
    seed: Annotated[int, Ge(0), Doc("digits: seed of the renderer")] = 0
    subject: Annotated[
        Literal[
            "scenes",
            "single",
            "points",
            "lines",
            "text",
            "hands",
            "marks",
            "class-maps",
            "clean",
            "depth",
        ],
        Doc(
            "digits: scenes with objects, one digit an image, one digit with its key points, lines of digits with "
            "their corners, a line of digits, one digit that was written once and is seen five times, one digit with "
            "its attributes, scenes with the class of every pixel, scenes with the picture before blur and noise, "
            "or scenes with the distance of every pixel"
        ),
    ] = "scenes"
    text_in_name: Annotated[
        str | None,
        Doc(
            "text, without `annotations`: regular expression that fits the name of each image without suffix, "
            "its first group being the text: (.*), or [0-9]+_(.*)_[0-9]+; default: the text file beside each"
        ),
    ] = None
    identity_in_name: Annotated[
        str | None,
        Doc(
            "identities, without `annotations`: regular expression that fits the name of each image without suffix; "
            "its first group is the identity, its second the camera: (.*)_[0-9]+, or ([0-9]+)_c([0-9]+).*; default: "
            "the folder, or names as Market-1501's"
        ),
    ] = None
    attributes_in_name: Annotated[
        str | None,
        Doc(
            "table, without `annotations`: regular expression that fits the path of each image without suffix, "
            "its named groups being the attributes: (?P<age>[0-9]+)_(?P<gender>[01])_.*"
        ),
    ] = None
    columns: Annotated[
        Annotated[Mapping[str, str], MinLen(1)] | None,
        Doc(
            'table: columns that are called otherwise than the model\'s heads, by head: { gender = "sex" }'
        ),
    ] = None
    ending: Annotated[
        str | None,
        Doc(
            "masks, pairs, values: of the files under `annotations` only those whose names end so, before "
            "the suffix: _gtFine_labelIds"
        ),
    ] = None
    class_ids: Annotated[
        Literal["cityscapes", "binary", "matte"]
        | Annotated[tuple[Annotated[int, Ge(-1)], ...], MinLen(1)]
        | None,
        Doc(
            "masks: label index of each id in the class maps, -1: ignored, as are ids behind the "
            "list; cityscapes: the 19 train ids of the 34 ids of _labelIds; binary: of grey masks, "
            "below 128 the first label, from there on the second; matte: the same, and grey is the share of a "
            "pixel that is of the object"
        ),
    ] = None
    truth: Annotated[
        Literal["maps", "own-ab"],
        Doc(
            "values: maps: what the files under `annotations` hold; own-ab: a and b of CIE Lab of the images themselves, "
            "for colourization"
        ),
    ] = "maps"
    value_scale: Annotated[
        Positive,
        Doc(
            "values: stored numbers are multiplied by this: 0.001 for mm to m, 0.00390625 for KITTI's depth"
        ),
    ] = 1.0
    invalid: Annotated[
        tuple[float, ...] | None,
        Doc(
            "values: stored numbers that mark pixels of which nothing is known, besides NaN and infinity; default: 0 in "
            "maps of one channel, none in flow"
        ),
    ] = None
    valid_range: Annotated[
        tuple[float, float] | None,
        Doc("values: lowest and highest number, once scaled, that counts: [0.001, 80]"),
    ] = None
    unit: Annotated[str | None, Doc("values: of the numbers, once scaled, for pictures: m")] = None
    classes: Annotated[
        ClassNames | Annotated[Mapping[str, ClassNames], MinLen(1)] | None,
        Doc(
            "only these classes, by name or by the annotations' ids, numbered in this order: "
            '["person", "car"]; or merged: { vehicle = ["car", "truck"] }; images without one stay as '
            "backgrounds, other pixels of class maps are ignored"
        ),
    ] = None
    segments: Annotated[
        Path | None,
        Doc(
            "csv of groups of images: a header, the image's name, then one property a column (weather, "
            "camera); accuracy is told for each, and `limits.max_segment_drop` judges the worst"
        ),
    ] = None
    difficult: Annotated[bool, Doc("voc, dota: count objects marked difficult")] = False
    angle: Annotated[
        Literal["degrees", "radians", "counter-clockwise degrees", "counter-clockwise radians"]
        | None,
        Doc(
            "coco: what the last of a box's five numbers is (centre, size, angle); default: radians where none is "
            "beyond a turn, else degrees, clockwise"
        ),
    ] = None
    region: Annotated[
        RegionEntry | None,
        Doc("each annotated object is cut out of its image and is a sample of its own"),
    ] = None
    annotated: Annotated[
        bool,
        Doc("false: leave annotations and class names aside, so that the images serve any task"),
    ] = True


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How an image becomes the model's input.

    Resize is done by OpenCV outside the model; colour, mean, scale and layout are embedded in the
    graph before quantization, as deployment would do it.
    """

    size: Annotated[Size | None, Doc("[width, height] of the input; default: the model's own")] = (
        None
    )
    resize: Annotated[
        Literal["stretch", "letterbox", "fit", "crop", "height"],
        Doc(
            "stretch: plain resize; letterbox: keep the ratio, centred, padded; fit: keep the "
            "ratio, top-left, padded; crop: short side to `short_side`, centre crop; height: to the input's "
            "height, keep the ratio, padded on the right, squeezed where it is wider (lines of text)"
        ),
    ] = "stretch"
    short_side: Annotated[PositiveInt | None, Doc("crop only; default: size / 0.875")] = None
    pad: Annotated[
        Literal["edge"] | Annotated[int, Interval(ge=0, le=255)],
        Doc("padding value of letterbox, fit and height, 0..255; edge: the nearest pixel's"),
    ] = 114
    interpolation: Annotated[
        Literal["linear", "cubic", "area", "nearest"],
        Doc("OpenCV's; area: filters as it shrinks, as Pillow does"),
    ] = "linear"
    colour: Annotated[
        Literal["bgr", "rgb", "gray", "lightness"],
        Doc("order the model expects; lightness: L of CIE Lab, 0..100, for colourization"),
    ] = "bgr"
    mean: Annotated[PerChannel, Doc("subtracted, in the model's channel order")] = 0.0
    scale: Annotated[PerChannel, Doc("divided by, after the mean; never 0")] = 1.0
    layout: Annotated[Literal["nchw", "nhwc"] | None, Doc("default: found from the shape")] = None
    input: Annotated[str | None, Doc("name of the image input where a model has several")] = None
    constants: Annotated[
        Mapping[str, PerInput],
        Doc(
            "values of the other inputs, by name: a number for all elements, or all of them row by "
            "row; im_info = [480, 640, 1]"
        ),
    ] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Channels that the model is given."""
        return 1 if self.colour in {"gray", "lightness"} else 3
