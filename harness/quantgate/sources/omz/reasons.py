"""Why a model of Open Model Zoo is not judged by its own task, in one sentence."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.sources.omz.index import find_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.knowledge import OmzSettings

#: What models take that are not given an image, by Open Model Zoo's name of their task.
_TAKEN: Mapping[str, str] = MappingProxyType(
    {
        "action_recognition": "a clip of several frames, or features of one",
        "image_inpainting": "measurements of a scanner in frequencies",
        "machine_translation": "words as numbers",
        "named_entity_recognition": "words as numbers, or sound",
        "noise_suppression": "sound, and its own state of the moment before",
        "question_answering": "words as numbers",
        "semantic_segmentation": "a volume of four scans",
        "sound_classification": "sound",
        "speech_recognition": "sound",
        "text_prediction": "words as numbers",
        "time_series": "a series of measurements",
    }
)
#: What models take beside an image that no folder of images has.
_BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "background-matting-mobilenetv2": "a picture of the background without the person",
        "cocosnet": "the class maps of the image and of an example",
        "gaze-estimation-adas-0002": "the other eye, and the angles of the head that another network finds",
    }
)
#: What keeps single models whose images can be fed.
_UNREAD: Mapping[str, str] = MappingProxyType(
    {
        "handwritten-japanese-recognition-0001": "its list of 4,441 characters is a file of its data set: name that as "
        "`decoder.characters`, and it is judged as text",
        "handwritten-simplified-chinese-recognition-0001": "its list of 4,055 characters is a file of its data set: name "
        "that as `decoder.characters`, and it is judged as text",
        "human-pose-estimation-3d-0001": "poses in space are read by a decoder of its own, from heat maps, fields and maps "
        "of places at once",
        "person-detection-action-recognition-0006": "its boxes are anchored to cells at two scales at once, with actions of each",
    }
)


def reason_of(settings: OmzSettings) -> str:
    """Say in one sentence why a model is not judged by its own task.

    Raises
    ------
    ValueError
        For a model that is.
    """
    if settings.missing is None:
        raise ValueError(f"{settings.name} is judged by its own task")
    model = find_model(settings.name)
    said = _unread(model, settings) if settings.support == "tensors" else _unfed(model, settings)
    return f"{said[0].upper()}{said[1:]}."


def _unread(model: OmzModel, settings: OmzSettings) -> str:
    why = _UNREAD.get(model.name, f"nothing here reads its outputs ({settings.missing})")
    return f"{why}; its raw outputs are compared" if model.name not in _UNREAD else why


def _unfed(model: OmzModel, settings: OmzSettings) -> str:
    if model.stages:
        return f"{len(model.stages)} networks that call each other, where a gate judges one graph: {', '.join(model.stages)}"
    if settings.missing and settings.missing.startswith("published quantized only"):
        return f"it is published quantized only ({', '.join(model.precisions)}), without a parent in floating point"
    if model.name in _BESIDE:
        return f"besides the image it takes {_BESIDE[model.name]}"
    taken = _TAKEN.get(model.task)
    return f"it takes {taken}, not an image" if taken else str(settings.missing)
