from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.catalog import DECODERS
from quantgate.decoders.protocol import Port
from quantgate.engine.naming import model_ports
from quantgate.engine.preprocess import embed, input_size, prepare
from quantgate.entries import Preprocess
from quantgate.errors import SourceError
from quantgate.sources.omz import find_model
from quantgate.sources.omz.adapt import adapt
from quantgate.sources.omz.adapters import ADAPTERS
from quantgate.sources.omz.feeding import image_input
from quantgate.sources.omz.index import OLDER
from quantgate.sources.omz.knowledge import coverage, settings_of
from quantgate.sources.omz.table import coverage_sentence, coverage_table

YOLO_V4_TINY_ANCHORS = (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319)


def test_coverage_of_all_models() -> None:
    """197 of the 248 models are judged by their task, 4 more by their raw outputs."""
    counted = Counter(settings.support for settings in coverage())
    assert counted == {"task": 197, "tensors": 4, "none": 47}


def test_coverage_of_dropped_models() -> None:
    """Of the 29 models that only openvino-dev 2023.3 has, 25 are judged by their task."""
    counted = Counter(settings.support for settings in coverage(release=OLDER))
    assert counted == {"task": 25, "none": 4}


def test_nothing_is_missing_without_a_reason() -> None:
    """Every model that is not fully supported says what is missing, and no other does."""
    for settings in coverage():
        assert (settings.missing is None) == (settings.support == "task"), settings.name


def test_settings_are_keys_of_the_manifest() -> None:
    """Every preprocess and every decoder that exists here takes the keys that are mapped."""
    for settings in coverage():
        Preprocess(**settings.preprocess)
        if settings.decoder.get("kind") in DECODERS:
            decoder = DECODERS[settings.decoder["kind"]]
            known = {entry.name for entry in dataclasses.fields(decoder)}
            assert set(settings.decoder) <= known, settings.name


def test_unknown_decoder_leaves_raw_outputs() -> None:
    """A model whose decoder this version lacks is supported by its raw outputs, and says so."""
    settings = settings_of("instance-segmentation-security-0002", decoders=["ssd"])
    assert (settings.support, settings.task) == ("tensors", "generic")
    assert settings.missing == "mask-rcnn: not in this version"


def test_adapters_of_the_tutorials_are_mapped() -> None:
    """The adapters that the tutorials' models need are decoded."""
    assert set(ADAPTERS) >= {
        *("classification", "ssd", "yolo_v2", "yolo_v3", "mask_rcnn", "segmentation"),
        *("style_transfer", "super_resolution", "ultra_lightweight_face_detection"),
    }


def _decoded(name: str) -> tuple[str | None, dict[str, Any]]:
    settings = settings_of(name)
    return settings.task, dict(settings.decoder)


