"""The loop that every network shares.

Several processes of one thread each train one network in shared memory without locks: on cores
that other programs use as well, threads that wait for each other in every layer are many times
slower.
"""

from __future__ import annotations

import multiprocessing as mp
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import torch
from torch import nn

from harness.training.batches import scenes
from harness.training.budget import Average, Budget, sized
from harness.training.committed import restore_statistics, state_of
from quantgate.zoo.catalog import ZOO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.training.batches import Batch


#: How many blocks rest at large images: those of stride 2 and 4, half of all the time.
FROZEN_BLOCKS = 4


@dataclass(frozen=True)
class Plan:
    """What differs between trainings: batches, loss, learning rate, image sizes by progress."""

    make: Callable[[int, int, int], Batch]
    loss: Callable[[Any, torch.Tensor, Any], torch.Tensor]
    peak_rate: float
    stages: tuple[tuple[float, int], ...]
    batch: int = 32
    weight_decay: float = 0.02
    report_s: float = 20.0
    save_s: float = 90.0
    workers: int = 2
    frozen_from_px: int | None = None
    frozen_blocks: int = FROZEN_BLOCKS
    half_precision: bool = False


#: Scenes that one worker may draw before it meets the next worker's.
_SCENES_EACH = 10_000_000


_STATISTICS_IMAGES = 64


def warm_start(network: nn.Module, source: str | None) -> None:
    """Take what fits from a built-in model, by its name, or from a checkpoint's file."""
    if source is None:
        return
    given = state_of(source) if source in ZOO else torch.load(source)
    own = network.state_dict()
    found = {
        name: value
        for name, value in given.items()
        if name in own and own[name].shape == value.shape
    }
    network.load_state_dict(found, strict=False)
    if source in ZOO:
        restore_statistics(network, scenes(0, _STATISTICS_IMAGES, 256)[0])
    print(f"warm start: {len(found)} of {len(own)} tensors of {source}", flush=True)


def train(network: nn.Module, plan: Plan, budget: Budget, checkpoint: Path) -> nn.Module:
    """Train until the budget is used, saving the averaged weights every few minutes."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = network.to(memory_format=torch.channels_last).train().share_memory()
    context = mp.get_context("fork")
    helpers = [
        context.Process(target=_work, args=(network, plan, budget, rank), daemon=True)
        for rank in range(1, plan.workers)
    ]
    for helper in helpers:
        helper.start()
    average = Average(network)
    _work(network, plan, budget, 0, _Keeper(average, checkpoint, plan))
    for helper in helpers:
        helper.join()
    torch.save(average.network.state_dict(), checkpoint)
    print(f"done: {budget.seen} images", flush=True)
    return average.network


class _Keeper:
    """What the first worker does beside training: average, report, save."""

    def __init__(self, average: Average, checkpoint: Path, plan: Plan) -> None:
        self.average, self.checkpoint, self.plan = average, checkpoint, plan
        self.reported = self.saved = time.monotonic()
        self.recent: list[float] = []

    def after_step(self, network: nn.Module, budget: Budget, loss: float) -> None:
        self.average.update(network)
        self.recent.append(loss)
        now = time.monotonic()
        if now - self.reported > self.plan.report_s:
            mean = sum(self.recent) / len(self.recent)
            print(f"{budget.progress:.3f} images {budget.seen} loss {mean:.4f}", flush=True)
            self.reported, self.recent = now, []
        if now - self.saved > self.plan.save_s:
            torch.save(self.average.network.state_dict(), self.checkpoint)
            self.saved = now


def _work(
    network: nn.Module, plan: Plan, budget: Budget, rank: int, keeper: _Keeper | None = None
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=1e-3, weight_decay=plan.weight_decay, fused=True
    )
    start = rank * _SCENES_EACH
    while (progress := budget.progress) < 1:
        side = sized(progress, plan.stages)
        if plan.frozen_from_px:
            network.backbone.freeze(plan.frozen_blocks if side >= plan.frozen_from_px else 0)
        images, truth = plan.make(start, plan.batch, side)
        start += plan.batch
        for group in optimizer.param_groups:
            group["lr"] = budget.rate(plan.peak_rate)
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.half_precision):
            loss = plan.loss(network, images, truth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        budget.add(len(images))
        if keeper:
            keeper.after_step(network, budget, loss.item())
