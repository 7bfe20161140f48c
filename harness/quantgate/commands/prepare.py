"""One entry's pair of models, for the verbs that measure outside of a run of gates."""

from __future__ import annotations

import datetime as dt
import difflib
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import UsageError
from quantgate.pair import Pair

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.run import Run


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model ready to be measured: its entry, both artifacts, its images and a real input."""

    entry: ModelEntry
    run: Run
    data: Data
    artifacts: Pair[Artifact]
    inputs: Mapping[str, NDArray[np.generic]]

    @property
    def paths(self) -> Pair[Path]:
        """IR files of both roles."""
        return self.artifacts.map(lambda artifact: artifact.path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name a model."""
    parser.add_argument("model", help="model id: the NAME in [models.NAME]")
    parser.add_argument(
        "--manifest",
        type=Path,
        default=Path("models.toml"),
        help="manifest of the model (default: models.toml)",
    )
    parser.add_argument(
        "--store",
        type=Path,
        help="keep built models in this store (default: QUANTGATE_STORE, or your cache folder)",
    )


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Prepared]:
    """Load, quantize or find in the store what ``options`` name.

    Raises
    ------
    UsageError
        Where the manifest has no such model.
    """
    from quantgate.engine.artifact import parent_artifact
    from quantgate.manifest import load_manifest
    from quantgate.pipeline.data import load_data
    from quantgate.pipeline.optimize import optimized_artifact
    from quantgate.pipeline.performance import real_input
    from quantgate.progress import SILENT
    from quantgate.run import Run
    from quantgate.stack import check_stack
    from quantgate.store import Store, default_store

    check_stack()
    manifest = load_manifest(options.manifest)
    entry = _entry(options, manifest.models)
    root = options.store or default_store()
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="quantgate-") as scratch:
        run = Run(
            Path(scratch), manifest=manifest, store=root, strict_sources=True, started=started
        )
        data = load_data(entry, manifest, root)
        parent = parent_artifact(
            entry.source,
            entry.preprocess,
            manifest.root,
            Store(root, model=entry.id),
            name=entry.id,
        )
        optimized = optimized_artifact(entry, run, parent, data, progress=SILENT)
        pair = Pair(parent, optimized)
        yield Prepared(entry, run, data, pair, real_input(entry, parent, data))


def _entry(options: argparse.Namespace, models: Mapping[str, Any]) -> ModelEntry:
    if options.model in models:
        found: ModelEntry = models[options.model]
        return found
    near = difflib.get_close_matches(options.model, models, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(models)}"
    raise UsageError(f"{options.manifest} has no model {options.model!r}{hint}")
