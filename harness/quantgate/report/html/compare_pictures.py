"""Images that changed between two runs, as each run drew them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.report.html.pictures import data_uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.report.compare import RunComparison
    from quantgate.report.model import ModelReport, RunReport
    from quantgate.report.picture import Picture

#: Drawn of one model: all that changed are in the table.
_MOST = 6


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """One image as one run drew it: what changed there, and the panes as a data: address."""

    sentence: str
    uri: str


@dataclass(frozen=True, slots=True)
class ChangedPicture:
    """One image in both runs; None where a run has no picture of it."""

    model: str
    name: str
    before: DrawnImage | None
    after: DrawnImage | None


def changed_pictures(
    comparison: RunComparison, folders: tuple[Path, Path]
) -> tuple[ChangedPicture, ...]:
    """Read the pictures of images whose rows differ, the later run's worst first.

    A run.json that was kept without its folder has none.
    """
    return tuple(_pictures(comparison, folders))


def _pictures(comparison: RunComparison, folders: tuple[Path, Path]) -> Iterator[ChangedPicture]:
    names: dict[str, set[object]] = {}
    for model, table in comparison.images:
        names.setdefault(model, set()).update(row[0] for row in table.rows)
    for model, changed in names.items():
        sides = [_drawn(run, model) for run in (comparison.before, comparison.after)]
        order = [name for name in dict.fromkeys((*sides[1], *sides[0])) if name in changed]
        for name in order[:_MOST]:
            before, after = (
                _read(side.get(name), folder) for side, folder in zip(sides, folders, strict=True)
            )
            if before or after:
                yield ChangedPicture(model, name, before, after)


def _drawn(run: RunReport, model: str) -> dict[str, Picture]:
    found: ModelReport | None = next((one for one in run.models if one.id == model), None)
    return {picture.name: picture for picture in found.pictures if picture.overlay} if found else {}


def _read(picture: Picture | None, folder: Path) -> DrawnImage | None:
    if picture is None or not (folder / picture.overlay).is_file():
        return None
    return DrawnImage(picture.sentence, data_uri((folder / picture.overlay).read_bytes()))
