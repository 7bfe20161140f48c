"""What a limit is: how its quantity is written, what can move it, what it can reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.estimate import Estimate

#: How a quantity is written: a plain fraction, a factor, per cent, decibel, or free magnitude.
Form = Literal["fraction", "factor", "percent", "decibel", "magnitude", "duration", "bytes"]
#: What is measured to judge a limit: answers to images, raw outputs, execution against
#: the graph, rounds, layers, files.
Scope = Literal["images", "outputs", "fidelity", "speed", "execution", "size", "memory"]
Severity = Literal["blocker", "critical", "normal", "minor", "trivial"]
#: Forms that an estimate's unit decides, whatever its limit.
FORMS_OF_UNITS: Mapping[str, Form] = {
    "dB": "decibel",
    "ns": "duration",
    "B": "bytes",
    "units": "magnitude",
}
#: Steps below these are of no interest: of numbers that scatter, then of exact ones, where a byte
#: more in a file is a step. Ratios relative, decibels and fractions absolute.
SMALLEST_RATIO, SMALLEST_DB, SMALLEST = (0.01, 0.001), (0.1, 1e-6), (0.001, 1e-9)
#: Ends the keys of limits that compare with the baseline.
TO_BASELINE = "_to_baseline"
#: Ends the keys of limits that compare devices.
BETWEEN_DEVICES = "_between_devices"
#: Margin that a suggested limit in decibels leaves, whatever its quantity.
_MARGIN_DB = 1.0


@dataclass(frozen=True, slots=True)
class LimitKind:
    """One row of the table in ``core/limits.py``.

    Parameters
    ----------
    key
        Key under ``limits``; its prefix, ``min_`` or ``max_``, is the relation.
    title
        Headline of the quantity: in tables, on the page, in Allure.
    scope
        What is measured for it: decides the fixture, the segment of its history, and the judge.
    noun
        Name inside a sentence; empty: the key's words.
    form
        How the quantity is written where its estimate has no unit.
    statistic
        Which number of what the scope measures is judged, where there are several.
    severity
        Allure's.
    margin
        What ``suggest`` leaves between measurement and limit, None where it proposes none.
    relative
        Whether the margin is a share of the measurement (else absolute, in the quantity's unit).
    vacuous_at
        From here on nothing could breach the limit, for quantities without a unit.
    by_isa
        Whether it belongs to a class of machine: ``suggest`` writes a table.
    needs_truth
        Whether it compares with annotations.
    to_baseline
        Whether the baseline, a released model, stands where the parent stands for other limits.
    between_devices
        Whether the optimized model on another device stands where the parent stands for other limits.
    of_metric
        Whether it depends on ``evaluate.metric``, and takes that metric's unit.
    of_loss
        Whether the quantity is a loss: below zero it is an improvement.
    resolved
        Whether a small set can fail to resolve it: then the verdict says so.
    moved_by_machine
        Whether the machine alone can move it: a moved control then excuses a step in its history.
    remedy
        What to try when it is missed; empty: settings of the recipe, for limits of answers.
    of_worst
        Of what the worst is judged, where it is of the worst: class, segment.
    measure, hint
        For rows of other packages: computes the estimate from what the scope's fixture holds (for
        ``images`` and ``outputs`` a Comparison and the EvaluationPlan), and the type of the limit.
    """

    key: str
    title: str
    scope: Scope
    noun: str = ""
    form: Form = "fraction"
    statistic: str = ""
    severity: Severity = "critical"
    margin: float | None = None
    relative: bool = False
    vacuous_at: float | None = None
    by_isa: bool = False
    needs_truth: bool = False
    to_baseline: bool = False
    between_devices: bool = False
    of_metric: bool = False
    of_loss: bool = False
    resolved: bool = False
    moved_by_machine: bool = False
    remedy: str = ""
    of_worst: str = "class"
    measure: Callable[..., Estimate] | None = None
    hint: Any = float | None

    def __post_init__(self) -> None:
        if not self.key.startswith(("min_", "max_")):
            raise ValueError(f"the key of a limit begins with min_ or max_, found {self.key!r}")

    @property
    def asks(self) -> str:
        """Key of the limit that asks the same of the parent: its own, but for a baseline's or a device's."""
        return self.key.removesuffix(TO_BASELINE).removesuffix(BETWEEN_DEVICES)

    @property
    def of_images(self) -> bool:
        """Whether it judges what a model says about images, not how it runs."""
        return self.scope in {"images", "outputs"}

    @property
    def name(self) -> str:
        """The quantity inside a sentence: ``match rate``."""
        return self.noun or self.key[4:].replace("_", " ")

    @property
    def is_ratio(self) -> bool:
        """Whether steps of the quantity are factors, and 0 its natural end."""
        return self.form in {"factor", "magnitude"}

    @property
    def worse_side(self) -> int:
        """+1 where higher is worse, −1 where lower is."""
        return 1 if self.key.startswith("max_") else -1

    def written_as(self, unit: str = "") -> Form:
        """Choose how the quantity is written; the estimate's unit takes precedence."""
        return FORMS_OF_UNITS.get(unit, self.form)

    def smallest_step(self, unit: str = "") -> tuple[float, float]:
        """Smallest step of interest: of numbers that scatter, and of exact ones."""
        if self.is_ratio:
            return SMALLEST_RATIO
        return SMALLEST_DB if self.written_as(unit) == "decibel" else SMALLEST

    def margin_of(self, worst: float, unit: str = "") -> float:
        """Distance that a suggested limit keeps from the worst end of the measurements.

        Raises
        ------
        ValueError
            For a limit that is not suggested.
        """
        if self.margin is None:
            raise ValueError(f"{self.key} is not suggested")
        if self.relative:
            return self.margin * abs(worst)
        return _MARGIN_DB if self.written_as(unit) == "decibel" else self.margin

    def end(self, unit: str = "") -> float | None:
        """From where on nothing could breach the limit; None for a quantity without an end."""
        if unit and self.of_metric:
            return None  # a metric in a unit of its own has no end
        return self.vacuous_at

    def is_vacuous(self, threshold: float, unit: str = "") -> bool:
        """Whether nothing could breach this threshold."""
        end = self.end(unit)
        return end is not None and (threshold - end) * self.worse_side >= 0
