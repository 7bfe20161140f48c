"""Everything a report shows of one run, as frozen plain values: what run.json holds.

Built by the plugin, written and read back by `report.codec`; the page, the exports, the comparison
of two runs and Allure are all made from it, so that each can be made again later without a model.
"""

from __future__ import annotations

# The codec reads the annotations at run time, so nothing here may hide behind TYPE_CHECKING.
from collections.abc import Iterable, Mapping  # noqa: TC003
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.core.estimate import Estimate  # noqa: TC001
from harness.core.table import Table  # noqa: TC001
from harness.core.verdict import Verdict  # noqa: TC001

#: Version of run.json and verdicts.json; raised when a field changes its meaning or goes away.
SCHEMA = 1

ChangeName = Literal["kept", "moved", "relabelled", "lost", "gained"]
#: What is drawn: boxes or masks, ranked classes, class maps, or a picture that each role rendered.
PictureKind = Literal["objects", "classes", "segments", "rendered"]


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
        What to do about UNDECIDED, one sentence; empty otherwise.
    repeat
        The command that repeats exactly this one test.
    duration_s
        How long the test took, seconds.
    known
        The expected failure that applied, if any.
    """

    verdict: Verdict
    detail: str = ""
    remedy: str = ""
    repeat: str = ""
    duration_s: float = 0.0
    known: KnownFailure | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A gate without a number: it broke or was skipped, or it asks a plain question (integrity)."""

    model: str
    gate: str
    status: Literal["failed", "broken", "skipped", "passed"]
    sentence: str


def distinct_skips(problems: Iterable[Problem]) -> list[Problem]:
    """Keep one of several skipped gates of a model that give the same reason.

    A model that is not on the machine is skipped once, whatever its limits.
    """
    seen: set[tuple[str, str]] = set()
    kept = []
    for problem in problems:
        reason = (problem.model, problem.sentence)
        if problem.status != "skipped":
            kept.append(problem)
        elif reason not in seen:
            seen.add(reason)
            kept.append(replace(problem, gate="every limit"))
    return kept


@dataclass(frozen=True, slots=True)
class Metric:
    """One of the three numbers' rows: a metric of source model, parent IR and optimized IR.

    ``source`` was measured elsewhere, by ``origin`` and on its images; it is None where nobody
    published one. Values in the metric's own units (fractions).
    """

    title: str
    source: float | None
    parent: float | None
    optimized: float | None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Arm:
    """One compiled model as it was timed; None means "not measured"."""

    name: str
    precision: str
    rate_per_s: float | None = None
    p50_ns: float | None = None
    p90_ns: float | None = None
    p99_ns: float | None = None
    first_ns: float | None = None
    compile_ns: float | None = None
    size_bytes: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Speedup:
    """A paired speed ratio and its rounds, for the strip chart.

    ``rounds`` are ratios optimized / parent, in the order measured; ``limit`` is None where no
    limit was declared; ``note`` is a sentence (noise, control, autocorrelation) or empty.
    """

    title: str
    estimate: Estimate
    rounds: tuple[float, ...] = ()
    limit: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What one role really executed: share (0..1) of the work by precision, e.g. {"i8": 0.93}."""

    role: str
    of: str
    by_precision: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """One object of one role: ``box`` xyxy px of the original image, class name, score.

    ``rings`` are the mask's outlines as flat x, y lists in px; empty without masks.
    """

    box: tuple[float, float, float, float]
    label: str
    score: float
    rings: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What happened to one object: a role in which it is missing is None.

    ``crossed`` marks a pair of which one role's score fell below the threshold (hysteresis).
    """

    change: ChangeName
    parent: Seen | None
    optimized: Seen | None
    iou: float | None = None
    crossed: bool = False
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class ClassBar:
    """One ranked class of one role."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One image worth looking at; files are paths relative to the run's directory.

    Parameters
    ----------
    name
        The sample's name, as in the tables.
    size
        ``(width, height)`` of the original image, px: the coordinates of every box.
    sentence
        What changed on this image.
    image
        WebP of the bare photograph, scaled down.
    overlay, overview, panes
        WebP "Parent | Optimized | Diff" with the captions burned in: beside each other, as a 2 × 2
        grid, and one by one. `report.publish.draw_worst` fills in all file names.
    changes
        For ``kind == "objects"``: every object of both roles at or above the hysteresis.
    parent, optimized
        For ``kind == "classes"``: the top-k, best first.
    labels, legend
        For ``kind == "segments"``: class names by id; ``draw_worst`` makes of them the
        ``(class name, colour)`` pairs that the picture shows.
    truth
        Annotated class or a sentence about the truth, or empty.
    threshold, hysteresis
        The shared score threshold of the comparison, and how far below it a pair still matches.
    """

    name: str
    size: tuple[int, int]
    kind: PictureKind
    sentence: str
    image: str = ""
    overlay: str = ""
    overview: str = ""
    panes: tuple[str, ...] = ()
    changes: tuple[ObjectChange, ...] = ()
    parent: tuple[ClassBar, ...] = ()
    optimized: tuple[ClassBar, ...] = ()
    labels: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    truth: str = ""
    threshold: float = 0.5
    hysteresis: float = 0.05


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One entry of the manifest: everything measured about it.

    Parameters
    ----------
    metrics
        The three numbers, one row a metric; empty without annotations.
    tables
        Of the task, basic and advanced, plus tensor distance where it was measured.
    omitted
        Changed images that were not drawn (bound or budget).
    calibration
        Names of the images the optimizer saw.
    entry
        The manifest's lines for this model, as text.
    facts
        ``(name, value)`` pairs for the evidence section: digests, executed precision, ...
    notes
        Sentences a reader must see: overlap, skipped files, known traps.
    """

    id: str
    task: str
    source: str = ""
    metrics: tuple[Metric, ...] = ()
    arms: tuple[Arm, ...] = ()
    speedups: tuple[Speedup, ...] = ()
    shares: tuple[Share, ...] = ()
    layers: Table | None = None
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    omitted: int = 0
    calibration: tuple[str, ...] = ()
    entry: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


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
    schema: int = field(default=SCHEMA)
