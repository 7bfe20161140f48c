from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.engine.artifact import parent_artifact
from quantgate.manifest import load_manifest
from quantgate.pipeline.data import load_data
from quantgate.pipeline.suspicions import suspicions
from quantgate.store import Store
from suites.lies.data import class_shift
from suites.lies.project import MODEL, Project, honest

if TYPE_CHECKING:
    from pathlib import Path


def told(project: Project, store: Path) -> tuple[str, ...]:
    """What is suspected of a project before anything is quantized."""
    manifest = load_manifest(project.write())
    entry = manifest.models[MODEL]
    data = load_data(entry, manifest, store)
    parent = parent_artifact(
        entry.source, entry.preprocess, manifest.root, Store(store), name=entry.id
    )
    return suspicions(entry, parent, data)


def test_a_few_images_suffice_to_suspect_annotations(tmp_path: Path) -> None:
    """Classes counted from elsewhere are told by a check already, and what is right is not."""
    project = honest(tmp_path / "project", "coco")
    assert told(project, tmp_path / "store") == ()
    class_shift(project, np.random.default_rng(0))
    (note,) = told(project, tmp_path / "store")
    assert "would be if class ids were larger by" in note
