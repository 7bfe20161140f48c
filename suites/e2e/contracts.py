"""Models of the contracts that pages' entries name, each found out by arithmetic, with pictures and truth in the layout named.

Red, green and blue squares on grey noise are what there is to see: what a model says of them is exact, so gates judge it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino as ov

from quantgate.sources.opset import opset
from suites import onnx_files

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

ops = opset()
COUNT = 160
#: Colours in the order of what OpenCV writes.
RED, GREEN, BLUE = (20, 20, 235), (20, 235, 20), (235, 20, 20)
COLOURS = {"r": RED, "g": GREEN, "b": BLUE}
POINTS = 17


def grey(index: int, size: tuple[int, int]) -> Image:
    """Noise about a middle grey, BGR [h, w, 3]."""
    width, height = size
    noise = np.random.default_rng(index).integers(90, 150, (height, width, 1))
    return noise.repeat(3, axis=2).astype(np.uint8)


def save(nodes: dict[str, Any], image: Any, path: Path) -> None:
    """Write a model with outputs of these names."""
    results = []
    for name, one in nodes.items():
        one.output(0).set_names({name})
        results.append(ops.result(one))
    ov.save_model(ov.Model(results, [image], "contract"), path, compress_to_fp16=False)


def picture(size: tuple[int, int]) -> Any:
    """Declare the input, NCHW."""
    image = ops.parameter([1, 3, size[1], size[0]], np.float32, name="image")
    image.output(0).set_names({"image"})
    return image


def mixed(node: Any, weights: Any, bias: Any) -> Any:
    """Mix channels by a convolution of one pixel: weights [out, in], bias [out]."""
    kernel = np.array(weights, np.float32)[..., None, None]
    made = ops.convolution(node, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    return ops.add(made, ops.constant(np.array(bias, np.float32).reshape(1, -1, 1, 1)))


def pooled(node: Any, cell: tuple[int, int]) -> Any:
    """Average cells of so many rows and columns."""
    return ops.avg_pool(node, [*cell], [0, 0], [0, 0], [*cell], exclude_pad=True)


def shaped(node: Any, *sides: int) -> Any:
    """Reshape."""
    return ops.reshape(node, np.array(sides, np.int64), special_zero=False)


def attributes(folder: Path) -> None:
    """age-gender.onnx: [1, 3, 62, 62] in BGR, the shares of two classes and a number."""
    image = picture((62, 62))
    sexes = pooled(mixed(image, [[-0.1, 0, 0.1], [0.1, 0, -0.1]], [0, 0]), (62, 62))
    age = pooled(mixed(image, [[0, 1 / 255, 0]], [0]), (62, 62))
    save({"prob": ops.softmax(sexes, 1), "fc3": age}, image, folder / "age-gender.xml")
    rows = ["image,gender,age"]
    (folder / "faces").mkdir()
    for k in range(COUNT):
        drawn = grey(k, (62, 62))
        drawn[: 5 + k // 3, 10:, 1] = 250
        drawn[..., 2 * (k % 2)] //= 2
        years = 100 * drawn[..., 1].mean() / 255
        cv2.imwrite(str(folder / "faces" / f"{k:03d}.png"), drawn)
        rows.append(f"{k:03d}.png,{'female' if k % 2 == 0 else 'male'},{5 * round(years / 5)}")
    (folder / "faces" / "faces.csv").write_text("\n".join(rows), encoding="utf-8")


def dense(folder: Path) -> None:
    """fastdepth.onnx: RGB 0..1 to a map of metres."""
    image = picture((64, 64))
    save({"depth": mixed(image, [[0, 4, 0]], [1])}, image, folder / "fastdepth.xml")
    for name in ("rgb", "depth"):
        (folder / "rooms" / name).mkdir(parents=True)
    for k in range(COUNT):
        drawn = grey(k, (64, 64))
        drawn[16 : 40 + k % 8, 8:40] = (30, 220, 30)
        cv2.imwrite(str(folder / "rooms" / "rgb" / f"{k:03d}.png"), drawn)
        # No network is right to the millimetre.
        metres = 1.1 * (1 + 4 * drawn[..., 1].astype(np.float64) / 255)
        depth = (1000 * metres).round().astype(np.uint16)
        cv2.imwrite(str(folder / "rooms" / "depth" / f"{k:03d}.png"), depth)


def embedding(folder: Path) -> None:
    """mobilefacenet.onnx: a face to a vector; an identity is a colour."""
    image = picture((112, 112))
    rng = np.random.default_rng(3)
    means = shaped(pooled(image, (56, 56)), 1, 12, 1, 1)
    vector = shaped(mixed(means, rng.normal(0, 1, (16, 12)), np.zeros(16)), 1, 16)
    save({"vector": vector}, image, folder / "mobilefacenet.xml")
    people, each = 10, 4
    for name in ("lfw", "other-faces"):
        for person in range(people):
            tint = np.random.default_rng(person).uniform(0.1, 1.7, (2, 2, 3))
            for k in range(1, each + 1):
                seed = 1000 * (name == "lfw") + 10 * person + k
                drawn = _tinted(seed, tint)
                path = folder / name / f"Person_{person}" / f"Person_{person}_{k:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), drawn)
    same = [f"Person_{k}\t{a}\t{a + 1}" for k in range(people) for a in (1, 3)]
    other = [
        f"Person_{k}\t{a}\tPerson_{(k + a) % people}\t{a}" for k in range(people) for a in (1, 3)
    ]
    lines = [f"1\t{len(same)}", *same, *other]
    (folder / "lfw" / "pairs.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tinted(seed: int, tint: NDArray[np.float64]) -> Image:
    """Tint the quarters of a picture, a little otherwise in each, and draw a stroke."""
    moved = tint * np.random.default_rng(seed).uniform(0.85, 1.15, tint.shape)
    wide = np.kron(moved, np.ones((56, 56, 1)))
    drawn = np.clip(grey(seed, (112, 112)) * wide, 0, 255).astype(np.uint8)
    cv2.line(drawn, (seed % 112, 0), (111 - seed % 50, 111), (255, 255, 255), 6)
    return drawn


def persons(folder: Path) -> None:
    """yolov8n-pose.onnx: red squares are persons whose joints lie on a ring: [1, 4 + 1 + 51, cells]."""
    side, cell = 128, 32
    grid = side // cell
    cells = grid * grid
    image = picture((side, side))
    shares = ops.sigmoid(mixed(pooled(image, (cell, cell)), [[20, -20, -20]], [-6]))
    centres = (np.arange(grid) + 0.5) * cell
    x, y = np.tile(centres, grid), np.repeat(centres, grid)
    boxes = np.stack([x, y, np.full(cells, cell), np.full(cells, cell)])
    ring = cell / 3 * np.stack([np.cos(np.arange(POINTS)), np.sin(np.arange(POINTS))], 1)
    joints = np.stack([np.stack([x + a, y + b, np.full(cells, 0.9)]) for a, b in ring])
    fixed = [ops.constant(one.reshape(1, -1, cells).astype(np.float32)) for one in (boxes, joints)]
    rows = ops.concat([fixed[0], shaped(shares, 1, 1, cells), fixed[1]], 1)
    save({"output0": rows}, image, folder / "yolov8n-pose.xml")
    (folder / "val2017").mkdir()
    document = coco(["person"], [f"joint {k}" for k in range(POINTS)])
    for k in range(COUNT):
        drawn = grey(k, (side, side))
        for place in np.random.default_rng(k).choice(cells, 3, replace=False):
            left, top = int(x[place] - cell / 2), int(y[place] - cell / 2)
            drawn[top : top + cell, left : left + cell] = RED
            points = [[x[place] + a, y[place] + b, 2] for a, b in ring]
            annotate(
                document,
                k,
                [left, top, cell, cell],
                keypoints=np.ravel(points).tolist(),
                num_keypoints=POINTS,
            )
        add_image(document, k, folder / "val2017", drawn)
    (folder / "person_keypoints_val2017.json").write_text(json.dumps(document), encoding="utf-8")


def faces(folder: Path) -> None:
    """pfld.xml: 98 points of a face, which move with its brightness."""
    image = picture((112, 112))
    count, size = 98, 112
    rng = np.random.default_rng(5)
    places = rng.uniform(0.05, 0.95, (count, 2))
    places[[0, 1]] = (0, 0), (1, 1)
    mean = pooled(image, (112, 112))
    moved = mixed(mean, np.full((2 * count, 3), 0.0), places.ravel())
    save({"landms": shaped(moved, 1, 2 * count)}, image, folder / "pfld.xml")
    (folder / "images").mkdir()
    document = coco(["face"], [f"point {k}" for k in range(count)])
    for k in range(COUNT):
        drawn = grey(k, (160, 160))
        left, top = 20 + k % 10, 20 + k % 7
        points = np.concatenate([places * size + (left, top), np.full((count, 1), 2)], 1)
        annotate(
            document,
            k,
            [left, top, size, size],
            keypoints=points.ravel().tolist(),
            num_keypoints=count,
        )
        add_image(document, k, folder / "images", drawn)
    (folder / "faces.json").write_text(json.dumps(document), encoding="utf-8")


def masks(folder: Path) -> None:
    """u2net.onnx: normalized RGB to logits of what is red."""
    image = picture((96, 96))
    save({"mask": mixed(image, [[6, -3, -3]], [-3])}, image, folder / "u2net.xml")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for k in range(COUNT):
        drawn, mask = grey(k, (96, 96)), np.zeros((96, 96), np.uint8)
        place = (slice(10 + k % 40, 50 + k % 40), slice(20, 60))
        drawn[place], mask[place] = RED, 255
        cv2.imwrite(str(folder / "images" / f"{k:03d}.png"), drawn)
        cv2.imwrite(str(folder / "masks" / f"{k:03d}.png"), mask)


def quads(folder: Path) -> None:
    """ch_PP-OCRv2_det_infer.onnx: shares of text, which is red and which the model sees shrunk."""
    size = (320, 184)
    image = picture(size)
    shares = ops.sigmoid(mixed(image, [[-6, -6, 12]], [-6]))
    save({"map": shares}, image, folder / "ch_PP-OCRv2_det_infer.xml")
    notes = folder / "Challenge4_Test_Task1_GT"
    notes.mkdir()
    (folder / "ch4_test_images").mkdir()
    for k in range(COUNT):
        drawn, lines = grey(k, size), []
        for row in range(3):
            left, top, width, height = 20 + 5 * row + k % 40, 20 + 50 * row, 100, 15
            drawn[top : top + height, left : left + width] = RED
            grown = 1.6 * width * height / (2 * (width + height))
            x0, y0, x1, y1 = left - grown, top - grown, left + width + grown, top + height + grown
            corners = (x0, y0, x1, y0, x1, y1, x0, y1)
            lines.append(",".join([*(str(round(one)) for one in corners), "word"]))
        cv2.imwrite(str(folder / "ch4_test_images" / f"img_{k}.png"), drawn)
        (notes / f"gt_img_{k}.txt").write_text("\n".join(lines), encoding="utf-8")


def text(folder: Path) -> None:
    """ch_PP-OCRv4_rec_infer.onnx: letters are colours, eight columns each, with grey between."""
    image = picture((320, 48))
    steps, letters = 40, list(COLOURS)
    weights = [[0, 0, 0]] + [
        [(12.0 if colour[k] > 200 else -6.0) for k in range(3)] for colour in COLOURS.values()
    ]
    scores = mixed(pooled(image, (48, 8)), weights, [0, -6, -6, -6])
    rows = ops.transpose(shaped(scores, 1, 4, steps), ops.constant(np.array([0, 2, 1], np.int64)))
    save({"scores": ops.softmax(rows, 2)}, image, folder / "ch_PP-OCRv4_rec_infer.xml")
    (folder / "ppocr_keys_v1.txt").write_text("\n".join(letters) + "\n", encoding="utf-8")
    (folder / "words").mkdir()
    lines = []
    for k in range(COUNT):
        rng = np.random.default_rng(k)
        word = "".join(rng.choice(letters, rng.integers(3, 8)))
        drawn = grey(k, (320, 48))
        for place, letter in enumerate(word):
            drawn[:, 16 * place : 16 * place + 8] = COLOURS[letter]
        cv2.imwrite(str(folder / "words" / f"{k:03d}.png"), drawn)
        lines.append(f"{k:03d}.png\t{word}")
    (folder / "words" / "labels.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def ssd(folder: Path, count: int = COUNT) -> None:
    """ssd.onnx: one output [1, 1, N, 7], fed as the page says; red is the first class after the background."""
    side, cell = 300, 30
    grid = side // cell
    image = picture((side, side))
    shares = ops.sigmoid(mixed(pooled(image, (cell, cell)), [[-20, -20, 20]], [-6]))
    x, y = np.tile(np.arange(grid), grid), np.repeat(np.arange(grid), grid)
    before = np.tile([0.0, 1.0], (grid * grid, 1))
    boxes = np.stack([x, y, x + 1, y + 1], 1) * cell / side
    left, right = (ops.constant(one[None, None].astype(np.float32)) for one in (before, boxes))
    rows = ops.concat([left, shaped(shares, 1, 1, grid * grid, 1), right], 3)
    save({"detections": rows}, image, folder / "ssd.xml")
    document = coco(["red"], [])
    for name in ("calibration", "val"):
        (folder / "images" / name).mkdir(parents=True)
        for k in range(count):
            drawn = grey(1000 * (name == "val") + k, (side, side))
            for place in np.random.default_rng(k).choice(grid * grid, 4, replace=False):
                left_, top = int(x[place]) * cell, int(y[place]) * cell
                drawn[top : top + cell, left_ : left_ + cell] = RED
                if name == "val":
                    annotate(document, k, [left_, top, cell, cell])
            if name == "val":
                add_image(document, k, folder / "images" / name, drawn)
            else:
                cv2.imwrite(str(folder / "images" / name / f"{k:03d}.png"), drawn)
    (folder / "images" / "val.json").write_text(json.dumps(document), encoding="utf-8")


def ssd_onnx(*, bgr: bool) -> bytes:
    """Encode the same detector as ssd_mobilenet_v1_coco is fed and read: NHWC, 0..255, class 1 of COCO's 90."""
    side, cell = 300, 30
    grid = side // cell
    weights = np.array([20, -20, -20], np.float32)[:: -1 if bgr else 1] / 127.5
    x, y = np.tile(np.arange(grid), grid), np.repeat(np.arange(grid), grid)
    boxes = np.stack([x, y, x + 1, y + 1], 1) * cell / side
    constants = {
        "weights": weights.reshape(1, 3, 1, 1).copy(),
        "bias": np.array([14], np.float32),
        "rows": np.array([1, 1, grid * grid, 1], np.int64),
        "before": np.tile(np.array([0, 1], np.float32), (1, 1, grid * grid, 1)),
        "after": boxes[None, None].astype(np.float32),
    }
    node = onnx_files.node
    nodes = [
        node("Transpose", ["image_tensor"], "planes", perm=[0, 3, 1, 2]),
        node("AveragePool", ["planes"], "means", kernel_shape=[cell, cell], strides=[cell, cell]),
        node("Conv", ["means", "weights", "bias"], "logits", kernel_shape=[1, 1]),
        node("Sigmoid", ["logits"], "shares"),
        node("Reshape", ["shares", "rows"], "scores"),
        node("Concat", ["before", "scores", "after"], "DetectionOutput", axis=3),
    ]
    ends = ("image_tensor", [1, side, side, 3]), ("DetectionOutput", [1, 1, grid * grid, 7])
    return onnx_files.network(nodes, constants, ends)


def coco(names: list[str], points: list[str]) -> dict[str, Any]:
    """Begin a document of COCO's key points."""
    categories = [{"id": k + 1, "name": name, "keypoints": points} for k, name in enumerate(names)]
    return {"images": [], "annotations": [], "categories": categories}


def add_image(document: dict[str, Any], k: int, folder: Path, drawn: Image) -> None:
    """Write an image, and list it."""
    height, width = drawn.shape[:2]
    document["images"].append(
        {"id": k, "file_name": f"{k:03d}.png", "width": width, "height": height}
    )
    cv2.imwrite(str(folder / f"{k:03d}.png"), drawn)


def annotate(document: dict[str, Any], image: int, box: list[float], **more: object) -> None:
    """Add an object."""
    row = {
        "id": len(document["annotations"]) + 1,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
    }
    document["annotations"].append({**row, "bbox": box, "area": box[2] * box[3], **more})
