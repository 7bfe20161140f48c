"""Everything a report shows of one run, as frozen plain values: what run.json holds.

Built by the plugin, written and read back by `report.codec`; the page, the exports, the comparison
of two runs and Allure are all made from it, so that each can be made again later without a model.
"""

from __future__ import annotations

# The codec reads the annotations at run time, so nothing here may hide behind TYPE_CHECKING.
from collections.abc import Iterable, Mapping  # noqa: TC003
from dataclasses import dataclass, field, replace
from typing import Literal

from quantgate.core.estimate import Estimate  # noqa: TC001
from quantgate.core.explained import Execution, Explanation  # noqa: TC001
from quantgate.core.table import Table  # noqa: TC001
from quantgate.core.verdict import Outcome, Verdict
from quantgate.report.performance import Explored, Share, Speedup, TimedArm  # noqa: TC001
from quantgate.report.picture import Picture  # noqa: TC001

#: Version of run.json and verdicts.json; raised when a field changes its meaning or goes away.
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """``expected_failure`` of the judged limit; ``expires`` is an ISO date."""

    reason: str
    floor: float
    expires: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what people need to act on it.

    Parameters
    ----------
    detail
        Counts and the worst image in one sentence, "41 lost, 7 gained; worst: a.png (5 lost)".
    remedy
        What to do about a miss or about UNDECIDED, one sentence; empty otherwise.
    repeat
        The command that repeats exactly this one test.
    duration_s
        How long the test took, seconds.
    known
        The expected failure that applied, if any.
    unexpected
        How the verdict contradicts its expected failure, one sentence: the run fails for it.
    fails
        Whether the run fails for it, whatever the reason.
    test
        Id of the test that judged it.
    attempts
        How often it was judged: reruns and repeats count.
    draws
        The value of each calibration by its seed, where ``calibrate.repeats`` asks for several: the worst
        was judged.
    """

    verdict: Verdict
    detail: str = ""
    remedy: str = ""
    repeat: str = ""
    duration_s: float = 0.0
    known: KnownFailure | None = None
    unexpected: str = ""
    fails: bool = False
    test: str = ""
    attempts: int = 1
    draws: Mapping[str, float] = field(default_factory=dict)

    @property
    def excused(self) -> bool:
        """Whether it is UNDECIDED and the entry only warns of that."""
        return self.verdict.outcome is Outcome.UNDECIDED and not self.fails


@dataclass(frozen=True, slots=True)
class Problem:
    """A gate without a number: it broke or was skipped, or it asks a plain question (integrity).

    ``unjudged`` are gates that no process brought to an end: the run was interrupted, killed or stopped
    before.

    Parameters
    ----------
    detail
        What the process that died wrote at last, if one did.
    test, attempts, duration_s
        As of a verdict.
    """

    model: str
    gate: str
    status: Literal["failed", "broken", "unjudged", "skipped", "passed"]
    sentence: str
    detail: str = ""
    test: str = ""
    attempts: int = 1
    duration_s: float = 0.0


def state_gate(state: Judged | Problem) -> tuple[str, str]:
    """Name the model and the limit whose final state this is."""
    if isinstance(state, Problem):
        return state.model, state.gate
    return state.verdict.model, state.verdict.limit.key


def joined_skips(problems: Iterable[Problem]) -> list[Problem]:
    """Join the skipped gates of a model that give one reason, for tables that people read.

    A model that is not on the machine is skipped for that alone, whatever its limits: its integrity is
    not judged either. Other reasons concern the gates that they name.
    """
    kept: list[Problem] = []
    gates: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        alike = gates.setdefault((problem.model, problem.sentence), [])
        if problem.status != "skipped":
            kept.append(problem)
        elif alike:
            alike.append(problem.gate)
        else:
            alike.append(problem.gate)
            kept.append(problem)
    return [
        replace(problem, gate=_joined(gates[problem.model, problem.sentence]))
        if problem.status == "skipped"
        else problem
        for problem in kept
    ]


def _joined(gates: list[str]) -> str:
    return (
        f"all {len(gates)} gates" if "integrity" in gates and len(gates) > 1 else ", ".join(gates)
    )


@dataclass(frozen=True, slots=True)
class Metric:
    """One of the three numbers' rows: a metric of source model, parent IR and optimized IR.

    ``source`` was measured elsewhere, by ``origin`` and on its images; it is None where nobody
    published one. Values in the metric's own units (fractions). ``intervals`` holds the 95 % interval of
    either role by its name, for the metric that is judged. ``is_error``: the less, the better.
    """

    title: str
    source: float | None
    parent: float | None
    optimized: float | None
    origin: str = ""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """The optimized model against the baseline, in whose columns the parent's name is the baseline's.

    ``digest`` is the baseline's; the rest is as in :class:`ModelReport`.
    """

    digest: str
    metrics: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    omitted: int = 0
    tally: str = ""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One entry of the manifest: everything measured about it.

    Parameters
    ----------
    metrics
        The three numbers, one row a metric; empty without annotations.
    layers, layer_types
        Time of both roles by layer, joined over what was fused, and by type; largest slowdown first.
    tables
        Of the task, basic and advanced, plus tensor distance where it was measured.
    explored
        Settings that ``quantgate explore`` measured of this very pair, if it did.
    execution
        How truly the device executed the quantized graph, on a few images.
    explanation
        Which layers lose the accuracy, where a limit of it failed.
    pictures
        Every changed image, the worst first; the worst are drawn in full (see `Picture`).
    omitted
        Changed images of which no picture was kept: nothing to draw, or the budget was used up.
    calibration
        Names of the images the optimizer saw.
    entry
        The manifest's lines for this model, as text.
    facts
        ``(name, value)`` pairs for the evidence section: digests, executed precision, ...
    notes
        Sentences a reader must see: overlap, skipped files, known traps.
    doubts
        Those of the notes that put feeding, reading or annotations in doubt: look there first.
    seen
        Picture of what the parent is fed and answers on the first images; a path in the run's directory,
        empty where there is none.
    digests
        ``(name, digest)`` of what was judged: parent, optimized, calibration, evaluation, input.
    segments
        By key of a limit, the digest of everything declared that can change its number.
    declared
        The entry as JSON: what differs from the defaults, paths from the manifest's folder.
    released
        The same against the baseline, where there is one.
    ir
        Path of the optimized IR on the machine of the run.
    load
        Python lines that load it as it was judged.
    tally
        What its numbers over all images are made of, image by image; a path in the run's directory, empty
        where the tables say it.
    remedied
        Page of the search for a recipe; a path in the run's directory, empty where there was none.
    """

    id: str
    task: str
    source: str = ""
    metrics: tuple[Metric, ...] = ()
    arms: tuple[TimedArm, ...] = ()
    speedups: tuple[Speedup, ...] = ()
    shares: tuple[Share, ...] = ()
    layers: Table | None = None
    layer_types: Table | None = None
    tables: tuple[Table, ...] = ()
    explored: tuple[Explored, ...] = ()
    execution: Execution | None = None
    explanation: Explanation | None = None
    pictures: tuple[Picture, ...] = ()
    omitted: int = 0
    calibration: tuple[str, ...] = ()
    entry: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    seen: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    segments: Mapping[str, str] = field(default_factory=dict)
    declared: str = ""
    released: Released | None = None
    ir: str = ""
    load: str = ""
    tally: str = ""
    remedied: str = ""


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of a run over several machines this is: ``index`` of ``count``, from 1.

    Parameters
    ----------
    models
        The models that were dealt to this shard.
    expected
        Every ``(model, gate)`` of the whole run, all shards together.
    status
        Exit status of the shard's own run.
    """

    index: int
    count: int
    models: tuple[str, ...]
    expected: tuple[tuple[str, str], ...]
    status: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """A whole run.

    Parameters
    ----------
    run
        Directory name of the run, e.g. ``2026-11-20T19-30-00Z``.
    started
        ISO 8601 with zone.
    versions, machine
        Names to values, in the order to be shown; ``machine`` holds stable facts only.
    fingerprint
        Digest of the machine's stable facts: runs of different ones are never compared silently.
    manifest, manifest_digest
        As given on the command line, and the SHA-256 of its bytes.
    notes
        Sentences about the whole run (machine unfit, pictures over the budget, ...).
    commit, branch
        Of the repository that holds the manifest, "-dirty" behind the commit where files were changed;
        empty outside of git.
    control
        Speed of a model against itself, once a run: what the machine did to the timings.
    shard
        Where the run is one of several that make a whole; None otherwise.
    mixed
        Whether it was joined of shards of machines of several classes: a history keeps each of them.
    inline_mb
        ``report.inline_mb`` of the manifest: how much the page holds itself.
    unfit
        Models whose speed is undecided because of the machine, and why: it failed the control, or others
        were busy.
    whole
        Whether it judged all that it was to judge, so that ``reports/latest`` is pointed at it.
    """

    run: str
    started: str
    duration_s: float
    command: str
    manifest: str
    manifest_digest: str
    fingerprint: str
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    models: tuple[ModelReport, ...]
    judged: tuple[Judged, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    commit: str = ""
    branch: str = ""
    control: Estimate | None = None
    shard: Shard | None = None
    mixed: bool = False
    inline_mb: float = 3.0
    unfit: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    schema: int = field(default=SCHEMA)

    @property
    def states(self) -> tuple[Judged | Problem, ...]:
        """The final state of every gate."""
        return (*self.judged, *self.problems)
