"""Explaining an entry's loss: one answer a pair of models, kept in the store."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.pipeline.feeding import bench_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.attribution.explain import Ask
    from quantgate.core.explained import Explanation
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.data import Data
    from quantgate.store import Store

_FILE, _SUBGRAPH = "explanation.json", "subgraph"


def explain_entry(
    entry: ModelEntry, store: Store, artifacts: Pair[Artifact], data: Data, *, ask: Ask
) -> Explanation:
    """Explain where a pair of models loses accuracy, or find that in the store.

    Parameters
    ----------
    ask
        What may be spent; its device and folder are the entry's and the store's.

    Raises
    ------
    HarnessError
        Where the models cannot be run on any image.
    """
    from quantgate.attribution.execution import Device
    from quantgate.attribution.explain import explain
    from quantgate.core.explained import Explanation
    from quantgate.engine.evaluate import comparison_key
    from quantgate.engine.runtime import Target
    from quantgate.machine import isa_class
    from quantgate.report.codec import decode, encode
    from quantgate.sourcecode import code_digest

    bench = bench_of(entry, data.evaluation)
    target = Target(device=entry.benchmark.device, precision=entry.evaluate.precision)
    key = {
        "comparison": comparison_key(artifacts, bench, target, isa_class()),
        "plan": asdict(entry.evaluate),
        "ask": _asked(ask),
        "code": code_digest("attribution"),
    }
    paths = artifacts.map(lambda artifact: artifact.path)

    def build(folder: Path) -> None:
        execute = Device(target.device, target.config())
        own = replace(ask, model=entry.id, execute=execute, folder=folder / _SUBGRAPH)
        found = explain(paths, bench, entry.evaluate, own)
        (folder / _FILE).write_text(json.dumps(encode(found)), encoding="utf-8")

    folder = store.get_or_build("explained", key, build)
    found = decode(Explanation, json.loads((folder / _FILE).read_text("utf-8")))
    return _placed(found, folder)


def _asked(ask: Ask) -> Mapping[str, Any]:
    return {
        "images": ask.images,
        "seconds": ask.seconds,
        "seed": ask.seed,
        "groups": dict(ask.groups),
    }


def _placed(found: Explanation, folder: Path) -> Explanation:
    """Name the failing part where it lies now: it was written before the entry had its place."""
    execution = found.execution
    if execution is None or execution.first is None or not execution.first.subgraph:
        return found
    path = folder / _SUBGRAPH / Path(execution.first.subgraph).name
    first = replace(execution.first, subgraph=str(path))
    return replace(found, execution=replace(execution, first=first))
