"""Changed copies of images, to enlarge a small calibration set: each follows from seed and image alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.datasets.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.datasets.sample import Sample

#: Brightness moves by at most this share of 255, contrast by this factor or its inverse.
_BRIGHTER, _STEEPER = 0.25, 1.5
#: Standard deviation of noise, grey levels; of blur, share of the shorter side.
_NOISE, _BLUR = 12.0, 0.01
#: Patches erased from an image, and the share of each side that one covers.
_PATCHES, _PATCH = 3, 0.2


def augmented(samples: Sequence[Sample], kinds: Sequence[str], seed: int) -> tuple[Sample, ...]:
    """Follow each sample by a changed copy of every kind; without a kind the samples stay as they are.

    A copy's name says what was done (``a.png (flip)``), its digest holds image, kind and seed. The copies
    have no truth: boxes do not move with a flip.
    """
    return tuple(
        found
        for sample in samples
        for found in (sample, *(_copy(sample, kind, seed) for kind in kinds))
    )


def _copy(sample: Sample, kind: str, seed: int) -> Sample:
    told = f"{sample.digest} {kind} {seed}"
    digest = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def image() -> NDArray[np.uint8]:
        return KINDS[kind](read_image(sample), np.random.default_rng(int(digest, 16)))

    return replace(sample, name=f"{sample.name} ({kind})", image=image, digest=digest, truth=None)


def _flip(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Mirror left and right, uint8 [height, width, 3]."""
    del rng
    return np.ascontiguousarray(image[:, ::-1])


def _brightness(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add one value to all pixels, uint8 [height, width, 3]."""
    return _clipped(image + rng.choice([-1, 1]) * rng.uniform(0.3, 1) * _BRIGHTER * 255)


def _contrast(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Stretch or press all values around their mean, uint8 [height, width, 3]."""
    factor = _STEEPER ** (rng.choice([-1, 1]) * rng.uniform(0.3, 1))
    return _clipped((image - image.mean()) * factor + image.mean())


def _noise(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add Gaussian noise, uint8 [height, width, 3]."""
    return _clipped(image + rng.normal(0, _NOISE, image.shape))


def _blur(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur by a Gaussian, uint8 [height, width, 3]."""
    import cv2

    sigma = rng.uniform(0.5, 1) * max(2.0, _BLUR * min(image.shape[:2]))
    blurred: Any = cv2.GaussianBlur(image, (0, 0), sigma)
    return np.asarray(blurred, np.uint8)


def _erase(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cover some patches with the mean colour, uint8 [height, width, 3]."""
    erased = image.copy()
    height, width = (max(1, round(side * _PATCH)) for side in image.shape[:2])
    for _ in range(_PATCHES):
        top = int(rng.integers(0, image.shape[0] - height + 1))
        left = int(rng.integers(0, image.shape[1] - width + 1))
        erased[top : top + height, left : left + width] = image.mean(axis=(0, 1))
    return erased


def _clipped(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round to uint8, any shape [...]."""
    clipped: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return clipped


KINDS: Mapping[str, Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]] = (
    MappingProxyType(
        {
            "flip": _flip,
            "brightness": _brightness,
            "contrast": _contrast,
            "noise": _noise,
            "blur": _blur,
            "erase": _erase,
        }
    )
)
