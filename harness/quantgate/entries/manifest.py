"""A whole models.toml and its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge
from typing_extensions import Doc

from quantgate.entries.data import DatasetEntry, Preprocess
from quantgate.entries.judged import ExpectedFailure, Limits, Published
from quantgate.entries.kinds import DERIVED, AnyDecoder, NonNegative, Positive, TaskName
from quantgate.entries.lane import Lane
from quantgate.entries.plans import Benchmark, EvaluationPlan, Recipe
from quantgate.sources.catalog import AnySource
from quantgate.sources.local import LocalSource


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """``[models.NAME]``: one model, its data and its limits."""

    id: Annotated[str, Doc("NAME")] = field(metadata=DERIVED)
    task: Annotated[TaskName, Doc("a built-in, Open Model Zoo or Darknet model knows it")]
    source: Annotated[AnySource, Doc("where the parent comes from; a string is a path")]
    decoder: Annotated[
        AnyDecoder,
        Doc(
            "how outputs are read; a string is its kind; a built-in, Open Model Zoo or Darknet model "
            "knows it, and the tasks image_to_image and generic have one only"
        ),
    ]
    evaluate: Annotated[
        EvaluationPlan, Doc("what both roles are judged on; a string is the name of a dataset")
    ]
    calibrate: Annotated[
        Recipe | None,
        Doc("how the optimized model is made; a string is the name of a dataset"),
    ] = None
    optimized: Annotated[
        LocalSource | None,
        Doc("a model quantized elsewhere, instead of `calibrate`; a string is a path"),
    ] = None
    baseline: Annotated[
        LocalSource | None,
        Doc(
            "the model in the field, quantized as well: a file, or the folder of a package; the "
            "optimized model is judged against it too, by the limits …_to_baseline"
        ),
    ] = None
    preprocess: Annotated[Preprocess, Doc("how an image becomes the input")] = Preprocess()
    benchmark: Annotated[Benchmark, Doc("how speed is measured")] = Benchmark()
    limits: Annotated[Limits, Doc("what is judged, one test each")] = Limits()
    judge: Annotated[
        Literal["value", "interval"],
        Doc("accuracy and agreement: judge the value (default), or demand the whole interval"),
    ] = "value"
    undecided: Annotated[
        Literal["fail", "warn"], Doc("whether UNDECIDED fails the run (default) or only warns")
    ] = "fail"
    time_limit_s: Annotated[
        Positive | None,
        Doc(
            "seconds that one step may take (reading, quantizing, comparing, profiling, timing), before "
            "the gates that wait for it are broken; default: none"
        ),
    ] = None
    tags: Annotated[tuple[str, ...], Doc("pytest marks of this model's tests: `-m nightly`")] = ()
    expected_failure: Annotated[
        Mapping[str, ExpectedFailure], Doc("known misses, by the key of the limit")
    ] = field(default_factory=dict)
    published: Annotated[
        Mapping[str, Published],
        Doc(
            "what the source model is said to reach, by metric: shown beside the parent's own; a "
            "built-in or Open Model Zoo model knows it"
        ),
    ] = field(default_factory=dict)
    licence: Annotated[
        str | None,
        Doc(
            "of the weights, as SPDX writes it (Apache-2.0); default: what lies with them; for "
            "`quantgate package`"
        ),
    ] = None
    lane: Annotated[
        Lane | None, Doc("the device that it is judged on, where it is a further one")
    ] = field(default=None, metadata=DERIVED)
    timed_on: Annotated[tuple[str, ...], Doc("further devices of `benchmark`")] = field(
        default=(), metadata=DERIVED
    )
    limit_places: Annotated[Mapping[str, str], Doc("dotted path at which a limit was set")] = field(
        default_factory=dict, metadata=DERIVED
    )

    @property
    def device_name(self) -> str:
        """Name of the device that it is judged on, as models.toml names it: ``GPU``, ``CPU@avx2``."""
        return self.lane.name if self.lane else self.benchmark.device


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """``[report]``: how much evidence is made."""

    images: Annotated[
        int, Ge(0), Doc("worst images a model that are shown at once, and drawn for Allure")
    ] = 12
    budget_mb: Annotated[Positive, Doc("most megabytes of pictures a run keeps")] = 200.0
    inline_mb: Annotated[
        float,
        Ge(0),
        Doc(
            "most megabytes of pictures and details inside the page; the rest lies in files beside it"
        ),
    ] = 3.0
    pictures: Annotated[
        Literal["all", "blurred", "none"],
        Doc(
            "images as they are (default); blurred, so that no face or number plate can be told, with "
            "boxes and labels on them; or none at all: page, Allure and whatever is made of a run obey"
        ),
    ] = "all"
    explain_s: Annotated[
        NonNegative,
        Doc("how long the layers of a model whose accuracy fails may be searched; 0: not at all"),
    ] = 60.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole models.toml; ``root`` is its folder, against which relative paths are resolved.

    ``history`` is where its runs are recorded: an absolute path or a URL.
    """

    path: Path
    models: Mapping[str, ModelEntry]
    datasets: Mapping[str, DatasetEntry]
    report: ReportPlan = ReportPlan()
    history: str | None = None

    @property
    def root(self) -> Path:
        """Folder of the manifest."""
        return self.path.parent
