from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quantgate.manifest import load_manifest
from quantgate.package.licences import Kind, kind_of, licence_of
from quantgate.sources.kind import Place

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import ModelEntry

APACHE = "Apache License\nVersion 2.0, January 2004\n... Commons ... non-commercial"
MIT = "The MIT License (MIT)\nPermission is hereby granted, free of charge, to any person"
BSD = "Redistribution and use in source and binary forms, with or without modification"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3 ... the GNU Affero General Public License"
MPL = "Mozilla Public License Version 2.0 ... the GNU General Public License"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Apache-2.0", "permissive"),
        ("mit", "permissive"),
        ("GPL-3.0-or-later", "copyleft"),
        ("AGPL-3.0", "copyleft"),
        ("LGPL-2.1-only WITH Classpath-exception-2.0", "copyleft"),
        ("MPL-2.0", "copyleft"),
        ("CC-BY-SA-4.0", "copyleft"),
        ("CC-BY-NC-SA-4.0", "research-only"),
        ("ImageNet research terms", "research-only"),
        ("MIT OR GPL-2.0-only", "permissive"),
        ("(MIT AND GPL-2.0-only)", "copyleft"),
        ("MIT AND unknown", "unknown"),
        ("ours", "unknown"),
        ("", "unknown"),
    ],
)
def test_licences_have_kinds(name: str, kind: Kind) -> None:
    """What a licence asks is told from its SPDX expression; what nobody knows is unknown."""
    assert kind_of(name) == kind


def entry(folder: Path, line: str = "") -> ModelEntry:
    """An entry whose model lies in the folder."""
    (folder / "images").mkdir(exist_ok=True)
    (folder / "models.toml").write_text(
        'datasets.d = { kind = "folder", path = "images" }\n[models.m]\ntask = "generic"\n'
        'source = "weights/m.tflite"\ncalibrate = "d"\nevaluate = { dataset = "d", hold_out = true }\n'
        f"limits.min_sqnr_db = 10\n{line}\n",
        encoding="utf-8",
    )
    return load_manifest(folder / "models.toml").models["m"]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Folder of a model's file."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "m.tflite").write_bytes(b"weights")
    return tmp_path / "weights"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"LICENSE": APACHE}, "Apache-2.0"),
        ({"LICENSE.md": MIT}, "MIT"),
        ({"COPYING": GPL}, "GPL-3.0"),
        ({"license.txt": MPL}, "MPL-2.0"),
        ({"LICENSE": BSD}, "BSD-2-Clause"),
        ({"LICENSE": f"{BSD}. Neither the name of"}, "BSD-3-Clause"),
        ({"LICENSE": MIT, "LICENSE.upstream": BSD}, "MIT AND BSD-2-Clause"),
        ({"LICENCE": "All rights reserved."}, "unknown"),
        ({"README": MIT}, "unknown"),
    ],
)
def test_texts_beside_the_weights_are_read(
    tmp_path: Path, weights: Path, files: dict[str, str], name: str
) -> None:
    """A licence's text beside the weights says which one it is, and is kept with the package."""
    for file, text in files.items():
        (weights / file).write_text(text, encoding="utf-8")
    found = licence_of(entry(tmp_path), Place(tmp_path))
    assert found.name == name
    kept = {path.name for path in found.texts}
    assert kept == {file for file in files if file != "README"}


def test_what_an_exporter_wrote_is_read(tmp_path: Path, weights: Path) -> None:
    """A model whose metadata names a copyleft licence is not taken for a free one."""
    (weights / "m.tflite").write_bytes(
        bytes(10**5) + b'license\x12\x18AGPL-3.0 License (https://x)"'
    )
    found = licence_of(entry(tmp_path), Place(tmp_path))
    assert (found.name, found.kind, found.origin) == (
        "AGPL-3.0",
        "copyleft",
        "the metadata of m.tflite",
    )


def test_models_toml_knows_better(tmp_path: Path, weights: Path) -> None:
    """What the entry says goes before what lies around."""
    (weights / "LICENSE").write_text(GPL, encoding="utf-8")
    found = licence_of(entry(tmp_path, 'licence = "Apache-2.0"'), Place(tmp_path))
    assert (found.name, found.origin) == ("Apache-2.0", "models.toml")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('{ zoo = "digits-mobilenet-v2" }', "Apache-2.0"),
        ('{ omz = "ssd_mobilenet_v1_coco" }', "Apache-2.0"),
        ('{ omz = "yolo-v4-tf" }', "MIT"),
        ('{ omz = "hbonet-1.0" }', "unknown"),
    ],
)
def test_known_models_know_their_licence(tmp_path: Path, source: str, name: str) -> None:
    """Built-in models and those of Open Model Zoo need no text beside them."""
    text = f'[models.m]\nsource = {source}\ntask = "generic"\ndecoder = "tensors"\n'
    (tmp_path / "images").mkdir()
    (tmp_path / "models.toml").write_text(
        'datasets.d = { kind = "folder", path = "images" }\n'
        + text
        + 'calibrate = "d"\nevaluate = { dataset = "d", hold_out = true }\nlimits.min_sqnr_db = 10\n',
        encoding="utf-8",
    )
    found = licence_of(load_manifest(tmp_path / "models.toml").models["m"], Place(tmp_path))
    assert found.name == name
