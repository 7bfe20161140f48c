"""Lies about the model: pictures fed in another way than it was trained, outputs read as something else."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from suites.lies.project import LAYOUTS, Lie

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from suites.lies.project import Project


def _preprocess(**changed: Any) -> Callable[[Project, np.random.Generator], None]:
    def tell(project: Project, _: np.random.Generator) -> None:
        project.entry["preprocess"] = {**project.entry.get("preprocess", {}), **changed}

    return tell


def _decoder(**changed: Any) -> Callable[[Project, np.random.Generator], None]:
    def tell(project: Project, _: np.random.Generator) -> None:
        project.entry["decoder"] = {**project.entry.get("decoder", {}), **changed}

    return tell


def any_scale(project: Project, rng: np.random.Generator) -> None:
    """Divide by a number that nobody uses."""
    _preprocess(mean=0, scale=round(float(rng.uniform(400, 3000)), 1))(project, rng)


def any_mean(project: Project, rng: np.random.Generator) -> None:
    """Subtract far more than any picture has."""
    _preprocess(mean=round(float(rng.uniform(300, 900)), 1))(project, rng)


#: Feedings of which one is right for a model, and the others are lies.
_FEEDINGS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "raw": _preprocess(mean=0, scale=1),
        "unit": _preprocess(mean=0, scale=255),
        "signed": _preprocess(mean=127.5, scale=127.5),
        "imagenet": _preprocess(mean=[123.675, 116.28, 103.53], scale=[58.395, 57.12, 57.375]),
        "any-scale": any_scale,
        "any-mean": any_mean,
        "rgb": _preprocess(colour="rgb"),
        "bgr": _preprocess(colour="bgr"),
        "layout": _preprocess(layout="nhwc"),
        "stretch": _preprocess(resize="stretch"),
        "letterbox": _preprocess(resize="letterbox"),
        "fit": _preprocess(resize="fit"),
        "crop": _preprocess(resize="crop"),
    }
)
_READINGS: Mapping[str, Mapping[str, Callable[..., None]]] = MappingProxyType(
    {
        "coco": {
            "activated": _decoder(activated=True),
            "cells": _decoder(anchor_units="cells"),
            "softmax": _decoder(classes="softmax"),
            "square": _decoder(sizes="square"),
        },
        "imagenet": {
            "background": _decoder(background=True),
            "no-softmax": _decoder(softmax=False),
            "softmax-twice": _decoder(softmax=True),
        },
        "masks": {"layout-out": _decoder(layout="nhwc")},
        "pairs": {"dark": _decoder(scale=1), "bright": _decoder(scale=65025)},
        "coco-masks": {"offset": _decoder(label_offset=1), "swapped": _decoder(box_format="yxyx")},
    }
)
#: One layout a model: how its truth is written says nothing of how it is fed.
_LAYOUTS = ("coco", "coco-masks", "masks", "imagenet", "pairs")

LIES: tuple[Lie, ...] = tuple(
    Lie(f"{kind}-{layout}", kind, layout, tell)
    for layout in _LAYOUTS
    for kind, tell in {**_FEEDINGS, **_READINGS[layout]}.items()
)
assert {lie.layout for lie in LIES} <= set(LAYOUTS)
