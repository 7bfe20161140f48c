"""Image to image: a folder of inputs and a folder of what a model should make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.datasets.beside import facts_of, pairs_of
from quantgate.datasets.checks import shallow
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files, strays_of
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import folder_of
from quantgate.datasets.truths import rendering_file
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import DatasetEntry


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Pair every target with the input of its name, such as ``0001.png`` with ``0001x2.png``.

    Raises
    ------
    DatasetError
        Where a folder is missing, a target has no input, or targets would be read nearly black.
    """
    if entry.annotations is None:
        raise DatasetError(
            f"datasets.{name}.annotations is missing; give the folder of the target pictures"
        )
    inputs = folder_of(name, entry.path, root)
    pairs, unused = pairs_of(name, inputs, folder_of(name, entry.annotations, root), entry.ending)
    facts = facts_of(name, [target for _, target in pairs])
    deep = [
        (target.name, fact.bits)
        for (_, target), fact in zip(pairs, facts, strict=True)
        if fact.bits
    ]
    notes = tuple(
        f"datasets.{name}.annotations: {said}" for said in shallow(f"{name}.annotations", deep)
    )
    drafts = [
        Draft(
            image.relative_to(inputs).as_posix(),
            image,
            rendering_file(target, fact.digest),
            (fact.width, fact.height),
            enlarged=True,
        )
        for (image, target), fact in zip(pairs, facts, strict=True)
    ]
    strays = tuple((path.relative_to(inputs).as_posix(), "no target picture") for path in unused)
    strays += strays_of(inputs, image_files(inputs)[1])
    return Findings(drafts, strays=strays, notes=notes)


KIND = DatasetKind(
    find,
    needs=("path", "annotations"),
    may=("ending", "segments", "annotated"),
    truths={"": ("picture",)},
)