@pytest.mark.parametrize(
    ("name", "task", "decoder"),
    [
        (
            "ssd_mobilenet_v1_coco",
            "detection",
            {"kind": "ssd", "label_offset": 1, "class_ids": "coco90"},
        ),
        (
            "efficientdet-d0-tf",
            "detection",
            {"kind": "ssd", "label_offset": 0, "class_ids": "coco90"},
        ),
        ("face-detection-0200", "detection", {"kind": "ssd", "label_offset": 0}),
        (
            "fast-neural-style-mosaic-onnx",
            "image_to_image",
            {"kind": "image", "colour": "rgb", "scale": 1.0},
        ),
        (
            "single-image-super-resolution-1032",
            "image_to_image",
            {"kind": "image", "colour": "bgr", "scale": 255.0},
        ),
        (
            "ssd-resnet34-1200-onnx",
            "detection",
            {"kind": "boxes-labels", "units": "relative", "label_offset": 1},
        ),
        (
            "mobilenet-v2-1.0-224",
            "classification",
            {"kind": "class-scores", "background": True},
        ),
        ("mobilenet-v2-pytorch", "classification", {"kind": "class-scores"}),
        (
            "yolo-v4-tiny-tf",
            "detection",
            {
                "kind": "yolo",
                "anchors": YOLO_V4_TINY_ANCHORS,
                "masks": ((1, 2, 3), (3, 4, 5)),
                "activated": False,
                "multi_label": False,
                "score_threshold": 0.001,
                "iou_threshold": 0.5,
                "agnostic": True,
                "nms": "diou",
            },
        ),
        (
            "instance-segmentation-security-0002",
            "instance_segmentation",
            {"kind": "mask-rcnn", "outputs": ("boxes", "labels", "masks")},
        ),
        (
            "faceboxes-pytorch",
            "detection",
            {
                "kind": "ssd-raw",
                "priors": "faceboxes",
                "box_format": "xywh",
                "score_threshold": 0.05,
                "iou_threshold": 0.3,
                "max_detections": 750,
                "outputs": ("boxes", "scores"),
            },
        ),
        (
            "retinaface-resnet50-pytorch",
            "detection",
            {
                "kind": "retinaface",
                "score_threshold": 0.02,
                "iou_threshold": 0.4,
                "outputs": (
                    "face_rpn_bbox_pred",
                    "face_rpn_cls_prob",
                    "face_rpn_landmark_pred",
                ),
            },
        ),
        (
            "yolof",
            "detection",
            {
                "kind": "yolof",
                "anchors": (16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512),
                "score_threshold": 0.05,
                "multi_label": True,
                "iou_threshold": 0.6,
                "agnostic": False,
            },
        ),
        (
            "yolact-resnet50-fpn-pytorch",
            "instance_segmentation",
            {"kind": "yolact", "outputs": ("boxes", "conf", "mask", "proto")},
        ),
        (
            "ctdet_coco_dlav0_512",
            "detection",
            {
                "kind": "centernet",
                "outputs": ("center_heatmap", "width_height", "regression"),
                "score_threshold": 0.3,
            },
        ),
        (
            "person-detection-action-recognition-0005",
            "detection",
            {
                "kind": "ssd-heads",
                "score_threshold": 0.4,
                "outputs": (
                    "mbox_loc1/out/conv/flat",
                    "mbox_main_conf/out/conv/flat/softmax/flat",
                    "mbox/priorbox",
                ),
            },
        ),
        ("modnet-webcam-portrait-matting", "image_to_image", {"kind": "image"}),
        (
            "ultra-lightweight-face-detection-rfb-320",
            "detection",
            {
                "kind": "boxes-scores",
                "background": True,
                "score_threshold": 0.7,
                "outputs": ("boxes", "scores"),
                "iou_threshold": 0.5,
                "agnostic": True,
            },
        ),
    ],
)
def test_decoders_are_mapped(name: str, task: str, decoder: dict[str, Any]) -> None:
    """Adapter, anchors, thresholds and class numbers become a task and a decoder's keys."""
    assert _decoded(name) == (task, decoder)


@pytest.mark.parametrize(
    ("name", "preprocess"),
    [
        ("yolo-v4-tf", {}),
        ("ssd_mobilenet_v1_coco", {}),
        ("instance-segmentation-security-0002", {"resize": "fit", "pad": 0}),
        ("yolox-tiny", {"resize": "fit", "pad": 114}),
        ("resnet-50-tf", {"resize": "crop", "short_side": 256}),
        (
            "mobilenet-v2-pytorch",
            {"resize": "crop", "short_side": 256, "interpolation": "area"},
        ),
        ("text-image-super-resolution-0001", {"colour": "gray"}),
        ("deeplabv3", {"interpolation": "area", "resize": "letterbox", "pad": 128}),
        ("person-detection-retail-0002", {"input": "data"}),
        ("ctdet_coco_dlav0_512", {"resize": "letterbox", "pad": 0}),
        (
            "human-pose-estimation-0001",
            {"resize": "letterbox", "pad": 0, "interpolation": "cubic"},
        ),
        ("human-pose-estimation-0005", {"resize": "fit", "pad": 0}),
        ("single-human-pose-estimation-0001", {}),
    ],
)
def test_preprocessing_is_mapped(name: str, preprocess: dict[str, Any]) -> None:
    """Reader, resize, crop, padding and colour become the keys of preprocess."""
    assert dict(settings_of(name).preprocess) == preprocess


