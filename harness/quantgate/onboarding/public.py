"""Public sets of images that `quantgate fetch --dataset` knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PublicSet:
    """Where a set lies, and what may be done with it.

    Parameters
    ----------
    site
        Scheme and host; ``--mirror`` stands in its place.
    archives
        Paths of archives there, whole files.
    images
        Folder of single images there, where each can be fetched alone; empty where they are in an archive.
    members
        What is taken of archives, as a pattern of paths in them: of images, of annotations.
    size_mb
        What is fetched at least, MB.
    classes
        Class index and name by the folder of an image, where folders are classes.
    """

    name: str
    about: str
    licence: str
    site: str
    archives: tuple[str, ...]
    images: str = ""
    members: tuple[str, ...] = ()
    size_mb: int = 0
    classes: Mapping[str, tuple[int, str]] = field(default_factory=dict)


#: The ten classes of Imagenette, with their indices among ImageNet's thousand.
_IMAGENETTE = MappingProxyType(
    {
        "n01440764": (0, "tench"),
        "n02102040": (217, "English springer"),
        "n02979186": (482, "cassette player"),
        "n03000684": (491, "chain saw"),
        "n03028079": (497, "church"),
        "n03394916": (566, "French horn"),
        "n03417042": (569, "garbage truck"),
        "n03425413": (571, "gas pump"),
        "n03445777": (574, "golf ball"),
        "n03888257": (701, "parachute"),
    }
)

PUBLIC_SETS: Mapping[str, PublicSet] = MappingProxyType(
    {
        one.name: one
        for one in (
            PublicSet(
                "coco-val2017",
                "5,000 photographs, objects in boxes and masks",
                "annotations CC BY 4.0 (COCO Consortium); each photograph has its own, of Flickr",
                "http://images.cocodataset.org",
                ("annotations/annotations_trainval2017.zip",),
                images="val2017",
                members=("*/instances_val2017.json",),
                size_mb=242,
            ),
            PublicSet(
                "imagenette-val",
                "3,925 photographs of ten of ImageNet's classes",
                "Apache-2.0 (fast.ai); photographs on ImageNet's terms",
                "https://s3.amazonaws.com",
                ("fast-ai-imageclas/imagenette2-320.tgz",),
                members=("*/val/*/*.JPEG",),
                size_mb=342,
                classes=_IMAGENETTE,
            ),
            PublicSet(
                "oxford-pets",
                "7,349 photographs of cats and dogs, maps of pet and background",
                "CC BY-SA 4.0 (Visual Geometry Group, Oxford)",
                "https://www.robots.ox.ac.uk",
                ("~vgg/data/pets/data/images.tar.gz", "~vgg/data/pets/data/annotations.tar.gz"),
                members=("images/*.jpg", "annotations/trimaps/[!.]*.png"),
                size_mb=811,
            ),
        )
    }
)
