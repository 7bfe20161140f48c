"""Predict with the model of this package: ``python predict.py IMAGE ...``, one JSON object a line.

As a module: ``Predictor()(image)`` takes uint8 [height, width, 3] in BGR, as OpenCV reads it, and
gives boxes (and key points, or corners) in pixels of that image, scores and class numbers, text, a vector, attributes, or
numbers at every pixel, as they were judged.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

sys.dont_write_bytecode = True  # `quantgate verify` finds the package as it was made

from decode import Decoder, Preprocess, ports_of, prepare, with_own_names

HERE = Path(__file__).resolve().parent
#: Classes of a classifier that are printed.
BEST = 5


class Predictor:
    """The compiled model with the way in and the way out that its gate was judged with."""

    def __init__(self, folder=HERE, device=None):
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        labels = (folder / "labels.txt").read_text(encoding="utf-8")
        self.labels = labels.split("\n")[:-1]
        self.plan = Preprocess(**_frozen(settings["preprocess"], folder))
        core = ov.Core()
        self.model = core.compile_model(
            core.read_model(folder / "model.xml"), device or settings["device"], settings["compile"]
        )
        self.request = self.model.create_infer_request()
        ports = ports_of(self.model.outputs)
        self.names = [port.name for port in ports]
        self.decoder = with_own_names(Decoder(**_frozen(settings["decoder"], folder)), ports)
        _, height, width, _ = self.model.input(0).shape
        self.size = (width, height)

    def __call__(self, image):
        """Predict one image."""
        tensor, frame = prepare(image, self.plan, self.size)
        self.request.infer([np.ascontiguousarray(tensor[None])])
        found = [self.request.get_output_tensor(i).data.copy() for i in range(len(self.names))]
        return self.decoder.decode(dict(zip(self.names, found, strict=True)), frame)


def _frozen(values, folder):
    """Turn JSON's lists into tuples, and names of files into their paths."""
    if isinstance(values, list):
        return tuple(_frozen(item, folder) for item in values)
    if isinstance(values, dict) and set(values) == {"file"}:
        return folder / values["file"]
    if isinstance(values, dict):
        return {key: _frozen(item, folder) for key, item in values.items()}
    return values


def told(prediction, labels):
    """Write a prediction as JSON: objects one by one, the best classes, or a summary of arrays."""
    columns = {f.name: getattr(prediction, f.name) for f in dataclasses.fields(prediction)}
    columns = {name: value for name, value in columns.items() if value is not None}
    if {"labels", "scores"} <= set(columns):
        rows = zip(*columns.values(), strict=True)
        return {"objects": [_named(dict(zip(columns, row, strict=True)), labels) for row in rows]}
    if "heads" in columns:
        return {"heads": _attributes(columns["heads"], columns["values"])}
    if set(columns) == {"scores"}:
        best = np.argsort(-columns["scores"], kind="stable")[:BEST]
        scores = columns["scores"][best]
        rows = zip(best, scores, strict=True)
        return {"classes": [_named({"labels": i, "scores": s}, labels) for i, s in rows]}
    if "text" in columns:
        sure = columns["confidence"]
        return {"text": columns["text"], "confidence": None if sure != sure else sure}  # noqa: PLR0124 - NaN
    return _arrays(columns)


def _arrays(columns):
    """A vector as it is; of maps and other arrays their form."""
    if "vector" in columns:
        return {"vector": columns["vector"].tolist()}
    if "inverse" in columns:  # numbers at every pixel, and how they are to be read
        numbers = columns.pop("values")
        ends = {"low": float(numbers.min()), "high": float(numbers.max())}
        said = {name: value for name, value in columns.items() if value not in ("", "none", False)}
        return {**_shape(numbers), **ends, **said}
    return {name: _shape(value) for name, value in columns.items()}


def _attributes(heads, values):
    """Every head by its name: its best class, whether its label is there, or its value."""
    found, first = {}, 0
    for head in heads:
        own = [float(value) for value in values[first : first + head.size]]
        first += head.size
        best = own.index(max(own))
        if head.kind == "class":
            name = {"label": head.classes[best]} if head.classes else {}
            found[head.name] = {"class": best, **name, "score": own[best]}
        elif head.kind == "label":
            found[head.name] = {"there": own[0] >= head.threshold, "score": own[0]}
        else:
            found[head.name] = {"value": own[0], **({"unit": head.unit} if head.unit else {})}
    return found


def _named(row, labels):
    """One object or class: its number, its name where there is one, and all else that is known."""
    index = int(row.pop("labels"))
    name = {"label": labels[index]} if 0 <= index < len(labels) else {}
    return {"class": index, **name, **{_singular(key): _plain(v) for key, v in row.items()}}


def _singular(column):
    """Name a column of one object; key points stay several."""
    if column == "points":
        return column
    return "box" if column == "boxes" else column.removesuffix("s")


def _plain(value):
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.decode("ascii") if isinstance(value, bytes) else value


def _shape(value):
    """Say the form of an array too large to print; --output keeps it."""
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "type": str(value.dtype)}
    return {key: _shape(item) for key, item in value.items()}


def keep(prediction, path):
    """Write a class map or a picture as PNG, numbers at every pixel as .npy, anything else as .npz; give the file's name."""
    columns = {f.name: getattr(prediction, f.name) for f in dataclasses.fields(prediction)}
    columns = {name: value for name, value in columns.items() if value is not None}
    if "inverse" in columns:
        path = path.with_name(f"{path.name}.npy")
        np.save(path, columns["values"])
        return path.name
    if "shares" in columns:  # of one object, beside the map of classes: grey, white is all of it
        shares = np.rint(columns.pop("shares") * 255).astype(np.uint8)
        cv2.imwrite(str(path.with_name(f"{path.name}.shares.png")), shares)
    if "heads" in columns:  # numbers of all heads one after the other, and what each is called
        columns["heads"] = [name for head in columns["heads"] for name in [head.name] * head.size]
    picture = next(iter(columns.values())) if len(columns) == 1 else None
    if isinstance(picture, np.ndarray) and picture.ndim > 1:
        path = path.with_name(f"{path.name}.png")
        cv2.imwrite(str(path), np.rint(picture).astype(np.uint8))
        return path.name
    path = path.with_name(f"{path.name}.npz")
    arrays = picture if isinstance(picture, dict) else columns
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return path.name


def read(path):
    """Read an image as the gate did: BGR, upright, 8 bits."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path} is no image that OpenCV can read")
    return image


def main():
    """Predict the images of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--device", help="another device than the one the gate was judged on")
    parser.add_argument("--output", type=Path, help="folder for the arrays of every prediction")
    options = parser.parse_args()
    predictor = Predictor(device=options.device)
    for name in options.images:
        prediction = predictor(read(name))
        line = {"image": name, **told(prediction, predictor.labels)}
        if options.output is not None:
            options.output.mkdir(parents=True, exist_ok=True)
            line["file"] = keep(prediction, options.output / Path(name).name)
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
