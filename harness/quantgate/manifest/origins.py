"""Checks of where a model's files come from: its source, its optimized model, what a decoder reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quantgate.errors import HarnessError
from quantgate.manifest import hints
from quantgate.manifest.datasets import missing, paths_of
from quantgate.manifest.known import omz_settings, zoo
from quantgate.manifest.problems import ManifestProblem, meant, names, unknown_name
from quantgate.sources.darknet.cfg_heads import heads_of
from quantgate.sources.darknet.locate import DarknetSource
from quantgate.sources.omz.fetch import OmzSource
from quantgate.sources.url import SHA256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.manifest.problems import KeyPath
    from quantgate.manifest.reading import Reading


def check_source(reading: Reading) -> Iterator[ManifestProblem]:
    """Refuse names that no collection has, and a Darknet cfg that has no heads."""
    source = reading.values.get("source")
    name = getattr(source, "zoo", None)
    if name is not None and name not in zoo():
        yield reading.problem("source", "zoo", say=unknown_name("built-in model", name, zoo()))
    if isinstance(source, OmzSource):
        yield from _omz(reading, source)
    if isinstance(source, DarknetSource):
        yield from _darknet(reading, source)


def _darknet(reading: Reading, source: DarknetSource) -> Iterator[ManifestProblem]:
    """Refuse a cfg that is not read, and half of what `quantgate fetch` needs."""
    if os.path.isfile(source.cfg):  # noqa: PTH113 - as in `missing`
        try:
            heads_of(source.cfg)
        except HarnessError as error:
            yield reading.problem("source", "cfg", say=str(error))
    yield from _addresses(reading, source)


def _addresses(reading: Reading, source: DarknetSource) -> Iterator[ManifestProblem]:
    """Demand all or none of the addresses and checksums that `quantgate fetch` needs."""
    keys = ("cfg_url", "cfg_sha256", "weights_url", "weights_sha256")
    given = [key for key in keys if getattr(source, key) is not None]
    for key in keys:
        value = getattr(source, key)
        if given and value is None:
            say = f"missing, expected beside {given[0]}: both files are fetched, or none"
            yield reading.problem("source", key, say=say)
        elif value is not None and key.endswith("sha256") and not SHA256.fullmatch(value):
            say = f"expected 64 hexadecimal digits, found {value[:80]!r}"
            yield reading.problem("source", key, say=say)


def _omz(reading: Reading, source: OmzSource) -> Iterator[ManifestProblem]:
    """Refuse what Open Model Zoo does not have, and what cannot be a parent."""
    try:
        known = omz_settings(source.omz)
    except HarnessError as error:
        yield reading.problem("source", "omz", say=str(error))
        return
    if known.support == "none":
        yield reading.problem("source", "omz", say=f"cannot be judged here: {known.missing}")
    elif known.support == "tensors" and "task" not in reading.values:
        say = f'{known.missing}; or set task = "generic", which compares raw outputs'
        yield reading.problem("source", "omz", say=say)


def check_optimized(reading: Reading) -> Iterator[ManifestProblem]:
    """Demand one way to the optimized model: made here, or given."""
    if reading.broken & {"calibrate", "optimized"}:
        return
    made, given = reading.values.get("calibrate"), reading.values.get("optimized")
    if made is None and given is None:
        say = "missing, expected a string or a table (or `optimized`, a model quantized elsewhere)"
        yield reading.problem("calibrate", say=say)
    if made is not None and given is not None:
        say = "expected either `calibrate` or `optimized`, found both: the model is made here or given"
        yield reading.problem("optimized", say=say)


def check_files(reading: Reading) -> Iterator[ManifestProblem]:
    """Demand every file that the entry names."""
    for table in ("source", "optimized", "baseline", "decoder"):
        value = reading.values.get(table)
        if isinstance(value, DarknetSource):
            continue  # like other networks that have to be fetched, it is skipped where it is not here
        for key, path in paths_of(value).items():
            if not os.path.exists(path):  # noqa: PTH110 - as in `missing`
                kind: type = type(value)
                hint = hints.fields(kind)[key]
                yield _no_file(reading.draft.where(table, key), path, hints.choices(hint))


def _no_file(place: KeyPath, path: Path, words: tuple[str, ...]) -> ManifestProblem:
    """Report a missing file, and suggest the closest word that is accepted in its place."""
    expected = f"one of {names(words)}, or a file" if words else "a file or folder"
    problem = missing(place, path, expected)
    return ManifestProblem(problem.place, problem.sentence + meant(path.name, words))