@pytest.mark.parametrize(
    ("name", "metric", "value"),
    [
        ("ssd_mobilenet_v1_coco", "ap", 0.233212),
        ("yolo-v4-tf", "ap", 0.5026),
        ("mobilenet-v2-pytorch", "top1", 0.719),
        ("instance-segmentation-security-0002", "ap", 0.3644),
        ("detr-resnet50", "ap", 0.3927),
        ("deeplabv3", "miou", 0.6841),
        ("fast-neural-style-mosaic-onnx", "ssim", 0.496712),
        ("ultra-lightweight-face-detection-rfb-320", "voc", 0.8478),
        ("human-pose-estimation-0001", "ap", 0.428),
        ("human-pose-estimation-0005", "ap", 0.456),
        ("landmarks-regression-retail-0009", "nme_eyes", 0.0705),
        ("fcrn-dp-nyu-depth-v2-tf", "abs_rel", 0.127),
        ("midasnet", "rmse", 0.07071),
    ],
)
def test_published_reference_comes_first(name: str, metric: str, value: float) -> None:
    """The published figure of the metric that a gate judges by default is the first."""
    first = settings_of(name).references[0]
    assert (first.metric, first.value) == (metric, value)


@pytest.mark.parametrize(
    ("name", "shapes", "given"),
    [
        (
            "human-pose-estimation-0001",
            {"Mconv7_stage2_L1": (1, 38, 32, 57), "Mconv7_stage2_L2": (1, 19, 32, 57)},
            17,
        ),
        (
            "human-pose-estimation-0005",
            {"heatmaps": (1, 17, 144, 144), "embeddings": (1, 17, 144, 144, 1)},
            17,
        ),
        (
            "human-pose-estimation-0006",
            {"heatmaps": (1, 17, 176, 176), "embeddings": (1, 17, 176, 176, 1)},
            17,
        ),
        (
            "human-pose-estimation-0007",
            {"heatmaps": (1, 17, 224, 224), "embeddings": (1, 17, 224, 224, 1)},
            17,
        ),
        (
            "higher-hrnet-w32-human-pose-estimation",
            {"heatmaps": (1, 17, 256, 256), "embeddings": (1, 17, 256, 256)},
            17,
        ),
        ("single-human-pose-estimation-0001", {"heatmaps": (1, 17, 48, 36)}, 17),
        ("facial-landmarks-98-detection-0001", {"3851": (1, 98, 16, 16)}, 98),
        ("facial-landmarks-35-adas-0002", {"align_fc3": (1, 70)}, 35),
        ("landmarks-regression-retail-0009", {"95": (1, 10, 1, 1)}, 5),
    ],
)
def test_key_points_are_read_by_name_alone(
    name: str, shapes: dict[str, tuple[int, ...]], given: int
) -> None:
    """What is known of a model reads the outputs that its documentation lists."""
    settings = settings_of(name)
    rng = np.random.default_rng(0)
    outputs = {one: rng.random(shape).astype(np.float32) for one, shape in shapes.items()}
    keys = {key: value for key, value in settings.decoder.items() if key != "kind"}
    decoder = DECODERS[settings.decoder["kind"]](**keys)
    _, size, _ = image_input(find_model(name))

    decoder.check([Port(one, shape) for one, shape in shapes.items()])
    found = decoder.decode(outputs, Frame(size, size, (1.0, 1.0), (0.0, 0.0)))

    assert settings.task == "keypoints"
    assert found.points.shape[1:] == (given, 3)


