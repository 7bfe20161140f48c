"""Several heads: outputs of their own and parts of one, against plain arithmetic; what is said of wrong keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.core.heads import annotated, answers
from quantgate.decoders.heads import HeadEntry, HeadsDecoder
from quantgate.decoders.ports import MisfitError, with_own_names
from quantgate.decoders.protocol import Port
from quantgate.engine.look.plausible import implausible
from quantgate.errors import DecoderError

FRAME = Frame((80, 160), (80, 160), (1.0, 1.0), (0.0, 0.0))


def decoded(outputs: dict[str, Any], **heads: Any) -> Any:
    """Decode one image whose outputs have a batch of 1."""
    arrays = {name: np.array([values], np.float32) for name, values in outputs.items()}
    decoder = HeadsDecoder(heads={name: HeadEntry(**own) for name, own in heads.items()})
    decoder.check([Port(name, array.shape) for name, array in arrays.items()])
    return decoder.decode(arrays, FRAME)


def test_undescribed_outputs_are_heads_of_their_names() -> None:
    """One number is a value, more are the shares of classes; logits get their softmax, shares stay."""
    found = decoded({"prob": [[[0.25]], [[0.75]]], "age": [[[0.31]]], "logits": [0.0, 2.0, 1.0]})
    assert [(head.name, head.kind, head.size) for head in found.heads] == [
        *(("prob", "class", 2), ("age", "value", 1), ("logits", "class", 3)),
    ]
    powers = [math.exp(x) for x in (0.0, 2.0, 1.0)]
    shares = [power / sum(powers) for power in powers]
    np.testing.assert_allclose(found.values, [0.25, 0.75, 0.31, *shares], rtol=1e-6)
    assert answers(found.heads, found.values).tolist() == pytest.approx([1, 0.31, 1])


def test_parts_of_one_output_are_heads() -> None:
    """Classes, labels and values side by side in one row of numbers, each as its keys say."""
    row = [0.1, 0.7, 0.2, -1.0, 2.0, 0.5, 90.0]
    found = decoded(
        {"out": row},
        colour={"part": (0, 3), "names": ("red", "green", "blue")},
        worn={
            "part": (3, 5),
            "kind": "sigmoid",
            "names": ("hat", "bag"),
            "logits": True,
            "threshold": 0.9,
        },
        age={"part": (5, 6), "scale": 100.0, "offset": -1.0, "unit": "years"},
        yaw={"output": "out", "part": (6, 7), "period": 360.0},
    )
    sure = [1 / (1 + math.exp(1)), 1 / (1 + math.exp(-2))]
    np.testing.assert_allclose(found.values, [*row[:3], *sure, 49.0, 90.0], rtol=1e-6)
    assert [head.name for head in found.heads] == ["colour", "hat", "bag", "age", "yaw"]
    assert answers(found.heads, found.values).tolist() == [1, 0, 0, 49, 90]
    assert found.heads[0].told(1.0) == "green"
    assert found.heads[3].told(49.0) == "49 years"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            {"output": "prb"},
            r"decoder.heads.sex.output: the model has no output 'prb', .*did you mean prob\?",
        ),
        (
            {},
            r"decoder.heads.sex: the model has no output 'sex', found the outputs prob \[1,2\], age \[1,1\]",
        ),
        (
            {"output": "prob", "part": (1, 3)},
            r"part: expected numbers from 0 to 2 .* found \[1, 3\]",
        ),
        ({"output": "prob", "names": ("f", "m", "x")}, "names: 3 names for 2 numbers"),
        ({"output": "age", "kind": "softmax"}, "a softmax of one number always gives 1"),
    ],
)
def test_wrong_keys_are_told_with_their_place(entry: dict[str, Any], said: str) -> None:
    """An output that is not there, a part outside of it, too many names: the key, and what is there."""
    decoder = HeadsDecoder(heads={"sex": HeadEntry(**entry)})
    with pytest.raises(DecoderError, match=said):
        decoder.check([Port("prob", (1, 2)), Port("age", (1, 1))])


def test_names_tell_attributes_apart() -> None:
    """Two attributes of one name could not be annotated."""
    decoder = HeadsDecoder(
        heads={"a": HeadEntry(kind="sigmoid", names=("hat", "b")), "b": HeadEntry(kind="value")}
    )
    with pytest.raises(DecoderError, match="two attributes the name 'b'"):
        decoder.check([Port("a", (1, 2)), Port("b", (1, 1))])
    with pytest.raises(MisfitError, match="several outputs of one row of numbers each"):
        HeadsDecoder().check([Port("map", (1, 3, 20, 20)), Port("age", (1, 1))])


def test_aliases_of_outputs_are_followed() -> None:
    """An output may be named as the source framework called it, and is read as it is passed on."""
    ports = [Port("prob", (1, 2), ("prob:0", "softmax")), Port("age", (1, 1))]
    decoder = HeadsDecoder(
        heads={"sex": HeadEntry(output="softmax"), "years": HeadEntry(output="age")}
    )
    named: Any = with_own_names(decoder, ports)
    outputs = {"prob": np.array([[0.2, 0.8]], np.float32), "age": np.array([[3.0]], np.float32)}
    assert named.decode(outputs, FRAME).values.tolist() == pytest.approx([0.2, 0.8, 3.0])


def test_annotations_are_read_as_people_write_them() -> None:
    """Names in any case, numbers, yes and no, lists of labels; nothing known is nothing counted."""
    heads = decoded(
        {"out": [0.1, 0.7, 0.2, 1.0, 0.0, 0.5]},
        colour={"part": (0, 3), "names": ("light red", "green", "blue")},
        worn={"part": (3, 5), "kind": "sigmoid", "names": ("hat", "bag")},
        age={"part": (5, 6)},
    ).heads

    def read(**cells: str) -> Any:
        return annotated(heads, cells).tolist()

    nan = pytest.approx(math.nan, nan_ok=True)
    assert read(colour="Light_Red", hat="yes", bag="0", age="31.5") == [0, 1, 0, 31.5]
    assert read(colour="2", hat="-1", bag="False", age=" ") == [2, nan, 0, nan]
    assert read(colour="-1", worn="bag|hat") == [nan, 1, 1, nan]
    assert read(worn="") == [nan, 0, 0, nan]
    for cells, said in (
        (
            {"colour": "gren"},
            "colour: 'gren' is none of light red, green, blue; did you mean green?",
        ),
        ({"colour": "3"}, "colour: class 3 is annotated, and the model knows 3, counted from 0"),
        ({"hat": "maybe"}, "hat: 'maybe' is neither yes nor no: write 1 or 0"),
        ({"age": "old"}, "age: 'old' is no number"),
        ({"worn": "hat;coat"}, "worn: 'coat' is none of hat, bag"),
    ):
        with pytest.raises(ValueError, match=said.split(": ", 1)[1].replace("?", r"\?")) as error:
            read(**cells)
        assert str(error.value).startswith(said.split(":")[0])


def test_a_head_that_says_one_thing_is_odd() -> None:
    """A class or value that is the same for all images is told; labels that are never there are usual."""
    rng = np.random.default_rng(0)
    found = [
        decoded(
            {"out": [0.1, 0.9, 0.01, float(rng.random())]},
            sex={"part": (0, 2), "names": ("female", "male")},
            hat={"part": (2, 3), "kind": "sigmoid"},
            age={"part": (3, 4)},
        )
        for _ in range(9)
    ]
    (said,) = implausible(found, [None] * 9, ())
    assert said.startswith("the parent tells the same of all 9 images: sex male; check preprocess")
