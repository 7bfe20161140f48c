"""Every decoder that models.toml can name, in one visible place, open to plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.decoders.likely import likely
from quantgate.plugins import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.decoders.ports import MisfitError
    from quantgate.decoders.protocol import Port

#: Decoders by their name in models.toml.
DECODERS: Mapping[str, Any] = kinds(
    "decoders",
    {
        "class-scores": "class_scores:ClassScoresDecoder",
        "ssd": "ssd:SsdDecoder",
        "boxes-scores": "boxes_scores:BoxesScoresDecoder",
        "ssd-raw": "ssd_raw:SsdRawDecoder",
        "ssd-heads": "ssd_heads:SsdHeadsDecoder",
        "detr": "detr:DetrDecoder",
        "yolox": "yolox:YoloxDecoder",
        "nanodet": "nanodet:NanodetDecoder",
        "fastestdet": "fastestdet:FastestdetDecoder",
        "yolo": "yolo:YoloDecoder",
        "yolo-v5": "yolo_rows:YoloV5Decoder",
        "yolo-v8": "yolo_rows:YoloV8Decoder",
        "yolof": "yolof:YolofDecoder",
        "centernet": "centernet:CenternetDecoder",
        "boxes-labels": "boxes_labels:BoxesLabelsDecoder",
        "nms-indices": "nms_indices:NmsIndicesDecoder",
        "mask-rcnn": "mask_rcnn:MaskRcnnDecoder",
        "yolo-v8-seg": "yolo_seg:YoloV8SegDecoder",
        "yolact": "yolact:YolactDecoder",
        "yolo-v8-pose": "yolo_pose:YoloV8PoseDecoder",
        "yunet": "face_heads:YunetDecoder",
        "scrfd": "face_heads:ScrfdDecoder",
        "blaze": "face_heads:BlazeDecoder",
        "retinaface": "retinaface:RetinafaceDecoder",
        "openpose": "openpose:OpenposeDecoder",
        "associative-embedding": "associative_embedding:AssociativeEmbeddingDecoder",
        "heat-maps": "heat_maps:HeatMapsDecoder",
        "simcc": "simcc:SimccDecoder",
        "movenet": "movenet:MovenetDecoder",
        "landmarks": "landmarks:LandmarksDecoder",
        "db": "db:DbDecoder",
        "pixel-link": "pixel_link:PixelLinkDecoder",
        "east": "east:EastDecoder",
        "ctpn": "ctpn:CtpnDecoder",
        "yolo-obb": "yolo_obb:YoloObbDecoder",
        "yolo-obb-rows": "yolo_obb:YoloObbRowsDecoder",
        "ctc": "ctc:CtcDecoder",
        "sequence": "sequence:SequenceDecoder",
        "vector": "vector:VectorDecoder",
        "heads": "heads:HeadsDecoder",
        "class-map": "class_map:ClassMapDecoder",
        "dense-map": "dense_map:DenseMapDecoder",
        "image": "image:ImageDecoder",
        "tensors": "tensors:TensorsDecoder",
    },
)

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


def kinds_for(task: object) -> list[str]:
    """Kinds whose predictions serve a task, in the catalog's order."""
    return [kind for kind, decoder in DECODERS.items() if task in decoder.tasks]


def fitting_kinds(ports: Sequence[Port], task: str) -> tuple[str, ...]:
    """Kinds of the task's decoders that outputs of these shapes may be meant for, in the catalog's order."""
    return tuple(
        kind
        for kind, decoder in DECODERS.items()
        if task in decoder.tasks and decoder.fits(ports) and likely(kind, ports)
    )


def would_fit(error: MisfitError, task: str) -> str:
    """Say which decoders would fit the outputs that one could not read: those of the task alone.

    Where there are none, the tasks that have one are named.
    """
    fitting = [kind for kind in fitting_kinds(error.ports, task) if kind != error.kind]
    if fitting:
        return f"decoders for {task} that would fit: {', '.join(fitting)}"
    tasks = sorted({each for of in DECODERS.values() for each in of.tasks} - {task})
    served = {each: fitting_kinds(error.ports, each) for each in tasks}
    listed = [f"{each} ({', '.join(of)})" for each, of in served.items() if of]
    if listed:
        return f"no decoder for {task} fits these shapes; of other tasks: {', '.join(listed)}"
    return "no decoder fits these shapes"
