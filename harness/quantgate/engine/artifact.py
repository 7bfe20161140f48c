"""OpenVINO IRs on disk, known by their content; and the parent, the first of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from quantgate.engine.constants import fix_inputs
from quantgate.engine.embed import embed, widen
from quantgate.engine.given import (
    INTEGER_INPUTS,
    MARK,
    feed_as_parent,
    give_back_float,
    name_as_parent,
    refuse_other_size,
)
from quantgate.engine.ir_file import SECTION, digest_of_ir
from quantgate.engine.naming import given_names, model_ports, name_by_place
from quantgate.errors import QuantizationError, StoreError
from quantgate.sources.catalog import locate, resolve
from quantgate.sources.kind import Place
from quantgate.sources.quantized import quantization_trace
from quantgate.stack import version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import openvino as ov

    from quantgate.entries import Preprocess
    from quantgate.sources.catalog import AnySource
    from quantgate.store import Store

#: Raised whenever this module changes what it writes for the same inputs.
SCHEMA = 4
_MODEL = "model.xml"
_ABOUT = "artifact.json"


@dataclass(frozen=True, slots=True)
class Artifact:
    """An OpenVINO IR.

    Parameters
    ----------
    path
        The .xml; its weights lie beside it.
    digest
        Of the graph and its constants, whatever the nodes happen to be called.
    """

    path: Path
    digest: str

    @property
    def size_bytes(self) -> int:
        """Bytes of both files."""
        return self.path.stat().st_size + self.path.with_suffix(".bin").stat().st_size


def parent_artifact(
    source: AnySource, preprocess: Preprocess, root: Path, store: Store, *, name: str = "--all"
) -> Artifact:
    """Make the parent of an entry: read, preprocessing embedded, batch 1, kept in FP32.

    Parameters
    ----------
    name
        The entry in models.toml, named in the command that fetches a model.

    Raises
    ------
    SourceUnavailableError
        Where the model has to be fetched first.
    SourceError
        Where the model is missing or does not parse.
    PreprocessError
        Where the preprocessing does not fit its input.
    QuantizationError
        Where the model is quantized already; says where that was seen.
    StoreError
        Where the store cannot be written.
    """
    place = Place(root, store, name)
    key = {
        "schema": SCHEMA,
        "source": locate(source, place).digest,
        "preprocess": asdict(preprocess),
        "openvino": version("openvino"),
    }

    def build(folder: Path) -> None:
        found, model = resolve(source, place)
        trace = quantization_trace(model)
        if trace:
            raise QuantizationError(
                f"{found.path}: is {trace.short} already, the first sign is {trace.first}: give the "
                "model as it was before quantization"
            )
        given = given_names(model)
        taken = model.inputs[0].get_element_type().get_type_name()
        widen(model)
        fix_inputs(model, preprocess.constants)
        embedded = embed(model, preprocess)
        name_by_place(embedded, given)
        _name_outputs(embedded)
        save(embedded, folder, taken=taken)

    return load(store.get_or_build("parent", key, build))


def _name_outputs(model: ov.Model) -> None:
    """Give outputs without a tensor name that of their layer: both roles are read by it."""
    for output in model.outputs:
        if not output.get_names():
            output.get_tensor().set_names({model_ports([output])[0].name})


def given_artifact(
    source: AnySource, preprocess: Preprocess, root: Path, store: Store, *, parent: Artifact
) -> Artifact:
    """Take a model that was quantized elsewhere, and bring it to its parent's interface.

    Fed as the parent is, its 8-bit outputs as the numbers that they stand for, named and laid out as
    the parent's; see `engine.given`. :func:`told_of` gives what was done.

    Raises
    ------
    SourceError, PreprocessError, StoreError
        As :func:`parent_artifact`.
    """
    key = {
        "schema": SCHEMA,
        "given": locate(source, Place(root, store)).digest,
        "preprocess": asdict(preprocess),
        "parent": parent.digest,
        "openvino": version("openvino"),
    }

    def build(folder: Path) -> None:
        import openvino as ov

        found, model = resolve(source, Place(root, store))
        names, trace = given_names(model), quantization_trace(model)
        fix_inputs(model, preprocess.constants)
        judged = ov.Core().read_model(parent.path)
        refuse_other_size(model, preprocess, judged)
        raw = told_of(parent).get("taken") in INTEGER_INPUTS
        fitted = feed_as_parent(model, preprocess, raw_parent=raw)
        give_back_float(fitted)
        name_as_parent(fitted, model_ports(judged.outputs))
        name_by_place(fitted.model, names)
        told = {"file": str(found.path), "trace": asdict(trace), "notes": fitted.notes}
        save(fitted.model, folder, **told)

    return load(store.get_or_build("given", key, build))


def told_of(artifact: Artifact) -> dict[str, Any]:
    """Read what is known of how an artifact was made, beside its digest."""
    document: dict[str, Any] = json.loads((artifact.path.parent / _ABOUT).read_text())
    return document


def save(model: ov.Model, folder: Path, **told: Any) -> None:
    """Write a model as ``model.xml`` and ``model.bin``, nothing compressed, and read it back.

    ``told`` is what :func:`told_of` gives back, JSON-able.

    Raises
    ------
    StoreError
        Where what was written cannot be read: OpenVINO does not report a full disk.
    """
    import openvino as ov

    path = folder / _MODEL
    model.set_rt_info("inside", MARK)
    try:
        ov.save_model(model, path, compress_to_fp16=False)
        ov.Core().read_model(path)
    except RuntimeError as error:
        raise StoreError(
            f"{folder}: a model could not be written whole: free space there, or set "
            "QUANTGATE_STORE to another folder"
        ) from error
    (folder / _ABOUT).write_text(json.dumps({"digest": digest_of_ir(path), **told}))


def hand_out(artifact: Artifact, folder: Path, said: Mapping[str, str]) -> None:
    """Write an artifact once more, as ``model.xml`` and ``model.bin``, with words in its rt_info.

    Raises
    ------
    StoreError
        Where it is not the same model that can be read back: OpenVINO does not report a full disk.
    """
    import openvino as ov

    path = folder / _MODEL
    model = ov.Core().read_model(artifact.path)
    for key, value in said.items():
        model.set_rt_info(value, [SECTION, key])
    try:
        ov.save_model(model, path, compress_to_fp16=False)
        whole = digest_of_ir(path) == artifact.digest
    except (RuntimeError, OSError, ET.ParseError):
        whole = False
    if not whole:
        raise StoreError(f"{folder}: the model could not be written whole: free space there")


def load(folder: Path) -> Artifact:
    """Find the artifact that :func:`save` wrote."""
    digest = json.loads((folder / _ABOUT).read_text())["digest"]
    return Artifact(folder / _MODEL, digest)


def input_shape(artifact: Artifact) -> tuple[int, ...]:
    """Shape of the first input, read from the graph's file without OpenVINO.

    Raises
    ------
    StoreError
        Where the file names no static input shape: it was not written by this module.
    """
    # Read up to the first input alone: a graph of some size takes as long to parse as an image to read.
    for _, layer in ET.iterparse(artifact.path):  # noqa: S314 - written by OpenVINO
        data = layer.find("data")
        if layer.get("type") == "Parameter" and data is not None:
            sides = data.get("shape", "").split(",")
            if all(side.strip().isdigit() for side in sides):
                return tuple(int(side) for side in sides)
    raise StoreError(f"{artifact.path} has no input of a static shape: remove it to build it again")
