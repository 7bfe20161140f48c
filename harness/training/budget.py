"""How long a training lasts: a number of images, or minutes where the machine is shared."""

from __future__ import annotations

import copy
import math
import multiprocessing as mp
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


@dataclass
class Budget:
    """Progress of one training, 0 to 1, by images seen or by time, whichever is further.

    Parameters
    ----------
    images, minutes
        The end; None does not limit.
    """

    images: int | None
    minutes: float | None
    counter: Any = field(default_factory=lambda: mp.get_context("fork").Value("q", 0))
    started_s: float = field(default_factory=time.monotonic)

    @property
    def seen(self) -> int:
        """Images that all workers have seen."""
        return int(self.counter.value)

    def add(self, images: int) -> None:
        """Count images of one worker."""
        with self.counter.get_lock():
            self.counter.value += images

    @property
    def progress(self) -> float:
        """Share of the budget that is used, at most 1."""
        by_images = self.seen / self.images if self.images else 0.0
        elapsed_min = (time.monotonic() - self.started_s) / 60
        by_time = elapsed_min / self.minutes if self.minutes else 0.0
        return min(1.0, max(by_images, by_time))

    def rate(self, peak: float) -> float:
        """Learning rate now: a short warm-up, then a cosine down to a hundredth of the peak."""
        progress = self.progress
        if progress < 0.04:
            return peak * (0.05 + 0.95 * progress / 0.04)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.04) / 0.96)))


class Average:
    """Exponential moving average of a network: what is exported."""

    def __init__(self, network: nn.Module, decay: float = 0.99) -> None:
        self.network = copy.deepcopy(network).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the network; fast at first."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10))
        current = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(current[name], 1 - decay)
            else:
                value.copy_(current[name])


def sized(progress: float, stages: tuple[tuple[float, int], ...]) -> int:
    """Image side of the stage that ``progress`` is in: small first, the real size last."""
    return next(side for end, side in stages if progress <= end)
