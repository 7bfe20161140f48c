"""What the store and the runs take up on disk: listed, and removed by age or size."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.errors import StoreError
from quantgate.store.entry import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

#: Folders of the store that are not for people: locks, and what is being built.
_OWN = re.compile(r"v\d+|locks|building")
_RUN = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[0-9a-f]+")
_MODELS_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be removed as a whole.

    Parameters
    ----------
    kind
        What it holds: "parent", "optimized", "comparison", …, or "run".
    model
        Id of the model that it was made for; empty where that is unknown.
    used_ns
        When it was last used (entries) or written (all else), ns since the epoch.
    """

    kind: str
    path: Path
    model: str
    bytes: int
    used_ns: int


def entries_in(store: Path) -> list[Item]:
    """List the finished entries of a store, and the downloads and environments beside them."""
    finished = [
        Item(path.parts[-3], path, _made_for(path), _bytes_in(path), path.stat().st_mtime_ns)
        for path in store.glob("v*/*/??/*")
    ]
    beside = [
        Item(folder.name, path, "", _bytes_in(path), _written_ns(path))
        for folder in store.glob("*/")
        if not _OWN.fullmatch(folder.name)
        for path in folder.iterdir()
    ]
    return sorted([*finished, *beside], key=lambda item: (item.used_ns, item.path))


def runs_in(reports: Path) -> list[Item]:
    """List the run folders below ``reports``; everything else there is left alone."""
    folders = (
        path
        for path in reports.glob("*/")
        if not path.is_symlink()
        and path.name != "latest"
        and (_RUN.fullmatch(path.name) or (path / "run.json").is_file())
    )
    found = [Item("run", p, _judged_in(p), _bytes_in(p), _written_ns(p)) for p in folders]
    return sorted(found, key=lambda item: (item.used_ns, item.path))


def to_remove(
    items: Iterable[Item], now_ns: int, *, max_age_ns: int | None, max_bytes: int | None
) -> list[Item]:
    """Choose what is older than the age, then the oldest until the rest fit the size."""
    kept: list[Item] = []
    chosen: list[Item] = []
    for item in sorted(items, key=lambda item: (item.used_ns, item.path)):
        old = max_age_ns is not None and now_ns - item.used_ns > max_age_ns
        (chosen if old else kept).append(item)
    excess = -1 if max_bytes is None else sum(item.bytes for item in kept) - max_bytes
    for item in kept:
        if excess <= 0:
            break
        chosen.append(item)
        excess -= item.bytes
    return chosen


def remove_run(run: Path) -> bool:
    """Remove a run's folder, its record first, so that half of it is no run any more.

    Raises
    ------
    StoreError
        Where it cannot be removed.
    """
    try:
        (run / "run.json").unlink(missing_ok=True)
        shutil.rmtree(run)
    except OSError as error:
        raise StoreError(
            f"the run {run} cannot be removed ({error.strerror}): give yourself permission to, or "
            "remove it by hand"
        ) from error
    return True


def _made_for(entry: Path) -> str:
    try:
        return str(json.loads((entry / RECORD).read_text(encoding="utf-8")).get("model", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _judged_in(run: Path) -> str:
    """Name the first models that a run judged, and how many more there are."""
    try:
        told = json.loads((run / "verdicts.json").read_text(encoding="utf-8"))
        models = list(dict.fromkeys(str(verdict["model"]) for verdict in told["verdicts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return _shortened(models)


def _shortened(names: Sequence[str]) -> str:
    more = len(names) - _MODELS_SHOWN
    return ", ".join(names[:_MODELS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _files_in(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def _bytes_in(path: Path) -> int:
    return sum(file.lstat().st_size for file in _files_in(path))


def _written_ns(path: Path) -> int:
    return max((file.lstat().st_mtime_ns for file in (path, *_files_in(path))), default=0)
