"""The built-in models, in one visible place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Class names of every built-in model.
LABELS: Final = tuple(str(digit) for digit in range(10))

#: A key's value; of a table, by name.
Parameter: TypeAlias = (
    "str | int | float | tuple[float, ...] | tuple[str, ...] | Mapping[str, Parameter]"
)


@dataclass(frozen=True, slots=True)
class ZooPreprocess:
    """How an image becomes the input: resized to ``size``, then (colour - mean) / scale.

    Parameters
    ----------
    size
        Width and height in px.
    mean, scale
        In the order of ``colour``, for pixels of 0..255.
    """

    size: tuple[int, int]
    colour: Literal["rgb"] = "rgb"
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    scale: tuple[float, float, float] = (58.395, 57.12, 57.375)
    layout: Literal["nchw"] = "nchw"
    resize: Literal["stretch"] = "stretch"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the committed weights reach on rendered images of the split ``evaluate``.

    Parameters
    ----------
    parent, optimized
        The metric in f32, and after NNCF's default quantization on 200 images of ``calibrate``.
    images, seed
        Which images: indices 0 to ``images - 1`` of this seed.
    """

    parent: float
    optimized: float
    images: int = 500
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A built-in model: what it does, how it is fed and decoded, what it reaches."""

    name: str
    task: str
    decoder: Mapping[str, Parameter]
    preprocess: ZooPreprocess
    metric: str
    measured: Measured
    labels: tuple[str, ...] = LABELS
    input: str = "image"
    outputs: tuple[str, ...] = field(default=())


_MODELS: Final = (
    ZooModel(
        name="digits-mobilenet-v2",
        task="classification",
        decoder={"kind": "class-scores", "softmax": True},
        preprocess=ZooPreprocess(size=(224, 224)),
        metric="top1",
        measured=Measured(parent=0.912, optimized=0.912),
        outputs=("logits",),
    ),
    ZooModel(
        name="digits-ssd-mobilenet-v2",
        task="detection",
        decoder={"kind": "ssd", "label_offset": 1},
        preprocess=ZooPreprocess(size=(300, 300)),
        metric="ap",
        measured=Measured(parent=0.7191, optimized=0.7210),
        outputs=("detection_out",),
    ),
    ZooModel(
        name="digits-yolo-v4-tiny",
        task="detection",
        decoder={
            "kind": "yolo",
            "anchors": (28, 55, 39, 53, 39, 71, 50, 63, 52, 82, 69, 85),
            "scale_xy": 2.0,
        },
        preprocess=ZooPreprocess(size=(192, 192)),
        metric="ap",
        measured=Measured(parent=0.7148, optimized=0.7160, images=300),
        outputs=("fine", "coarse"),
    ),
    ZooModel(
        name="digits-instance-segmentation",
        task="instance_segmentation",
        decoder={"kind": "mask-rcnn"},
        preprocess=ZooPreprocess(size=(300, 300)),
        metric="ap",
        measured=Measured(parent=0.6621, optimized=0.6632),
        outputs=("boxes", "labels", "masks"),
    ),
    ZooModel(
        name="digits-segmentation",
        task="semantic_segmentation",
        decoder={"kind": "class-map"},
        preprocess=ZooPreprocess(size=(256, 256)),
        metric="miou",
        measured=Measured(parent=0.6770, optimized=0.6768),
        labels=("background", *LABELS),
        outputs=("logits",),
    ),
    ZooModel(
        name="digits-keypoints",
        task="keypoints",
        decoder={"kind": "heat-maps"},
        preprocess=ZooPreprocess(size=(96, 96)),
        metric="pck",
        measured=Measured(parent=0.8081, optimized=0.8066),
        labels=("digit",),
        outputs=("heat",),
    ),
    ZooModel(
        name="digits-quads",
        task="quads",
        decoder={"kind": "db", "threshold": 0.5, "unclip": 0.9, "min_side": 2.0},
        preprocess=ZooPreprocess(size=(256, 256)),
        metric="hmean",
        measured=Measured(parent=0.8539, optimized=0.8507),
        labels=("line",),
        outputs=("lines",),
    ),
    ZooModel(
        name="digits-text",
        task="text",
        decoder={"kind": "ctc", "alphabet": "0123456789"},
        preprocess=ZooPreprocess(size=(128, 32)),
        metric="word_accuracy",
        measured=Measured(parent=0.6740, optimized=0.6820),
        labels=(),
        outputs=("steps",),
    ),
    ZooModel(
        name="digits-depth",
        task="dense",
        decoder={"kind": "dense-map"},
        preprocess=ZooPreprocess(size=(128, 128)),
        metric="abs_rel",
        measured=Measured(parent=0.0675, optimized=0.0686, images=300),
        labels=(),
        outputs=("depth",),
    ),
    ZooModel(
        name="digits-embedding",
        task="embedding",
        decoder={"kind": "vector"},
        preprocess=ZooPreprocess(size=(64, 64)),
        metric="tar_at_far_1e-2",
        measured=Measured(parent=0.7780, optimized=0.7860),
        labels=(),
        outputs=("vector",),
    ),
    ZooModel(
        name="digits-attributes",
        task="attributes",
        decoder={
            "kind": "heads",
            "heads": {
                "digit": {"kind": "softmax", "names": LABELS},
                "marks": {"kind": "sigmoid", "names": ("odd", "dark")},
                "height": {"kind": "value", "scale": 100.0, "unit": "%"},
            },
        },
        preprocess=ZooPreprocess(size=(96, 96)),
        metric="accuracy",
        measured=Measured(parent=0.8066, optimized=0.8066),
        labels=(),
        outputs=("digit", "marks", "height"),
    ),
    ZooModel(
        name="digits-restoration",
        task="image_to_image",
        decoder={"kind": "image", "colour": "rgb"},
        preprocess=ZooPreprocess(
            size=(192, 192), mean=(0.0, 0.0, 0.0), scale=(255.0, 255.0, 255.0)
        ),
        metric="psnr",
        measured=Measured(parent=33.7813, optimized=33.6247, images=300),
        outputs=("restored",),
    ),
)

ZOO: Final[Mapping[str, ZooModel]] = {model.name: model for model in _MODELS}


def xml_path(name: str) -> Path:
    """Path of a built-in model's IR; its ``.bin`` is beside it.

    Raises
    ------
    KeyError
        Where no built-in model has this name.
    """
    return Path(__file__).with_name("weights") / f"{ZOO[name].name}.xml"
