"""A search for recipes in miniature: a network of a few layers, recipes of which are made by surgery."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import openvino as ov

from quantgate.attribution.images import prepare_images
from quantgate.core.verdict import Limit
from quantgate.engine.quantizers import layers
from quantgate.engine.surgery import without
from quantgate.entries import Benchmark, Recipe
from quantgate.pair import Pair
from quantgate.remedy.course import Job
from quantgate.remedy.judge import Judge
from suites.quantized import SIDE, Bed, bed, damaged, network

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = Recipe("noise", subset=24)
LIMIT = Limit("min_agreement", 0.9, "models.m.limits.min_agreement")


class World:
    """A network with one damaged layer; recipes are made by surgery instead of NNCF."""

    def __init__(self, folder: Path, layer: int = 3) -> None:
        models = network()
        self.folder = folder
        self.bed: Bed = bed(folder, Pair(models.parent, damaged(models.optimized, layer, "narrow")))
        self.made: list[Recipe] = []
        self.kept: dict[str, Any] = {}
        self.read = 0

    def make(self, recipe: Recipe) -> Path:
        """Put what a recipe leaves out back into floating point."""
        self.made.append(recipe)
        folder = self.folder / hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]
        if not folder.exists():
            folder.mkdir()
            out = {*recipe.ignored.names, *recipe.unquantized.names}
            types = {*recipe.ignored.types, *recipe.unquantized.types}
            models = self.bed.models
            out |= {one.name for one in layers(models.optimized) if one.type in types}
            ov.save_model(without(models, out), folder / "model.xml", compress_to_fp16=False)
        return folder / "model.xml"

    def keep(self, told: Any, build: Any) -> Any:
        """Keep readings as the store does."""
        key = repr(sorted(told.items()))
        if key not in self.kept:
            self.read += 1
            self.kept[key] = build()
        return self.kept[key]

    def job(self, **changed: Any) -> Job:
        """What the search works with."""
        dataset = self.bed.bench.dataset
        images = prepare_images(self.bed.bench, self.bed.plan, dataset.samples, (SIDE, SIDE))
        parent, limits = self.bed.paths.parent, {"min_agreement": LIMIT}
        judge = Judge(images, parent, limits, Benchmark(), lambda *_: 1.0)
        given = {"declared": DECLARED, "parent": self.bed.paths.parent, "judge": judge}
        return Job(
            **{
                **given,
                "make": self.make,
                "whole": self.make,
                "keep": self.keep,
                "seconds": 1e6,
                **changed,
            }
        )