@pytest.mark.parametrize(
    ("name", "outputs", "keys"),
    [
        ("midasnet", {"inverse_depth": (1, 384, 384)}, {"align": "scale-shift"}),
        ("fcrn-dp-nyu-depth-v2-tf", {"ConvPred/ConvPred": (1, 128, 160, 1)}, {}),
        ("colorization-v2", {"color_ab": (1, 2, 256, 256)}, {}),
        ("colorization-siggraph", {"color_ab": (1, 2, 256, 256)}, {}),
    ],
)
def test_numbers_at_every_pixel_are_read_by_name_alone(
    name: str, outputs: dict[str, tuple[int, ...]], keys: dict[str, Any]
) -> None:
    """A graph with the documented inputs and outputs takes an image and gives a map of its size."""
    ops, model, settings = _ops(), find_model(name), settings_of(name)
    parameters = [_parameter(entry.name, list(entry.shape)) for entry in model.inputs]
    ((port, shape),) = outputs.items()
    ramp = np.linspace(1, 9, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    zero = ops.multiply(ops.reduce_sum(parameters[0], np.arange(4)), np.float32(0))
    answer = ops.add(ops.constant(ramp), zero)
    answer.output(0).set_names({port})
    for other in parameters[1:]:  # the conversion leaves no input without a use
        ops.relu(other)
    plan = Preprocess(**settings.preprocess)
    network = embed(adapt(model, _network([answer], parameters)), plan)
    picture = np.zeros((300, 500, 3), np.uint8)
    tensor, frame = prepare(picture, plan, input_size(network, Preprocess()))
    decoder = DECODERS["dense-map"](**{k: v for k, v in settings.decoder.items() if k != "kind"})
    found = decoder.decode({port: _run(network, tensor[None])}, frame)

    assert (settings.task, dict(settings.decoder)) == ("dense", {"kind": "dense-map", **keys})
    assert found.values.shape == (300, 500, shape[1] if shape[1] == 2 else 1)
    assert float(found.values.max()) == pytest.approx(9, abs=0.05)


def test_a_map_of_saliency_is_read_by_name_alone() -> None:
    """f3net's one map holds logits of the object, which the original puts through a sigmoid and rounds."""
    settings = settings_of("f3net")
    keys = {key: value for key, value in settings.decoder.items() if key != "kind"}
    logits = np.random.default_rng(0).normal(0, 3, (1, 1, 352, 352)).astype(np.float32)
    frame = Frame((352, 352), (352, 352), (1.0, 1.0), (0.0, 0.0))
    found = DECODERS[settings.decoder["kind"]](**keys).decode({"saliency_map": logits}, frame)
    shares = 1 / (1 + np.exp(-logits[0, 0]))

    assert settings.task == "semantic_segmentation"
    np.testing.assert_array_equal(found.labels, np.round(shares))
    np.testing.assert_allclose(found.shares, shares, atol=1e-6)


#: Inputs and outputs as the models' pages document them, and the attributes.
TELLING: dict[str, Any] = {
    "age-gender-recognition-retail-0013": (
        ("data", (1, 3, 62, 62)),
        {"fc3_a": (1, 1, 1, 1), "prob": (1, 2, 1, 1)},
        ("gender", "age"),
    ),
    "person-attributes-recognition-crossroad-0230": (
        ("0", (1, 3, 160, 80)),
        {"453": (1, 8, 1, 1), "456": (1, 2, 1, 1), "459": (1, 2, 1, 1)},
        ("is_male", "has_bag", "has_backpack", "has_hat", "has_longsleeves", "has_longpants",
         "has_longhair", "has_coat_jacket"),
    ),
    "person-attributes-recognition-crossroad-0234": (
        ("input", (1, 3, 160, 80)),
        {"attributes": (1, 7, 1, 1)},
        ("is_male", "has_bag", "has_hat", "has_longsleeves", "has_longpants", "has_longhair",
         "has_coat_jacket"),
    ),
    "person-attributes-recognition-crossroad-0238": (
        ("input", (1, 3, 160, 80)),
        {"attributes": (1, 7, 1, 1)},
        ("is_male", "has_bag", "has_hat", "has_longsleeves", "has_longpants", "has_longhair",
         "has_coat_jacket"),
    ),
    "vehicle-attributes-recognition-barrier-0039": (
        ("input", (1, 3, 72, 72)),
        {"color": (1, 7, 1, 1), "type": (1, 4, 1, 1)},
        ("color", "type"),
    ),
    "vehicle-attributes-recognition-barrier-0042": (
        ("input", (1, 3, 72, 72)),
        {"color": (1, 7, 1, 1), "type": (1, 4, 1, 1)},
        ("color", "type"),
    ),
    "head-pose-estimation-adas-0001": (
        ("data", (1, 3, 60, 60)),
        {"angle_y_fc": (1, 1), "angle_p_fc": (1, 1), "angle_r_fc": (1, 1)},
        ("yaw", "pitch", "roll"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TELLING)
def test_attributes_are_read_by_name_alone(name: str) -> None:
    """A graph with the documented ports runs, and what is known of the model reads every head of it."""
    import openvino as ov

    (taken, shape), given, attributes = TELLING[name]
    ops = _ops()
    parameter = ops.parameter(shape, np.float32, name=taken)
    mean = ops.reduce_mean(parameter, ops.constant(np.array([1, 2, 3], np.int64)), keep_dims=True)
    outputs = []
    for one, sides in given.items():
        weights = np.random.default_rng(len(one)).normal(0, 1, sides).astype(np.float32)
        told = ops.multiply(
            ops.reshape(mean, ops.constant(np.ones(len(sides), np.int64)), special_zero=False),
            ops.constant(weights),
        )
        head = (
            ops.softmax(told, 1)
            if sides[1] in {2, 4, 7} and one != "attributes"
            else ops.sigmoid(told)
        )
        head.output(0).set_names({one})
        outputs.append(head)
    network = adapt(find_model(name), _network(outputs, [parameter]))
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    settings = settings_of(name)
    keys = {key: value for key, value in settings.decoder.items() if key != "kind"}
    decoder = DECODERS[settings.decoder["kind"]](**keys)

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled: Any = ov.Core().compile_model(network, "CPU", options)
    found = {port.get_any_name(): np.array(values) for port, values in compiled([image]).items()}
    decoder.check([Port(one, array.shape) for one, array in found.items()])
    (_, size, _) = image_input(find_model(name))
    read = decoder.decode(found, Frame(size, size, (1.0, 1.0), (0.0, 0.0)))

    assert (settings.task, settings.support) == ("attributes", "task")
    assert tuple(head.name for head in read.heads) == attributes
    if "age" in attributes:
        assert read.values[2] == pytest.approx(100 * float(found["fc3_a"].ravel()[0]))


def test_a_network_of_clips_sees_first_frames() -> None:
    """What robust-video-matting remembers is zero, its matte a soft map; the other outputs are left alone."""
    ops, name = _ops(), "robust-video-matting-mobilenetv3"
    model, settings = find_model(name), settings_of(name)
    parameters = [_parameter(entry.name, list(entry.shape)) for entry in model.inputs]
    memory = ops.reduce_sum(parameters[1], np.arange(4))
    matte = ops.add(ops.slice(parameters[0], [0], [1], [1], [1]), memory)
    states = [ops.relu(parameter) for parameter in parameters[1:]]
    names = ("fgr", "pha", "rr1", "rr2", "rr3", "rr4")
    outputs = [ops.relu(parameters[0]), matte, *states]
    for node, one in zip(outputs, names, strict=True):
        node.output(0).set_names({one})
    network = adapt(model, _network(outputs, parameters))
    assert [port.any_name for port in network.inputs] == ["src"]
    found = _answers(network, np.full((1, 3, 720, 1280), 0.75, np.float32))
    keys = {key: value for key, value in settings.decoder.items() if key != "kind"}
    frame = Frame((1280, 720), (1280, 720), (1.0, 1.0), (0.0, 0.0))
    decoded = DECODERS["class-map"](**keys).decode(found, frame)

    assert settings.task == "semantic_segmentation"
    np.testing.assert_array_equal(np.unique(decoded.shares), [0.75])
    assert "first frame of a clip" in settings.notes[-1]


def test_an_inpainting_network_restores_a_square() -> None:
    """Gmcnn sees the image with a white square in its middle, which its mask marks."""
    ops, name = _ops(), "gmcnn-places2-tf"
    model, settings = find_model(name), settings_of(name)
    image, mask = (_parameter(entry.name, list(entry.shape)) for entry in model.inputs)
    restored = ops.add(image, ops.multiply(mask, np.float32(-200)))
    restored.output(0).set_names({"Cast"})
    network = adapt(model, _network([restored], [image, mask]))
    assert [port.any_name for port in network.inputs] == ["Placeholder"]
    found = _answers(network, np.full((1, 512, 680, 3), 10, np.float32))
    keys = {key: value for key, value in settings.decoder.items() if key != "kind"}
    frame = Frame((680, 512), (680, 512), (1.0, 1.0), (0.0, 0.0))
    picture = DECODERS["image"](**keys).decode(found, frame).pixels

    assert settings.task == "image_to_image"
    assert picture.shape == (512, 680, 3)
    assert int((picture == 55).sum()) == 128 * 128 * 3
    assert picture[255, 339].tolist() == [55, 55, 55]
    assert int((picture == 10).sum()) == (512 * 680 - 128 * 128) * 3


def test_boxes_of_instance_segmentation_have_a_metric_of_their_own() -> None:
    """AP of masks and AP of boxes are told apart by name."""
    found = settings_of("instance-segmentation-security-0002").references
    assert {r.metric: r.value for r in found} == {"ap": 0.3644, "box_ap": 0.3986}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        (
            "human-pose-estimation-3d-0001",
            "adapter human_pose_estimation_3d: state task and decoder by hand",
        ),
        (
            "person-detection-action-recognition-0006",
            "adapter action_detection: state task and decoder by hand",
        ),
        ("wavernn", "several networks: name one of wavernn-upsampler, wavernn-rnn"),
        ("gpt-2", "not fed with images"),
        ("resnet50-binary-0001", "published quantized only (FP16-INT1, FP32-INT1)"),
        ("gaze-estimation-adas-0002", "more inputs than the image: right_eye_image"),
    ],
)
def test_missing_is_named(name: str, missing: str) -> None:
    """What a model lacks is named: its adapter, a step, its inputs or its parts."""
    found = settings_of(name).missing
    assert found is not None
    assert found.startswith(missing)


def test_table_has_a_row_a_model() -> None:
    """The table says of every model whether it is supported, and the sentence counts them."""
    settings = coverage()
    table = coverage_table(settings)
    rows = {row[0]: row for row in table.rows}
    assert len(rows) == 248
    assert rows["yolo-v4-tf"] == ("yolo-v4-tf", "yes", "detection", "yolo", "ap", 0.5026, None)
    assert rows["gpt-2"][1] == "no"
    assert len(table.erroneous) == 51
    assert coverage_sentence(settings) == (
        "of 248 models 197 are judged by their task, 4 by their raw outputs only, 47 not at all"
    )


def test_unknown_name_is_an_error() -> None:
    """Settings of a model that does not exist are refused with the nearest name."""
    with pytest.raises(SourceError, match="did you mean 'deeplabv3'"):
        settings_of("deeplab-v3")


def _ops() -> Any:
    from quantgate.sources.opset import opset

    return opset()


def _run(model: Any, image: Any) -> Any:
    import openvino as ov

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    return next(iter(ov.Core().compile_model(model, "CPU", options)(image).values()))


def _answers(model: Any, image: Any) -> dict[str, Any]:
    """Every output by its first name."""
    import openvino as ov

    found = ov.Core().compile_model(model, "CPU")(image)
    names = [port.any_name for port in model.outputs]
    return dict(zip(names, (np.array(value) for value in found.values()), strict=True))


def _network(outputs: list[Any], parameters: list[Any]) -> Any:
    import openvino as ov

    return ov.Model(outputs, parameters, "net")


def _parameter(name: str, shape: list[int]) -> Any:
    ops = _ops()
    node = ops.parameter(shape, name=name)
    node.output(0).set_names({name})
    return node


def test_stated_inputs_become_constants() -> None:
    """An input whose value accuracy-check.yml states becomes a constant of that value."""
    ops = _ops()
    image, info = _parameter("data", [1, 3, 544, 992]), _parameter("im_info", [1, 6])
    total = ops.add(
        ops.reduce_sum(image, np.array([0, 1, 2, 3])), ops.reduce_sum(info, np.array([0, 1]))
    )
    network = adapt(find_model("person-detection-retail-0002"), _network([total], [image, info]))
    assert [port.any_name for port in network.inputs] == ["data"]
    assert float(_run(network, np.zeros((1, 3, 544, 992), np.float32))) == 544 + 992


def test_enlarged_image_is_computed() -> None:
    """Super-resolution's second input is the first one, enlarged."""
    ops = _ops()
    small, large = _parameter("0", [1, 3, 270, 480]), _parameter("1", [1, 3, 1080, 1920])
    network = _network([ops.relu(large)], [small, large])
    ops.relu(small)
    adapted = adapt(find_model("single-image-super-resolution-1032"), network)
    assert [port.any_name for port in adapted.inputs] == ["0"]
    flat = _run(adapted, np.full((1, 3, 270, 480), 7, np.float32))
    assert flat.shape == (1, 3, 1080, 1920)
    np.testing.assert_allclose(flat, 7, rtol=1e-5)


def test_flat_heads_get_their_grid() -> None:
    """YOLO v2's flat output becomes channels over a grid, its name and numbers kept."""
    ops = _ops()
    image = _parameter("data", [1, 416, 416, 3])
    cells = np.arange(125 * 13 * 13, dtype=np.float32).reshape(1, -1)
    flat = ops.add(ops.reduce_sum(image, np.array([1, 2, 3]), keep_dims=False), cells)
    flat.output(0).set_names({"region"})
    network = adapt(find_model("yolo-v2-tiny-ava-0001"), _network([flat], [image]))
    assert network.outputs[0].get_names() == {"region"}
    found = _run(network, np.zeros((1, 416, 416, 3), np.float32))
    np.testing.assert_array_equal(found, cells.reshape(1, 125, 13, 13))


def test_unfit_flat_head_is_refused() -> None:
    """A flat output that is no grid of the stated anchors is refused with the numbers."""
    ops = _ops()
    image = _parameter("data", [1, 416, 416, 3])
    flat = ops.add(ops.reduce_sum(image, np.array([1, 2, 3])), np.zeros((1, 130), np.float32))
    with pytest.raises(SourceError, match="an output of 130 numbers is no grid of 125"):
        adapt(find_model("yolo-v2-tiny-ava-0001"), _network([flat], [image]))


PLATE = "<Beijing>A9M705"
#: Documented outputs, the text that is planted, and each channel's symbol as the model's page lists them (a mark as "").
RECOGNIZERS: dict[str, tuple[dict[str, tuple[int, ...]], str, list[str]]] = {
    "text-recognition-0012": (
        {"out": (30, 1, 37)},
        "openvino",
        [*"0123456789abcdefghijklmnopqrstuvwxyz", ""],
    ),
    "text-recognition-0014": (
        {"logits": (16, 1, 37)},
        "o0v1n",
        ["", *"1234567890abcdefghijklmnopqrstuvwxyz"],
    ),
    "handwritten-score-recognition-0003": ({"out": (16, 1, 13)}, "3.5", [*"0123456789._", ""]),
    "handwritten-english-recognition-0001": (
        {"output": (250, 1, 95), "hidden": (2, 1, 256)},
        "Photo £5?",
        [
            *("", " "),
            *"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|}~£",
        ],
    ),
    "text-recognition-resnet-fc": (
        {"output": (1, 26, 37)},
        "aab",
        ["", *"0123456789abcdefghijklmnopqrstuvwxyz"],
    ),
    "vitstr-small-patch16-224": (
        {"logits": (1, 25, 96)},
        "Hello~",
        [
            *("", ""),
            *"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        ],
    ),
}


def _planted(text: str, shape: tuple[int, ...], symbols: list[str], kind: str) -> Any:
    """Scores of a text: for CTC every letter twice and a blank behind it, else one after the other and an end."""
    started = symbols[:2] == ["", ""]
    blank = 1 if started else symbols.index("")
    channels = [symbols.index(letter) for letter in text]
    if kind == "ctc":
        channels = [channel for letter in channels for channel in (letter, letter, blank)]
    channels = [*([0] if started else []), *channels]
    scores = np.zeros(shape, np.float32).reshape(max(shape[:2]), -1)
    scores[:, blank] = 1
    scores[np.arange(len(channels)), channels] = 2
    return scores.reshape(shape)


@pytest.mark.parametrize("name", RECOGNIZERS)
def test_recognizers_of_text_are_read_by_name(name: str) -> None:
    """Outputs of the documented ports, made of the documented alphabets, give the text that was planted."""
    shapes, text, symbols = RECOGNIZERS[name]
    settings = settings_of(name)
    assert settings.task == "text"
    decoder = DECODERS[settings.decoder["kind"]](**settings.decoder)
    decoder.check([Port(port, shape) for port, shape in shapes.items()])
    outputs = {port: np.ones(shape, np.float32) for port, shape in shapes.items()}
    first = next(iter(shapes))
    outputs[first] = _planted(text, shapes[first], symbols, decoder.kind)
    assert decoder.decode(outputs, Frame((9, 9), (9, 9), (1, 1), (0, 0))).text == text


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("license-plate-recognition-barrier-0001", (1, 88, 1, 1)),
        ("license-plate-recognition-barrier-0007", (1, 88)),
    ],
)
def test_license_plates_are_read_by_name(name: str, shape: tuple[int, ...]) -> None:
    """Numbers of the documented dictionary, -1 behind the last."""
    decoder = DECODERS["sequence"](**settings_of(name).decoder)
    indices = np.full(88, -1, np.float32)
    indices[:7] = [11, 44, 9, 56, 7, 0, 5]
    port = Port("d_predictions", shape)
    decoder.check([port])
    found = decoder.decode(
        {port.name: indices.reshape(shape)}, Frame((9, 9), (9, 9), (1, 1), (0, 0))
    )
    assert found.text == PLATE


