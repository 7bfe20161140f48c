"""Where a dataset's files are, checked before anything is read."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

from quantgate.errors import DatasetError


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
    if labels.suffix in {".yaml", ".yml"}:
        return _yaml_names(name, file_of(name, labels, root))
    if labels.suffix in {".json", ".xml"}:
        raise DatasetError(
            f"datasets.{name}.labels: {labels} holds more than names; give a text file with one name "
            "a line, YOLO's data.yaml, or a list"
        )
    lines = read_text(name, file_of(name, labels, root)).splitlines()
    names = tuple(line.strip() for line in lines)
    while names and not names[-1]:
        names = names[:-1]
    if not names:
        raise DatasetError(f"datasets.{name}.labels: {root / labels} is empty")
    return names


def _yaml_names(name: str, file: Path) -> tuple[str, ...]:
    """Class names of YOLO's data.yaml: ``names`` is a list, or a table by class id."""
    import yaml

    try:
        content = yaml.safe_load(read_text(name, file))
    except yaml.YAMLError as error:
        raise DatasetError(f"datasets.{name}.labels: {file} is not valid YAML: {error}") from error
    found = content.get("names") if isinstance(content, dict) else None
    if isinstance(found, dict) and sorted(found) == list(range(len(found))):
        found = [found[index] for index in range(len(found))]
    if not isinstance(found, list) or not found:
        raise DatasetError(
            f"datasets.{name}.labels: {file} has no names: expected `names`, a list or a table whose "
            "keys count from 0"
        )
    return tuple(map(str, found))


def composed(text: str) -> str:
    """Spell a name with composed letters and slashes: one spelling for macOS, Windows and Linux."""
    return unicodedata.normalize("NFC", text.replace("\\", "/"))


def same_name(text: str) -> str:
    """Spell a name in one case as well: for what is looked up only where the exact name is not there."""
    return composed(text).casefold()


class Listed:
    """Files below a folder, found by the names that annotations give them on other systems.

    A name that is there as it is written is taken as it is. Else it may be composed otherwise (NFD
    where the disk has NFC), have backslashes or other capitals, or start with a folder of another
    machine; where that fits several files, none is taken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: dict[str, list[Path]] | None = None

    def find(self, name: str) -> Path:
        """Path of the file that a name means; where there is none, the path that it spells."""
        plain = self._folder / name
        if _is_file(plain):
            return plain
        found = self._by_name().get(same_name(name), [])
        if not found and (PureWindowsPath(name).is_absolute() or PurePosixPath(name).is_absolute()):
            found = self._by_name().get(same_name(PureWindowsPath(name).name), [])
        return found[0] if len(found) == 1 else plain

    def _by_name(self) -> dict[str, list[Path]]:
        if self._index is None:
            self._index = {}
            for parent, _, files in os.walk(self._folder, followlinks=False):
                for file in files:
                    path = Path(parent, file)
                    key = same_name(path.relative_to(self._folder).as_posix())
                    self._index.setdefault(key, []).append(path)
        return self._index


def relative_name(folder: Path, path: Path, said: str) -> str:
    """Posix path of a file from its folder; as it was said where it lies elsewhere."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return PurePosixPath(said).as_posix()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except ValueError:  # a name with a null byte
        return False
