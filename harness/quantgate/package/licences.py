"""Whose terms a package carries: what is known of a model's licence, and of which kind it is.

Nothing here is legal advice. The licence of a source says little of the pictures that its weights were
trained on; so the notice names who says what.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from quantgate.sources.catalog import locate
from quantgate.sources.omz.fetch import OmzSource
from quantgate.sources.omz.index import find_model
from quantgate.sources.zoo import ZooSource

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import ModelEntry
    from quantgate.sources.catalog import AnySource
    from quantgate.sources.files import SourceFile
    from quantgate.sources.kind import Place

Kind = Literal["permissive", "copyleft", "research-only", "unknown"]
#: The freest first: of alternatives the first counts, of parts the last.
KINDS: tuple[Kind, ...] = get_args(Kind)
UNKNOWN = "unknown"

_PERMISSIVE = frozenset(
    {
        *(
            "0bsd",
            "apache-2.0",
            "bsd-2-clause",
            "bsd-3-clause",
            "bsl-1.0",
            "cc-by-3.0",
            "cc-by-4.0",
        ),
        *("cc0-1.0", "isc", "licenseref-yolo", "mit", "ncsa", "unlicense", "wtfpl", "zlib"),
    }
)
_COPYLEFT = re.compile(r"^(a|l)?gpl\b|^(mpl|epl|eupl|osl|cddl|sspl|cecill)-|^cc-by-sa")
_RESEARCH = re.compile(r"-nc\b|non-?commercial|research|academic")
#: Words near the top of a licence's text, and what the text is then.
_TITLES: tuple[tuple[str, str], ...] = (
    ("gnu affero general public license", "AGPL-3.0"),
    ("gnu lesser general public license", "LGPL-3.0"),
    ("gnu general public license", "GPL-3.0"),
    ("mozilla public license", "MPL-2.0"),
    ("attribution-noncommercial", "CC-BY-NC-4.0"),
    ("non-commercial", "LicenseRef-non-commercial"),
    ("apache license", "Apache-2.0"),
    ("yolo license", "LicenseRef-YOLO"),
    ("permission is hereby granted, free of charge", "MIT"),
    ("redistribution and use in source and binary forms", "BSD-2-Clause"),
)
_BSD, _THIRD_CLAUSE = "BSD-2-Clause", "neither the name"
_TEXT_FILES = ("LICENSE", "LICENCE", "COPYING")
#: Longer texts are read no further: their titles are at the top.
_MOST_BYTES = 200_000


#: What exporters write into a model's metadata, which stand at the end of its file.
_METADATA = re.compile(rb"A?GPL-[23]\.0|LGPL-[23]\.[01]|CC-BY-NC[-A-Z]*-[34]\.0")
_TAIL_BYTES = 65_536
#: Licences of what Open Model Zoo points at, by the repository whose LICENSE it names.
_REPOSITORIES: dict[str, tuple[str, ...]] = {
    "Apache-2.0": (
        *("Megvii-BaseDetection/YOLOX", "RangiLyu/nanodet", "facebookresearch/detr"),
        *("fizyr/keras-retinanet", "google/automl", "opencv/open_model_zoo"),
        *("opencv/openvino_training_extensions", "opencv/training_toolbox_tensorflow"),
        *("openvinotoolkit/open_model_zoo", "rwightman/gen-efficientnet-pytorch"),
        *("rwightman/pytorch-image-models", "tensorflow/models", "tensorflow/tensorflow"),
        *("tensorflow/tpu", "zhanghang1989/ResNeSt"),
    ),
    "MIT": (
        *("DingXiaoH/RepVGG", "Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB"),
        *("biubug6/Pytorch_Retinaface", "david8862/keras-YOLOv3-model-set"),
        *("davidsandberg/facenet", "dbolya/yolact", "intel-isl/MiDaS", "xingyizhou/CenterNet"),
    ),
    "BSD-3-Clause": ("CSAILVision/semantic-segmentation-pytorch", "fyu/drn", "pytorch/vision"),
}


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence of a model, who says that it is, and the files that hold its text."""

    name: str
    origin: str
    texts: tuple[Path, ...] = ()

    @property
    def kind(self) -> Kind:
        """What it asks of those who hand the model on."""
        return kind_of(self.name)


def licence_of(entry: ModelEntry, place: Place) -> Licence:
    """Determine a model's licence from models.toml or the files beside its weights.

    Raises
    ------
    SourceError
        Where the model's files are no longer there.
    """
    if entry.licence is not None:
        return Licence(entry.licence, "models.toml")
    given = [] if entry.optimized is None else [entry.optimized]
    found = [_of_source(source, place) for source in (entry.source, *given)]
    names = dict.fromkeys(licence.name for licence in found)
    origins = dict.fromkeys(licence.origin for licence in found)
    texts = dict.fromkeys(text for licence in found for text in licence.texts)
    return Licence(" AND ".join(names), "; ".join(origins), tuple(texts))


def _of_source(source: AnySource, place: Place) -> Licence:
    if isinstance(source, ZooSource):
        return Licence("Apache-2.0", "quantgate, which trained it")
    if isinstance(source, OmzSource):
        address = find_model(source.omz).licence
        known = (name for name, owners in _REPOSITORIES.items() if _names(address, owners))
        return Licence(next(known, UNKNOWN), f"Open Model Zoo, {address}")
    return _with_files(locate(source, place))


def _names(address: str, repositories: tuple[str, ...]) -> bool:
    return any(f"/{repository}/" in address for repository in repositories)


def _with_files(found: SourceFile) -> Licence:
    """Read the texts beside a model's file, and what its exporter wrote into it."""
    texts = tuple(
        path
        for path in sorted(found.path.parent.iterdir())
        if path.is_file() and path.name.upper().startswith(_TEXT_FILES)
    )
    names = dict.fromkeys(_name_of(path) for path in texts)
    origins = [path.name for path in texts]
    for path in found.paths:
        stated = _METADATA.findall(_tail(path))
        names |= dict.fromkeys(name.decode() for name in stated)
        origins += [f"the metadata of {path.name}"] if stated else []
    return Licence(" AND ".join(names) or UNKNOWN, ", ".join(origins) or "nobody", texts)


def _tail(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
        return stream.read()


def kind_of(name: str) -> Kind:
    """Classify an SPDX expression: the most permissive alternative, the strictest part."""
    alternatives = [_strictest(part) for part in re.split(r"\s+OR\s+", name.strip("() "))]
    return min(alternatives, key=KINDS.index)


def _strictest(expression: str) -> Kind:
    parts = re.split(r"\s+AND\s+", expression.strip("() "))
    return max((_kind(part.strip("() ").lower()) for part in parts), key=KINDS.index)


def _kind(one: str) -> Kind:
    bare = one.partition(" with ")[0].removesuffix("-only").removesuffix("-or-later")
    if bare in _PERMISSIVE:
        return "permissive"
    if _RESEARCH.search(bare):
        return "research-only"
    return "copyleft" if _COPYLEFT.search(bare) else "unknown"


def _name_of(path: Path) -> str:
    with path.open("rb") as stream:
        text = " ".join(stream.read(_MOST_BYTES).decode(errors="replace").lower().split())
    found = [(text.find(words), name) for words, name in _TITLES if words in text]
    name = min(found)[1] if found else UNKNOWN
    return "BSD-3-Clause" if name == _BSD and _THIRD_CLAUSE in text else name