def test_lines_of_handwriting_are_fed_at_their_height() -> None:
    """96 px high, the ratio kept, the last column repeated to the width of the input."""
    fed = settings_of("handwritten-english-recognition-0001").preprocess
    assert (fed["resize"], fed["pad"], fed["colour"]) == ("height", "edge", "gray")


#: Documented input and output of each model of embeddings, and where its faces have to be aligned first.
EMBEDDERS: dict[str, tuple[str, tuple[int, ...], str, tuple[int, ...]]] = {
    "face-recognition-resnet100-arcface-onnx": ("data", (1, 3, 112, 112), "fc1", (1, 512)),
    "face-reidentification-retail-0095": ("0", (1, 3, 128, 128), "658", (1, 256, 1, 1)),
    "facenet-20180408-102900": (
        "image_batch",
        (1, 160, 160, 3),
        "InceptionResnetV1/Bottleneck/BatchNorm/Reshape_1",
        (1, 512),
    ),
    "image-retrieval-0001": (
        "Placeholder",
        (1, 224, 224, 3),
        "model/tf_op_layer_l2_normalize",
        (1, 256),
    ),
    "netvlad-tf": ("Placeholder", (1, 200, 300, 3), "vgg16_netvlad_pca/l2_normalize_1", (1, 4096)),
    **{
        f"person-reidentification-retail-{number}": (
            "data",
            (1, 3, 256, 128),
            "reid_embedding",
            (1, 256),
        )
        for number in ("0277", "0286", "0287", "0288")
    },
    "vehicle-reid-0001": ("input", (1, 3, 208, 208), "features", (1, 512)),
}


