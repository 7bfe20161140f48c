"""Every decoder that models.toml can name, in one visible place."""

from __future__ import annotations

from typing import Any, TypeAlias

from harness.decoders.boxes_labels import BoxesLabelsDecoder
from harness.decoders.boxes_scores import BoxesScoresDecoder
from harness.decoders.centernet import CenternetDecoder
from harness.decoders.class_map import ClassMapDecoder
from harness.decoders.class_scores import ClassScoresDecoder
from harness.decoders.detr import DetrDecoder
from harness.decoders.fastestdet import FastestdetDecoder
from harness.decoders.image import ImageDecoder
from harness.decoders.mask_rcnn import MaskRcnnDecoder
from harness.decoders.nanodet import NanodetDecoder
from harness.decoders.nms_indices import NmsIndicesDecoder
from harness.decoders.ssd import SsdDecoder
from harness.decoders.ssd_heads import SsdHeadsDecoder
from harness.decoders.ssd_raw import SsdRawDecoder
from harness.decoders.tensors import TensorsDecoder
from harness.decoders.yolact import YolactDecoder
from harness.decoders.yolo import YoloDecoder
from harness.decoders.yolo_rows import YoloV5Decoder, YoloV8Decoder
from harness.decoders.yolo_seg import YoloV8SegDecoder
from harness.decoders.yolof import YolofDecoder
from harness.decoders.yolox import YoloxDecoder

AnyDecoder: TypeAlias = (
    ClassScoresDecoder
    | SsdDecoder
    | BoxesScoresDecoder
    | SsdRawDecoder
    | SsdHeadsDecoder
    | DetrDecoder
    | YoloxDecoder
    | NanodetDecoder
    | FastestdetDecoder
    | YoloDecoder
    | YoloV5Decoder
    | YoloV8Decoder
    | YolofDecoder
    | CenternetDecoder
    | BoxesLabelsDecoder
    | NmsIndicesDecoder
    | MaskRcnnDecoder
    | YoloV8SegDecoder
    | YolactDecoder
    | ClassMapDecoder
    | ImageDecoder
    | TensorsDecoder
)

#: Decoders by their name in models.toml.
DECODERS: dict[str, Any] = {
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
    "class-map": ClassMapDecoder,
    "image": ImageDecoder,
    "tensors": TensorsDecoder,
}

_OTHER_TASKS: dict[str, tuple[str, ...]] = {
    "class-scores": ("classification",),
    "mask-rcnn": ("instance_segmentation", "detection"),
    "yolo-v8-seg": ("instance_segmentation", "detection"),
    "yolact": ("instance_segmentation", "detection"),
    "class-map": ("semantic_segmentation",),
    "image": ("image_to_image",),
    "tensors": ("generic",),
}
#: Tasks that each decoder's predictions serve.
DECODER_TASKS: dict[str, tuple[str, ...]] = {
    kind: _OTHER_TASKS.get(kind, ("detection",)) for kind in DECODERS
}

#: Decoders of the tasks that have one only: an entry of such a task need not name it.
DEFAULT_DECODERS: dict[str, str] = {"image_to_image": "image", "generic": "tensors"}
