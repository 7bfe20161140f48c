"""What an accuracy-check.yml says of a model: how accuracy_check feeds, reads and judges it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from quantgate.decoders.alternatives import Reading
from quantgate.decoders.catalog import DECODERS
from quantgate.entries import Preprocess
from quantgate.errors import UsageError
from quantgate.manifest.known import as_toml, published_of
from quantgate.manifest.shape import read
from quantgate.sources.omz.adapters import adapter_of
from quantgate.sources.omz.extract import accuracy_of, chosen_of
from quantgate.sources.omz.index import CURRENT, OmzInput, OmzModel
from quantgate.sources.omz.knowledge import OmzSettings, settings_for
from quantgate.sources.omz.references import references_of
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.decoders.protocol import Port
    from quantgate.manifest.problems import ManifestProblem
    from quantgate.onboarding.hints import Hints

#: accuracy_check's definitions of datasets: beside the file, or above it as in Open Model Zoo's checkout.
_DEFINITIONS = ("dataset_definitions.yml", "data/dataset_definitions.yml")
#: How far above the file they are looked for: in Open Model Zoo a model lies up to four folders down.
_UP = 5
_RANK, _CHANNELS = 4, (1, 3)
#: Safe, and ten times as fast where PyYAML has libyaml.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Told:
    """One model of such a file.

    Parameters
    ----------
    accuracy
        As `sources.omz` keeps it: adapter, reader, preprocessing, metrics, dataset.
    model, images, annotations
        What the file names, where it is there: paths relative to the file's folder.
    """

    file: Path
    name: str
    accuracy: Mapping[str, Any]
    model: Path | None = None
    images: Path | None = None
    annotations: Path | None = None


def told_by(file: Path, name: str | None) -> Told:
    """Read what a file says of one model.

    Parameters
    ----------
    name
        Of the model in the file; None: the file has one only.

    Raises
    ------
    UsageError
        Where the file cannot be read, or holds no such model that OpenVINO runs.
    """
    loaded = _document(file)
    entries = [one for one in loaded.get("models") or [] if isinstance(one, dict)]
    names = list(dict.fromkeys(str(one.get("name")) for one in entries))
    if not names and "evaluations" not in loaded:
        raise UsageError(f"--from {file}: expected accuracy_check's `models`, found none")
    if len(names) > 1 and name not in names:
        raise UsageError(
            f"--from {file} describes {', '.join(names[:6])}: the name of MODEL has to be one of them"
        )
    name = name if name in names or not names else names[0]
    accuracy = accuracy_of(str(name), loaded, _datasets(file))
    if not accuracy:
        raise UsageError(
            f"--from {file}: nothing in it runs {name} by OpenVINO: expected a launcher with `framework: openvino` "
            "(or dlsdk) and a dataset"
        )
    return _located(Told(file, str(name), accuracy), loaded)


def settings_by(told: Told, ports: Sequence[Port]) -> OmzSettings:
    """Say how the model is fed, read and judged, given the inputs that it has."""
    inputs = tuple(OmzInput(port.name, tuple(port.shape), _layout(port)) for port in ports)
    model = OmzModel(
        told.name, CURRENT, "dldt", "", "", ("FP32",), (), None, inputs, dict(told.accuracy)
    )
    found = settings_for(model, frozenset(DECODERS), frozenset(TASKS))
    return replace(found, references=references_of(replace(model, task=found.task or "")))


def reading_of(told: Told, settings: OmzSettings) -> Reading:
    """Make the decoder that the adapter amounts to.

    Raises
    ------
    UsageError
        Where one of the adapter's options is none for the decoder.
    """
    table = as_toml(settings.decoder)
    decoder = _made(told, DECODERS[str(table["kind"])], table, "decoder")
    return Reading(decoder, tuple(key for key in table if key != "kind"))


def plan_of(told: Told, settings: OmzSettings) -> Preprocess:
    """Make the feeding that reader and steps amount to.

    Raises
    ------
    UsageError
        Where a step cannot be what it says.
    """
    plan: Preprocess = _made(told, Preprocess, as_toml(settings.preprocess), "preprocess")
    return plan


def _made(told: Told, hint: Any, table: Mapping[str, Any], key: str) -> Any:
    """Read a table strictly: what is refused would otherwise be left out, and something else be judged."""
    problems: list[ManifestProblem] = []
    made = read(hint, dict(table), (key,), problems)
    if problems:
        raise UsageError(
            f"--from {told.file}: {told.name} amounts to {'; '.join(map(str, problems))}: correct it there, or "
            "leave --from out and let init look for itself"
        )
    return made


def metric_of(settings: OmzSettings) -> str:
    """Give the metric that the file judges by, where it is not the task's own; empty otherwise."""
    task = TASKS[str(settings.task)]
    known = [one.metric for one in settings.references if one.metric in task.METRICS]
    own = not known or task.DEFAULT_METRIC in known or not task.METRICS[str(known[0])].judged
    return "" if own else str(known[0])


