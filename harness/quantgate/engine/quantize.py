"""From the parent to the optimized model, with NNCF: the only module that knows it."""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from quantgate.engine import artifact
from quantgate.engine.advanced import advanced_parameters
from quantgate.engine.ignored import check_ignored
from quantgate.engine.naming import given_names, name_by_place
from quantgate.engine.quantizers import layers
from quantgate.engine.statistics import Ahead
from quantgate.engine.unquantized import without_named
from quantgate.errors import HarnessError, QuantizationError
from quantgate.pair import Pair
from quantgate.sources.quantized import quantization_trace
from quantgate.sources.reading import first_line
from quantgate.stack import version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import openvino as ov

    from quantgate.engine.artifact import Artifact
    from quantgate.engine.calibration import Aim, Calibration, Stream
    from quantgate.entries import Recipe
    from quantgate.store import Store

#: Raised whenever this module changes what it asks NNCF for.
SCHEMA = 4
_REPORT = "quantization.json"
#: What NNCF calls its fully quantized model, before it puts layers back.
_INTERMEDIATE = "intermediate_model.xml"


@dataclass(frozen=True, slots=True)
class Reached:
    """How near accuracy-aware quantization came, measured by us, not by NNCF.

    Parameters
    ----------
    parent, optimized
        The metric of either role.
    max_drop
        What was aimed at.
    """

    parent: float
    optimized: float
    max_drop: float

    @property
    def target(self) -> bool:
        """Whether the aim was met."""
        return self.parent - self.optimized <= self.max_drop


@dataclass(frozen=True, slots=True)
class Optimized:
    """The optimized model and how it came about.

    Parameters
    ----------
    artifact
        Its IR.
    calibrated_on
        Names of the calibration images, in order.
    reached
        For method accuracy-aware, else None.
    put_back
        Layers that method accuracy-aware has put back into floating point, in order of execution.
    """

    artifact: Artifact
    calibrated_on: tuple[str, ...]
    reached: Reached | None = None
    put_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    parent: Artifact
    recipe: Recipe
    calibration: Calibration
    aim: Aim | None


def quantize(
    parent: Artifact,
    recipe: Recipe,
    calibration: Calibration,
    store: Store,
    *,
    aim: Aim | None = None,
) -> Optimized:
    """Quantize the parent as the recipe says, or find that in the store.

    The key holds recipe, parent, calibration images in order and tool versions, not the machine:
    NNCF collects its statistics in FP32, so that another CPU differs by rounding only.

    Raises
    ------
    QuantizationError
        Where NNCF refuses or crashes, an ignored scope fits nothing, or method accuracy-aware has
        no aim.
    StoreError
        Where the store cannot be written.
    """
    if recipe.method == "accuracy-aware" and aim is None:
        raise QuantizationError(
            "calibrate.method accuracy-aware needs a drop to aim at: set calibrate.max_drop or "
            "limits.max_accuracy_drop"
        )
    aim = aim if recipe.method == "accuracy-aware" else None
    key = {
        "schema": SCHEMA,
        "parent": parent.digest,
        # What is drawn and repeated is in the images.
        "recipe": asdict(replace(recipe, seed=0, subset=1, repeats=1)),
        "images": [sample.digest for sample in calibration.samples],
        "aim": None if aim is None else {"max_drop": aim.max_drop, **aim.key},
        "nncf": version("nncf"),
        "openvino": version("openvino"),
    }

    def build(folder: Path) -> None:
        reached, skipped, put_back = _build(_Job(parent, recipe, calibration, aim), folder)
        names = [sample.name for sample in calibration.samples if sample.name not in skipped]
        told = {
            "images": names,
            "reached": None if reached is None else asdict(reached),
            "put_back": put_back,
        }
        (folder / _REPORT).write_text(json.dumps(told, indent=1))

    folder = store.get_or_build("optimized", key, build)
    told = json.loads((folder / _REPORT).read_text())
    reached = None if told["reached"] is None else Reached(**told["reached"])
    return Optimized(artifact.load(folder), tuple(told["images"]), reached, tuple(told["put_back"]))


