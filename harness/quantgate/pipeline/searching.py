"""One entry under search: which images calibrate, choose and judge, and where things are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.limits import LIMITS
from quantgate.core.remedy import RESOURCES, Reading
from quantgate.declared import declared_limits, limit_for
from quantgate.errors import DatasetError
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of, input_size, prepared
from quantgate.pipeline.optimize import quantized
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from quantgate.core.verdict import Limit
    from quantgate.datasets.sample import Sample
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry, Recipe
    from quantgate.pipeline.data import Data
    from quantgate.remedy.judge import Judge
    from quantgate.remedy.readings import Exchange
    from quantgate.run import Run
    from quantgate.store import Store

#: Fewer calibration images cannot be divided between calibrating and choosing.
LEAST_IMAGES = 8
#: Images that choose, at most: half of the calibration images where there are fewer.
MOST_CHOOSING = 48
_FILE = "reading.json"


@dataclass(slots=True)
class Searching:
    """What a search of one entry knows: which images do what, and where things are kept."""

    entry: ModelEntry
    run: Run
    parent: Artifact
    data: Data
    _split: tuple[tuple[Sample, ...], tuple[Sample, ...]] | None = field(default=None, init=False)

    @property
    def recipe(self) -> Recipe:
        """The declared one."""
        assert self.entry.calibrate is not None
        return self.entry.calibrate

    @property
    def store(self) -> Store:
        """Where quantized models and readings are kept."""
        return self.run.store_of(self.entry.id)

    def split(self) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
        """Part the calibration images, once: those that calibrate while searching, and those that choose.

        The latter come in random order, so that the first of them are as good as any.

        Raises
        ------
        DatasetError
            Where there are too few.
        """
        if self._split is None:
            self._split = self._parted()
        return self._split

    def _parted(self) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
        from quantgate.datasets.selection import by_identity, subset

        assert self.data.calibration is not None
        every = self.data.calibration
        if len(every) < LEAST_IMAGES:
            images = "1 image" if len(every) == 1 else f"{len(every)} images"
            raise DatasetError(
                f"models.{self.entry.id}: calibrate gives {images}, and at least {LEAST_IMAGES} are needed: half "
                "of them calibrate, the others choose; name a larger dataset or raise calibrate.subset"
            )
        choosing = min(len(every) // 2, MOST_CHOOSING)
        whole = by_identity(every.samples, self.recipe.seed)
        if whole is not None:
            return tuple(whole[choosing:]), tuple(whole[:choosing])
        calibrating = subset(every, len(every) - choosing, self.recipe.seed).dataset.samples
        used = {sample.digest for sample in calibrating}
        chosen = [sample for sample in every.samples if sample.digest not in used]
        order = np.random.default_rng(self.recipe.seed).permutation(len(chosen))
        return tuple(calibrating), tuple(chosen[place] for place in order)

    def limits(self) -> Mapping[str, Limit]:
        """The declared limits of answers, by key; those against a baseline are not chosen by."""
        return {
            key: limit
            for key, limit in self._declared().items()
            if LIMITS[key].of_images and not LIMITS[key].to_baseline
        }

    def resources(self) -> Mapping[str, Limit]:
        """The declared limits that a graph meets or not, whatever it answers, by key."""
        return {key: limit for key, limit in self._declared().items() if key in RESOURCES}

    def _declared(self) -> Mapping[str, Limit]:
        from quantgate.machine import isa_class

        found = {
            key: limit_for(self.entry, key, isa_class()) for key in declared_limits(self.entry)
        }
        return {key: limit for key, limit in found.items() if limit is not None}

    def judge(self, choosing: Sequence[Sample] | None = None) -> Judge:
        """Prepare the selection images, or others."""
        from quantgate.attribution.images import prepare_images
        from quantgate.remedy.judge import Judge

        assert self.data.calibration is not None
        choosing = tuple(self.split()[1] if choosing is None else choosing)
        bench = bench_of(self.entry, replace(self.data.calibration, samples=choosing))
        images = prepare_images(
            bench, self.entry.evaluate, choosing, input_size(self.entry, self.parent)
        )
        limits = {**self.limits(), **self.resources()}
        return Judge(images, self.parent.path, limits, self.entry.benchmark)

    def input(self) -> Mapping[str, Any]:
        """A real input to time and profile with, of the images that choose: no other is opened before."""
        return {"": prepared(self.entry, self.parent, self.split()[1][0])[None]}

    def redraw(self) -> bool:
        """Whether other calibration images can be drawn without taking some that judge."""
        if self.entry.evaluate.hold_out or self.data.calibration is None:
            return False
        return len(self._drawn(replace(self.recipe, subset=10**9))) > self.recipe.subset

    def exchange(self) -> Exchange:
        """Divide the images again: as many of those that calibrated choose, the others calibrate."""
        from quantgate.remedy.readings import Exchange

        calibrating, choosing = self.split()
        order = np.random.default_rng(self.recipe.seed).permutation(len(calibrating))
        mixed = [calibrating[place] for place in order]
        chosen, rest = tuple(mixed[: len(choosing)]), (*choosing, *mixed[len(choosing) :])
        return Exchange(self.judge(chosen), lambda recipe: self._made(recipe, rest, chosen))

    def make(self, recipe: Recipe) -> Path:
        """Quantize on the calibrating part of the images, or find that in the store."""
        return self._made(recipe, *self.split())

    def _made(
        self, recipe: Recipe, calibrating: tuple[Sample, ...], choosing: tuple[Sample, ...]
    ) -> Path:
        if (recipe.seed, recipe.subset) != (self.recipe.seed, self.recipe.subset):
            spared = {sample.digest for sample in choosing}
            calibrating = tuple(one for one in self._drawn(recipe) if one.digest not in spared)
        return self.quantized(recipe, calibrating).path

    def whole(self, recipe: Recipe) -> Artifact:
        """Quantize on all calibration images of a recipe, as a gate would."""
        return self.quantized(recipe, self._drawn(recipe))

    def quantized(self, recipe: Recipe, samples: Sequence[Sample]) -> Artifact:
        """Quantize the parent on some images, as a gate would, or find that in the store."""
        assert self.data.calibration is not None
        entry = replace(self.entry, calibrate=recipe)
        data = replace(
            self.data, calibration=replace(self.data.calibration, samples=tuple(samples))
        )
        return quantized(entry, self.run, self.parent, data, progress=SILENT).artifact

    def kept(self, told: Mapping[str, Any], build: Callable[[], Reading]) -> Reading:
        """Find what a candidate read on some selection images, or have it read."""
        from quantgate.machine import isa_class
        from quantgate.report.codec import decode, encode
        from quantgate.sourcecode import code_digest

        def write(folder: Path) -> None:
            (folder / _FILE).write_text(json.dumps(encode(build())), encoding="utf-8")

        assert self.data.calibration is not None
        _, choosing = self.split()
        key = {
            **told,
            "parent": self.parent.digest,
            "bench": bench_of(self.entry, self.data.calibration).key(),
            "choosing": [sample.digest for sample in choosing],
            "plan": asdict(self.entry.evaluate),
            "limits": sorted({**self.limits(), **self.resources()}),
            "benchmark": asdict(self.entry.benchmark),
            "isa": isa_class(),
            "code": code_digest("remedy", "attribution"),
        }
        folder = self.store.get_or_build("tried", key, write)
        return decode(Reading, json.loads((folder / _FILE).read_text("utf-8")))

    def _drawn(self, recipe: Recipe) -> tuple[Sample, ...]:
        assert self.data.calibration is not None
        if (recipe.seed, recipe.subset) == (self.recipe.seed, self.recipe.subset):
            return tuple(self.data.calibration.samples)
        entry = replace(self.entry, calibrate=replace(recipe, repeats=1))
        found = load_data(entry, self.run.manifest, self.run.store).calibration
        assert found is not None
        return tuple(found.samples)
