"""Where a dataset's files are, checked before anything is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path


def folder_of(name: str, path: Path | None, root: Path) -> Path:
    """Folder of the images.

    Raises
    ------
    DatasetError
        When the entry gives none or it is not a folder.
    """
    if path is None:
        raise DatasetError(f"datasets.{name}.path is missing; give the folder of the images")
    folder = root / path
    if not folder.is_dir():
        raise DatasetError(f"datasets.{name}.path: {folder} is not a folder; check the path")
    return folder


def file_of(name: str, path: Path, root: Path) -> Path:
    """File of annotations or labels.

    Raises
    ------
    DatasetError
        When there is no such file.
    """
    file = root / path
    if not file.is_file():
        raise DatasetError(f"datasets.{name}: there is no file {file}; check the path")
    return file


def read_text(name: str, file: Path) -> str:
    """Text of a file in UTF-8.

    Raises
    ------
    DatasetError
        When it cannot be read as that.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"datasets.{name}: {file} cannot be read as text: {error}") from error


def labels_of(
    name: str, labels: Path | tuple[str, ...] | None, root: Path
) -> tuple[str, ...] | None:
    """Class names of the entry: its list, or the lines of its file; None where it has neither."""
    if labels is None or isinstance(labels, tuple):
        return labels
    if labels.suffix in {".yaml", ".yml", ".json", ".xml"}:
        raise DatasetError(
            f"datasets.{name}.labels: {labels} holds more than names; give a text file with one name "
            "a line, or a list"
        )
    lines = read_text(name, file_of(name, labels, root)).splitlines()
    names = tuple(line.strip() for line in lines)
    while names and not names[-1]:
        names = names[:-1]
    if not names:
        raise DatasetError(f"datasets.{name}.labels: {root / labels} is empty")
    return names