def _build(job: _Job, folder: Path) -> tuple[Reached | None, Mapping[str, str], list[str]]:
    import openvino as ov

    model = ov.Core().read_model(job.parent.path)
    trace = quantization_trace(model)
    if trace:
        raise QuantizationError(
            f"{job.parent.path}: is {trace.short} already, the first sign is {trace.first}: quantize "
            "the parent instead"
        )
    check_ignored(model, job.recipe.ignored)
    stream = job.calibration.stream()
    with _routed() as nncf:
        try:
            optimized, put_back = _ask(nncf, model, job, stream)
        except HarnessError:
            raise
        except _refusals(nncf) as error:
            raise QuantizationError(
                f"{job.parent.path}: NNCF {version('nncf')} could not quantize the model "
                f"({type(error).__name__}: {first_line(error)})"
            ) from error
    name_by_place(optimized, given_names(model))
    optimized = without_named(Pair(model, optimized), job.recipe.unquantized)
    artifact.save(optimized, folder)
    reached = None if job.aim is None else _measured(model, optimized, job.aim)
    return reached, stream.skipped, put_back


def _ask(nncf: Any, model: ov.Model, job: _Job, stream: Stream) -> tuple[ov.Model, list[str]]:
    """Call NNCF with the recipe's parameters; also return what was reverted to floating point."""
    recipe, aim = job.recipe, job.aim
    asked = {
        "preset": nncf.QuantizationPreset(recipe.preset),
        "target_device": nncf.TargetDevice(recipe.target_device),
        "subset_size": len(stream),
        "fast_bias_correction": recipe.fast_bias_correction,
        "model_type": None if recipe.model_type is None else nncf.ModelType(recipe.model_type),
        "ignored_scope": nncf.IgnoredScope(
            names=list(recipe.ignored.names),
            patterns=list(recipe.ignored.patterns),
            types=list(recipe.ignored.types),
            subgraphs=[
                nncf.Subgraph(inputs=list(one.inputs), outputs=list(one.outputs))
                for one in recipe.ignored.subgraphs
            ],
        ),
    }
    advanced = advanced_parameters(nncf, recipe.advanced)
    ahead = Ahead(stream)
    data = nncf.Dataset(ahead)
    if aim is None:
        with ahead.for_statistics():
            return nncf.quantize(model, data, advanced_parameters=advanced, **asked), []

    def validate(compiled: ov.CompiledModel, samples: Any) -> tuple[float, None]:
        return aim.measure(compiled, tuple(samples)), None

    with TemporaryDirectory(prefix="quantgate-") as scratch, ahead.for_statistics():
        made = nncf.quantize_with_accuracy_control(
            model,
            data,
            nncf.Dataset(list(aim.samples)),
            validate,
            max_drop=aim.max_drop,
            drop_type=nncf.DropType.ABSOLUTE,
            advanced_quantization_parameters=advanced,
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                max_num_iterations=recipe.max_iterations, intermediate_model_dir=scratch
            ),
            **asked,
        )
        return made, _put_back(Path(scratch) / _INTERMEDIATE, made)


def _put_back(quantized: Path, made: ov.Model) -> list[str]:
    """Name the layers that are quantized in NNCF's first model and not in its last one."""
    import openvino as ov

    left = {layer.name for layer in layers(made)}
    before = layers(ov.Core().read_model(quantized))
    return [layer.name for layer in before if layer.name not in left]


def _measured(parent: ov.Model, optimized: ov.Model, aim: Aim) -> Reached:
    """Measure again: a target that NNCF could not reach raises nothing there."""
    import openvino as ov

    config = {"INFERENCE_PRECISION_HINT": "f32"}
    before, after = (
        aim.measure(ov.Core().compile_model(model, "CPU", config), aim.samples)
        for model in (parent, optimized)
    )
    return Reached(before, after, aim.max_drop)


def _refusals(nncf: Any) -> tuple[type[Exception], ...]:
    """List what NNCF raises: its own errors, and what it lets through of others."""
    own = [
        error
        for error in vars(nncf.errors).values()
        if isinstance(error, type) and issubclass(error, Exception)
    ]
    return (*own, RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError)


@contextmanager
def _routed() -> Iterator[Any]:
    """Import NNCF with its log in ours and its progress bars silent."""
    logger_class = logging.getLoggerClass()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        # Inside: its handler takes the standard output of this moment, and greets there.
        import nncf
        import nncf.errors
        from nncf.common.logging import nncf_logger

        logging.setLoggerClass(logger_class)
        nncf_logger.handlers.clear()
        nncf_logger.propagate = True
        yield nncf
