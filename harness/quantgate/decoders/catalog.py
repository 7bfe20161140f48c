"""Every decoder that models.toml can name, in one visible place, open to plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, Union

from quantgate.decoders.associative_embedding import AssociativeEmbeddingDecoder
from quantgate.decoders.boxes_labels import BoxesLabelsDecoder
from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from quantgate.decoders.centernet import CenternetDecoder
from quantgate.decoders.class_map import ClassMapDecoder
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.ctc import CtcDecoder
from quantgate.decoders.ctpn import CtpnDecoder
from quantgate.decoders.db import DbDecoder
from quantgate.decoders.dense_map import DenseMapDecoder
from quantgate.decoders.detr import DetrDecoder
from quantgate.decoders.east import EastDecoder
from quantgate.decoders.face_heads import BlazeDecoder, ScrfdDecoder, YunetDecoder
from quantgate.decoders.fastestdet import FastestdetDecoder
from quantgate.decoders.heads import HeadsDecoder
from quantgate.decoders.heat_maps import HeatMapsDecoder
from quantgate.decoders.image import ImageDecoder
from quantgate.decoders.landmarks import LandmarksDecoder
from quantgate.decoders.likely import likely
from quantgate.decoders.mask_rcnn import MaskRcnnDecoder
from quantgate.decoders.movenet import MovenetDecoder
from quantgate.decoders.nanodet import NanodetDecoder
from quantgate.decoders.nms_indices import NmsIndicesDecoder
from quantgate.decoders.openpose import OpenposeDecoder
from quantgate.decoders.pixel_link import PixelLinkDecoder
from quantgate.decoders.retinaface import RetinafaceDecoder
from quantgate.decoders.sequence import SequenceDecoder
from quantgate.decoders.simcc import SimccDecoder
from quantgate.decoders.ssd import SsdDecoder
from quantgate.decoders.ssd_heads import SsdHeadsDecoder
from quantgate.decoders.ssd_raw import SsdRawDecoder
from quantgate.decoders.tensors import TensorsDecoder
from quantgate.decoders.vector import VectorDecoder
from quantgate.decoders.yolact import YolactDecoder
from quantgate.decoders.yolo import YoloDecoder
from quantgate.decoders.yolo_obb import YoloObbDecoder, YoloObbRowsDecoder
from quantgate.decoders.yolo_pose import YoloV8PoseDecoder
from quantgate.decoders.yolo_rows import YoloV5Decoder, YoloV8Decoder
from quantgate.decoders.yolo_seg import YoloV8SegDecoder
from quantgate.decoders.yolof import YolofDecoder
from quantgate.decoders.yolox import YoloxDecoder
from quantgate.plugins import extended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.decoders.ports import MisfitError
    from quantgate.decoders.protocol import Port

#: Decoders by their name in models.toml.
DECODERS: dict[str, Any] = extended(
    "decoders",
    {
        "class-scores": ClassScoresDecoder,
        "ssd": SsdDecoder,
        "boxes-scores": BoxesScoresDecoder,
        "ssd-raw": SsdRawDecoder,
        "ssd-heads": SsdHeadsDecoder,
        "detr": DetrDecoder,
        "yolox": YoloxDecoder,
        "nanodet": NanodetDecoder,
        "fastestdet": FastestdetDecoder,
        "yolo": YoloDecoder,
        "yolo-v5": YoloV5Decoder,
        "yolo-v8": YoloV8Decoder,
        "yolof": YolofDecoder,
        "centernet": CenternetDecoder,
        "boxes-labels": BoxesLabelsDecoder,
        "nms-indices": NmsIndicesDecoder,
        "mask-rcnn": MaskRcnnDecoder,
        "yolo-v8-seg": YoloV8SegDecoder,
        "yolact": YolactDecoder,
        "yolo-v8-pose": YoloV8PoseDecoder,
        "yunet": YunetDecoder,
        "scrfd": ScrfdDecoder,
        "blaze": BlazeDecoder,
        "retinaface": RetinafaceDecoder,
        "openpose": OpenposeDecoder,
        "associative-embedding": AssociativeEmbeddingDecoder,
        "heat-maps": HeatMapsDecoder,
        "simcc": SimccDecoder,
        "movenet": MovenetDecoder,
        "landmarks": LandmarksDecoder,
        "db": DbDecoder,
        "pixel-link": PixelLinkDecoder,
        "east": EastDecoder,
        "ctpn": CtpnDecoder,
        "yolo-obb": YoloObbDecoder,
        "yolo-obb-rows": YoloObbRowsDecoder,
        "ctc": CtcDecoder,
        "sequence": SequenceDecoder,
        "vector": VectorDecoder,
        "heads": HeadsDecoder,
        "class-map": ClassMapDecoder,
        "dense-map": DenseMapDecoder,
        "image": ImageDecoder,
        "tensors": TensorsDecoder,
    },
)

#: Tasks that each decoder's predictions serve.
DECODER_TASKS: dict[str, tuple[str, ...]] = {
    kind: decoder.tasks for kind, decoder in DECODERS.items()
}

#: Decoders whose shapes are those of nearly any map, vector or picture.
OF_ANY_MAP = frozenset(
    {"class-map", "class-scores", "db", "dense-map", "image", "tensors", "vector"}
)

#: Decoders of the tasks that have one only: an entry of such a task need not name it.
DEFAULT_DECODERS: dict[str, str] = {
    "dense": "dense-map",
    "embedding": "vector",
    "image_to_image": "image",
    "generic": "tensors",
}

if TYPE_CHECKING:
    AnyDecoder: TypeAlias = Any
else:
    #: What ``decoder = { … }`` is read into: one of the dataclasses above.
    AnyDecoder = Union[tuple(DECODERS.values())]  # noqa: UP007 - known at run time only


def fitting_kinds(ports: Sequence[Port], task: str) -> tuple[str, ...]:
    """Kinds of the task's decoders that outputs of these shapes may be meant for, in the catalog's order."""
    return tuple(
        kind
        for kind, decoder in DECODERS.items()
        if task in DECODER_TASKS[kind] and decoder.fits(ports) and likely(kind, ports)
    )


def would_fit(error: MisfitError, task: str) -> str:
    """Say which decoders would fit the outputs that one could not read: those of the task alone.

    Where there are none, the tasks that have one are named.
    """
    kinds = [kind for kind in fitting_kinds(error.ports, task) if kind != error.kind]
    if kinds:
        return f"decoders for {task} that would fit: {', '.join(kinds)}"
    tasks = sorted({each for of in DECODER_TASKS.values() for each in of} - {task})
    served = {each: fitting_kinds(error.ports, each) for each in tasks}
    listed = [f"{each} ({', '.join(of)})" for each, of in served.items() if of]
    if listed:
        return f"no decoder for {task} fits these shapes; of other tasks: {', '.join(listed)}"
    return "no decoder fits these shapes"
