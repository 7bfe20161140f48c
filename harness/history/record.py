"""What a history keeps of one run, as frozen plain values: made of its report, exported as JSON."""

from __future__ import annotations

# The codec reads the annotations at run time.
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field

from harness.core.estimate import Estimate  # noqa: TC001


@dataclass(frozen=True, slots=True)
class Number:
    """One judged number.

    Parameters
    ----------
    quantity
        Key of the limit, e.g. ``min_speedup``.
    estimate
        None where nothing could be measured: kept, because a hole is an answer too.
    outcome
        ``passed``, ``failed`` or ``undecided``; empty for a number without a limit.
    threshold
        The limit of that night, in the estimate's unit.
    segment
        Digest of everything declared that can change the number, see `history.segment`.
    duration_s
        How long the test took, seconds.
    reason
        Of the verdict.
    """

    model: str
    quantity: str
    estimate: Estimate | None
    outcome: str = ""
    threshold: float | None = None
    segment: str = ""
    duration_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelState:
    """What a model was made of that night: digests by name, and its entry of the manifest as JSON."""

    id: str
    digests: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run.

    Parameters
    ----------
    run
        Its id, unique in a history.
    started
        ISO 8601 in UTC, to the microsecond.
    machine
        Digest of ``facts``: the class of machines whose numbers may be compared.
    stack
        ``default`` or ``omz``.
    facts, versions
        The machine's stable facts; libraries to versions.
    commit, branch
        Of the judged repository; empty where unknown.
    place
        Where its report lies. Not part of what the run *is*: the same run reported elsewhere is the
        same run.
    """

    run: str
    started: str
    duration_s: float
    isa: str
    machine: str
    stack: str
    facts: Mapping[str, str]
    versions: Mapping[str, str]
    commit: str
    branch: str
    manifest: str
    manifest_digest: str
    numbers: tuple[Number, ...]
    models: tuple[ModelState, ...] = ()
    place: str = ""