@pytest.mark.parametrize("name", EMBEDDERS)
def test_embeddings_are_read_by_name(name: str) -> None:
    """A graph of the documented ports gives the vector that was planted in it, brought to length 1."""
    given, shape, port, answer = EMBEDDERS[name]
    ops = _ops()
    image = _parameter(given, list(shape))
    planted = np.random.default_rng(len(name)).normal(size=answer).astype(np.float32)
    mean = ops.reduce_mean(image, np.arange(4), keep_dims=False)
    found = ops.multiply(mean, planted)
    found.output(0).set_names({port})
    network = adapt(find_model(name), _network([found], [image]))

    settings = settings_of(name)
    assert (settings.task, settings.support) == ("embedding", "task")
    decoder = DECODERS[settings.decoder["kind"]](**settings.decoder)
    decoder.check(model_ports(network.outputs))
    outputs = {port: _run(network, np.full(shape, 3, np.float32))}
    vector = decoder.decode(outputs, Frame((9, 9), (9, 9), (1, 1), (0, 0))).vector
    np.testing.assert_allclose(vector, planted.ravel() / np.linalg.norm(planted), rtol=1e-5)


def test_what_embeddings_were_measured_by_is_known() -> None:
    """Verification accuracy, Rank-1 and mAP, and what of the original feeding is left to the user."""
    published = {
        name: [(one.metric, one.value) for one in settings_of(name).references]
        for name in ("facenet-20180408-102900", "vehicle-reid-0001", "netvlad-tf")
    }
    assert published == {
        "facenet-20180408-102900": [("verification_accuracy", 0.9914)],
        "vehicle-reid-0001": [("rank1", 0.9631), ("map", 0.8515)],
        "netvlad-tf": [(None, 0.820321)],
    }
    assert "mirrored image" in settings_of("facenet-20180408-102900").notes[0]
    assert "aligned by five points" in settings_of("face-reidentification-retail-0095").notes[0]
