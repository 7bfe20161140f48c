"""Explored settings on the disk: kept point by point, taken up again, shown in reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quantgate.borders import border
from quantgate.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from quantgate.engine.artifact import Artifact
    from quantgate.engine.explore import Point
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.report.performance import Explored


def points_file(reports: Path, model: str) -> Path:
    """Name the file of a model's points, in the folder of all runs."""
    from quantgate.report.files import file_name

    return reports / f"explore-{file_name(model)}.jsonl"


def identity(entry: ModelEntry, artifacts: Pair[Artifact]) -> list[str]:
    """Identify the pair of models and the conditions of explored points."""
    return [*artifacts.map(lambda artifact: artifact.digest), str(entry.benchmark)]


def kept_points(path: Path, of: list[str]) -> list[Point]:
    """Read the points of one pair and its conditions; a line cut off by a crash is left out."""
    what, advice = f"the explored points {path} cannot be read", "remove it: then all are measured"
    with border(ReportError, what, advice):
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        stored = [json.loads(line) for line in lines if line.endswith("}")]
        return [_point(item["point"]) for item in stored if item["of"] == of]


def _point(told: dict[str, Any]) -> Point:
    from quantgate.engine.explore import point_from_dict  # nothing of it where nothing was explored

    return point_from_dict(told)


def keep_point(path: Path, of: list[str], point: Point) -> None:
    """Add one point, so that an interruption loses none that was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"of": of, "point": point.to_dict()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def as_explored(model: str, points: Iterable[Point]) -> list[Explored]:
    """Flatten points into what a report shows: one entry a role."""
    from quantgate.engine.explore import setting_snippet
    from quantgate.pair import ROLES
    from quantgate.report.performance import Explored

    found = []
    for point in points:
        for role in ROLES:
            figures = point.figures.get(role)
            if figures is None:
                found.append(
                    Explored(role, point.setting.key, problem=point.problem or "no figures")
                )
                continue
            own = setting_snippet(model, point) if role == "optimized" else ""
            rates = (figures.low_per_s, figures.high_per_s)
            times = (figures.p50_ns, figures.p90_ns)
            found.append(
                Explored(
                    role, point.setting.key, figures.rate_per_s, rates, *times, own, point.problem
                )
            )
    return found
