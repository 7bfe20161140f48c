"""What is done with a model: ``calibrate``, ``evaluate`` and ``benchmark``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from annotated_types import Ge, MinLen
from typing_extensions import Doc

from quantgate.entries.advanced import Advanced, Subgraph
from quantgate.entries.kinds import Fraction, MetricName, Positive, PositiveInt


@dataclass(frozen=True, slots=True)
class IgnoredScope:
    """Layers that stay in floating point; a name or pattern that fits nothing is an error."""

    names: Annotated[tuple[str, ...], Doc("of layers, as the model has them")] = ()
    patterns: Annotated[
        tuple[str, ...], Doc("regular expressions that match the start of layers' names")
    ] = ()
    types: Annotated[tuple[str, ...], Doc("of operations: Add, Sigmoid")] = ()
    subgraphs: Annotated[
        tuple[Subgraph, ...], Doc("parts of the graph, each a table of `inputs` and `outputs`")
    ] = ()


@dataclass(frozen=True, slots=True)
class Unquantized:
    """Quantizers taken out after NNCF has placed them; what fits nothing is an error.

    Unlike :class:`IgnoredScope` this moves no other quantizer: the rest of the graph stays as it is.
    """

    names: Annotated[
        tuple[str, ...],
        Doc("of operations, whose inputs are rounded no more, or of single quantizers"),
    ] = ()
    patterns: Annotated[
        tuple[str, ...], Doc("regular expressions that match the start of such names")
    ] = ()
    types: Annotated[tuple[str, ...], Doc("of operations: Add, Sigmoid")] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """``calibrate``: how the optimized model is made."""

    dataset: Annotated[str, Doc("name of a [datasets.NAME]")]
    subset: Annotated[PositiveInt, Doc("images, drawn by seed, stratified by class")] = 300
    seed: Annotated[int, Ge(0), Doc("of the draw")] = 0
    repeats: Annotated[
        PositiveInt,
        Doc(
            "calibrations on so many draws, by `seed` and those after it: limits on answers and size are "
            "judged on the worst"
        ),
    ] = 1
    augment: Annotated[
        tuple[Literal["flip", "brightness", "contrast", "noise", "blur", "erase"], ...],
        Doc("enlarge the draw by a changed copy of every image for each of these, by seed"),
    ] = ()
    preset: Annotated[
        Literal["performance", "mixed"],
        Doc("performance: symmetric; mixed: weights symmetric, activations asymmetric"),
    ] = "performance"
    method: Annotated[
        Literal["default", "accuracy-aware"],
        Doc(
            "accuracy-aware: layers are put back into floating point until the drop is as aimed at"
        ),
    ] = "default"
    model_type: Annotated[Literal["transformer"] | None, Doc("NNCF's model type")] = None
    ignored: Annotated[IgnoredScope, Doc("layers kept in floating point")] = IgnoredScope()
    unquantized: Annotated[
        Unquantized, Doc("quantizers taken out once NNCF is done; all others stay where they are")
    ] = Unquantized()
    max_drop: Annotated[
        Positive | None,
        Doc("accuracy-aware: the drop to aim at; default: limits.max_accuracy_drop"),
    ] = None
    max_iterations: Annotated[PositiveInt, Doc("accuracy-aware: layers put back at most")] = 20
    fast_bias_correction: Annotated[bool, Doc("false: NNCF's slower, more exact correction")] = True
    target_device: Annotated[
        Literal["ANY", "CPU", "CPU_SPR", "GPU", "NPU"],
        Doc("the device whose operations NNCF quantizes for"),
    ] = "ANY"
    advanced: Annotated[
        Advanced, Doc("NNCF's advanced parameters by their own names; default: NNCF's")
    ] = field(default_factory=Advanced)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of all draws, one a repeat, the declared one first."""
        return tuple(range(self.seed, self.seed + self.repeats))


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """``evaluate``: the images both roles are judged on."""

    dataset: Annotated[str, Doc("name of a [datasets.NAME]")]
    subset: Annotated[
        PositiveInt | None, Doc("images, drawn by seed, stratified by class; default: all")
    ] = None
    seed: Annotated[int, Ge(0), Doc("of the draw")] = 0
    metric: Annotated[
        MetricName | None,
        Doc("one of the task's own, see `metric` of a task; default: its first"),
    ] = None
    score_threshold: Annotated[
        Fraction, Doc("both roles are cut here before they are compared")
    ] = 0.5
    iou_threshold: Annotated[Fraction, Doc("least IoU of a match, of key points OKS")] = 0.5
    hysteresis: Annotated[
        Fraction, Doc("an object may fall below score_threshold by this much and still match")
    ] = 0.05
    precision: Annotated[
        Literal["f32", "default"],
        Doc("inference precision of what is not quantized, both roles"),
    ] = "f32"
    device: Annotated[
        tuple[str, ...],
        Doc(
            "further devices whose answers are judged, against the parent on the CPU and against each other: "
            "OpenVINO's names, or CPU@avx2 for the CPU without better instructions"
        ),
    ] = ()
    hold_out: Annotated[bool, Doc("leave the calibration images out of the evaluation set")] = False
    allow_overlap: Annotated[
        bool, Doc("images in both sets become a warning instead of an error")
    ] = False


if TYPE_CHECKING:
    #: One, once models.toml is read: further ones are lanes of the model.
    Devices: TypeAlias = str
else:
    Devices = str | Annotated[tuple[str, ...], MinLen(1)]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """``benchmark``: the conditions under which speed is judged."""

    device: Annotated[
        Devices,
        Doc(
            "OpenVINO's name of the device that runs both roles; of several, speed and execution are judged on "
            "each, of which CPU@avx2 is the CPU without better instructions"
        ),
    ] = "CPU"
    hint: Annotated[Literal["latency", "throughput"], Doc("what both roles are compiled for")] = (
        "latency"
    )
    streams: Annotated[PositiveInt | None, Doc("default: the device chooses")] = None
    threads: Annotated[PositiveInt | None, Doc("default: the device chooses")] = None
    requests: Annotated[
        PositiveInt | None,
        Doc("in flight at a time; default: 1 for latency, for throughput what the device asks for"),
    ] = None
    batch: Annotated[PositiveInt, Doc("images an inference")] = 1
    seconds: Annotated[Positive, Doc("most time that the rounds of this model may take")] = 60.0