def published_by(told: Told, settings: OmzSettings) -> dict[str, dict[str, Any]]:
    """Give the figures that the file refers to, by metrics that the task has."""
    known = TASKS[str(settings.task)].METRICS
    found = published_of(settings, told.file.name)
    return {metric: figure for metric, figure in found.items() if metric in known}


def hints_by(told: Told, settings: OmzSettings, own: Hints) -> Hints:
    """Give the feeding to the search for a decoder, where the adapter is none that is known."""
    if settings.support != "tensors":
        return own
    plan = plan_of(told, settings)
    keys = ("colour", "mean", "scale", "resize", "short_side")
    values = {key: getattr(plan, key) for key in keys if getattr(plan, key) is not None}
    by = dict.fromkeys(values, told.file.name)
    return replace(own, values={**own.values, **values}, said_by={**own.said_by, **by})


def said_by(told: Told) -> str:
    """Name the adapter, as the evidence of an entry."""
    return f"{told.file.name}: adapter {adapter_of(told.accuracy)[0]}"


def _document(file: Path) -> dict[str, Any]:
    try:
        loaded = yaml.load(file.read_text("utf-8"), _LOADER)  # noqa: S506 - a safe one, either way
    except OSError as error:
        raise UsageError(f"--from {file} cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"--from {file} is no YAML: {reason}") from error
    if not isinstance(loaded, dict):
        raise UsageError(f"--from {file}: expected accuracy_check's `models`, found none")
    return loaded


def _datasets(file: Path) -> dict[str, Any]:
    """Read the definitions that accuracy_check is given beside the file, by name."""
    folder = file.absolute().parent
    for place in (folder, *list(folder.parents)[:_UP]):
        for found in filter(Path.is_file, (place / name for name in _DEFINITIONS)):
            return _defined(found)
    return {}


@cache
def _defined(file: Path) -> dict[str, Any]:
    """Read Open Model Zoo's hundred definitions once for all models of a process."""
    defined = _document(file).get("datasets") or []
    return {str(one["name"]): one for one in defined if "name" in one}


def _located(told: Told, loaded: Mapping[str, Any]) -> Told:
    """Find the files that the file names and that are there."""
    chosen = chosen_of(told.name, list(loaded.get("models") or []))
    if chosen is None:
        return told
    launcher, entry = chosen
    dataset = entry["datasets"][0]
    merged = {**_datasets(told.file).get(dataset.get("name"), {}), **dataset}
    conversion = merged.get("annotation_conversion") or {}
    truths = [
        value
        for key, value in conversion.items()
        if key.startswith(("annotation", "mask", "pairs_file"))
    ]
    folder = told.file.absolute().parent
    return replace(
        told,
        model=_there(folder, launcher.get("model")),
        images=_there(folder, merged.get("data_source")),
        annotations=next(filter(None, (_there(folder, one) for one in truths)), None),
    )


def _there(folder: Path, named: Any) -> Path | None:
    path = folder / named if isinstance(named, str) else None
    return path if path is not None and path.exists() else None


def _layout(port: Port) -> str | None:
    if len(port.shape) != _RANK:
        return None
    return "NCHW" if port.shape[1] in _CHANNELS else "NHWC" if port.shape[3] in _CHANNELS else None
