"""One image worth looking at and what happened to its objects: a part of run.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The report's codec reads the annotations at run time.
from quantgate.core.pictures import PictureKind  # noqa: TC001

ChangeName = Literal["kept", "moved", "relabelled", "lost", "gained"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One object of one role: ``box`` xyxy px of the original image, class name, score.

    ``rings`` are the mask's outlines as flat x, y lists in px; empty without masks. ``points`` are the key
    points that are seen as one flat x, y list, ``bones`` the lines between them, four numbers each; empty
    without key points. ``corners`` are those of a quadrilateral, whose sides are drawn in place of the box's, as
    one flat x, y list.
    """

    box: tuple[float, float, float, float]
    label: str
    score: float
    rings: tuple[tuple[float, ...], ...] = ()
    points: tuple[float, ...] = ()
    bones: tuple[float, ...] = ()
    corners: tuple[float, ...] = ()


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

    @property
    def measure(self) -> str:
        """What ``iou`` is: of key points their OKS."""
        return (
            "OKS"
            if any(s is not None and s.points for s in (self.parent, self.optimized))
            else "IoU"
        )


@dataclass(frozen=True, slots=True)
class ClassBar:
    """One ranked class of one role."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The image that one role finds nearest: its name and identity, how alike it is, and whether it is right.

    ``identity`` is empty, and ``right`` None, where nothing is annotated.
    """

    name: str
    similarity: float
    identity: str = ""
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class HeadBars:
    """One head on one image, of both roles.

    Parameters
    ----------
    told
        What each says.
    shares
        How surely, 0..1; of a value where it lies among those of all images.
    truth
        What is annotated; empty where nothing is.
    mark
        Where an annotated value lies, 0..1; None of what is no value.
    wrong
        Whether each says another class or label than is annotated.
    changed
        Whether they say different things.
    """

    name: str
    told: tuple[str, str]
    shares: tuple[float, float]
    truth: str = ""
    mark: float | None = None
    wrong: tuple[bool, bool] = (False, False)
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """One image worth looking at; files are paths relative to the run's directory.

    Parameters
    ----------
    name
        The sample's name, as in the tables.
    size
        ``(width, height)`` of the original image, px: the coordinates of every box. For the kinds "text", "numbers",
        "neighbours" and "heads" that of a pane without its caption.
    sentence
        What changed on this image.
    image
        The bare photograph, scaled down; empty where the budget of the run's pictures was used up.
    panes
        "Parent | Optimized | Diff", one by one, with the captions burned in; empty for objects and classes
        that are not among the worst, which are drawn over the photograph where they are shown.
    overlay, overview
        The panes beside each other and as a 2 × 2 grid: of the worst images alone.
        `report.publish.draw_worst` fills in all file names.
    changes
        For ``kind == "objects"``: every object of both roles at or above the hysteresis.
    parent, optimized
        For ``kind == "classes"``: the top-k, best first.
    labels, legend
        For ``kind == "segments"``: class names by id; ``draw_worst`` makes of them the
        ``(class name, colour)`` pairs that the picture shows.
    columns
        For ``kind == "text"``: letters that stand for each other, the annotation's (where there is one),
        parent's and optimized model's, from left to right; empty where there is none.
    neighbours
        For ``kind == "neighbours"``: what parent and optimized model find nearest; empty where nothing is sought.
    heads
        For ``kind == "heads"``: what the roles say, head by head.
    truth
        Annotated class, text, identity, or a sentence about the truth, or empty.
    unit
        For ``kind == "numbers"``: of the numbers, "m"; empty where nothing says it.
    roles
        What captions call the two models.
    groups
        Segments of the dataset to which the image belongs.
    outline, whole
        Of a region of an image: its corners in the whole image, x and y in turns, px, and the file that shows
        it there.
    annotated
        Of quadrilaterals the corners of each annotated one, x and y in turns, px: drawn thin under the roles'.
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
    columns: tuple[tuple[str, ...], ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    heads: tuple[HeadBars, ...] = ()
    truth: str = ""
    unit: str = ""
    threshold: float = 0.5
    roles: tuple[str, str] = ("Parent", "Optimized")
    hysteresis: float = 0.05
    groups: tuple[str, ...] = ()
    outline: tuple[float, ...] = ()
    whole: str = ""
    annotated: tuple[tuple[float, ...], ...] = ()
