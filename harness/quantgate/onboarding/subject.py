"""What MODEL names on the command line: a file, a folder, a pair of files, or a model of a collection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import UsageError
from quantgate.onboarding.hints import Hints, hints_of
from quantgate.sources.darknet.locate import DarknetSource
from quantgate.sources.files import ADVICE, FORMATS
from quantgate.sources.hf import HfSource, fetch_configuration, fetch_hf, list_models
from quantgate.sources.local import LocalSource
from quantgate.sources.omz.fetch import OmzSource
from quantgate.sources.omz.index import load_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.store import Store

_DARKNET = (".cfg", ".weights")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Subject:
    """One model to describe.

    Parameters
    ----------
    name
        Of its entry.
    table
        Its ``source`` in models.toml; paths are absolute.
    """

    name: str
    source: Any
    table: Mapping[str, Any]
    hints: Hints = field(default_factory=Hints)


def subjects_of(given: str) -> list[Subject]:
    """Find what a word on the command line names; a folder may hold several models.

    Raises
    ------
    UsageError
        Where it names nothing; says what was found, and what is meant most likely.
    """
    path = Path(given)
    if path.is_dir():
        return _of_folder(path.absolute())
    if path.exists():
        return [_of_file(path.absolute())]
    if given in load_index():
        return [Subject(given, OmzSource(given), {"omz": given})]
    if given in _zoo():
        from quantgate.sources.zoo import ZooSource

        return [Subject(given, ZooSource(given), {"zoo": given})]
    if _REPOSITORY.fullmatch(given) and not path.suffix and not path.parent.is_dir():
        return [_of_hub(given)]
    raise UsageError(_nothing(given, path))


def fetched(subject: Subject, store: Store) -> Subject:
    """Fetch what a Hugging Face repository holds of a model; others are as they were.

    Raises
    ------
    SourceError, SourceUnavailableError
        Where it is not there, or cannot be reached.
    """
    if not isinstance(subject.source, HfSource):
        return subject
    path = fetch_hf(subject.source, store)
    fetch_configuration(subject.source, store)
    return replace(subject, hints=hints_of(path))


def _zoo() -> Mapping[str, Any]:
    from quantgate.manifest.known import zoo

    return zoo()


def _nothing(given: str, path: Path) -> str:
    here = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, here, n=1) or get_close_matches(
        given, {**load_index(), **_zoo()}, n=2
    )
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"{given} is neither a file nor a model of Open Model Zoo; {hint}Give a model file, a folder of them, a name "
        "that `quantgate fetch --list` lists, or organisation/repository of Hugging Face"
    )


def _of_folder(folder: Path) -> list[Subject]:
    if (folder / "saved_model.pb").is_file():
        return [_of_file(folder)]
    wanted = {*FORMATS, ".cfg"}
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in wanted and path.is_file()
    ]
    files = [path for path in files if path.suffix != ".cfg" or _partner(path) is not None]
    if not files:
        some = (
            ", ".join(sorted({path.suffix or path.name for path in folder.iterdir()})[:6])
            or "nothing"
        )
        raise UsageError(
            f"{folder} holds no model that is read ({', '.join(FORMATS)}, a Darknet pair), found {some}: name the "
            "model's file, or export it to ONNX first"
        )
    return [_of_file(path) for path in files]


def _of_file(path: Path) -> Subject:
    suffix = path.suffix.lower()
    if suffix in _DARKNET:
        pair = sorted(filter(None, (path, _partner(path))), key=lambda one: one.suffix)
        if len(pair) < 2:  # noqa: PLR2004 - cfg and weights
            raise UsageError(
                f"{path}: a Darknet network is two files, and none of the name {path.stem} with the other suffix of "
                f"{' and '.join(_DARKNET)} lies beside it: copy it there"
            )
        table = {"cfg": pair[0], "weights": pair[1]}
        return Subject(_named(path), DarknetSource(pair[0], pair[1]), table, hints_of(path))
    if path.is_file() and suffix not in FORMATS:
        advice = ADVICE.get(
            suffix,
            f"what is read: {', '.join(FORMATS)}, a Darknet pair and a TensorFlow saved model",
        )
        raise UsageError(f"{path} is no model file that is read: {advice}")
    return Subject(_named(path), LocalSource(path), {"path": path}, hints_of(path))


def _partner(path: Path) -> Path | None:
    """Find the other file of a Darknet pair."""
    other = path.with_suffix(next(one for one in _DARKNET if one != path.suffix.lower()))
    return other if other.is_file() else None


def _named(path: Path) -> str:
    """Make a name of an entry from a file's; of "model.onnx" from its folder's."""
    stem = path.parent.name if path.stem in {"model", "saved_model", "best"} else path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:_LONGEST] or "model"


def _of_hub(repository: str) -> Subject:
    """Choose the model of a Hugging Face repository, pinned to its commit.

    Raises
    ------
    SourceError
        Where huggingface_hub is not installed, or the repository cannot be read or holds no model.
    """
    revision, files = list_models(repository)
    source = HfSource(repository, files[0], revision)
    table = {"hf": repository, "file": files[0], "revision": revision}
    return Subject(_named(Path(repository)), source, table)
